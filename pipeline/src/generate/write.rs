//! Writes a made-up log in one of the formats that `build` reads.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, UInt32Array, UInt64Array};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression as ParquetCompression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use tempfile::NamedTempFile;

use crate::candidates::file::persist;
use crate::generate::LogEvent;

/// Events handed to Parquet at once.
const BATCH_ROWS: usize = 64 * 1024;

/// The format of a made-up log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Comma-separated values, gzip.
    #[default]
    #[value(name = "csv.gz")]
    CsvGz,
    /// Comma-separated values.
    #[value(name = "csv")]
    Csv,
    /// One JSON object per line.
    #[value(name = "jsonl")]
    Jsonl,
    /// Apache Parquet.
    #[value(name = "parquet")]
    Parquet,
}

impl LogFormat {
    /// The name that the events' file gets.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::CsvGz => "events.csv.gz",
            Self::Csv => "events.csv",
            Self::Jsonl => "events.jsonl",
            Self::Parquet => "events.parquet",
        }
    }
}

/// An events file being written under another name, so that nobody meets half of it.
#[derive(Debug)]
pub struct EventsWriter {
    path: PathBuf,
    output: Output,
}

#[derive(Debug)]
enum Output {
    CsvGz(Box<csv::Writer<GzEncoder<NamedTempFile>>>),
    Csv(Box<csv::Writer<NamedTempFile>>),
    Jsonl(BufWriter<NamedTempFile>),
    Parquet(Box<ParquetLog>),
}

#[derive(Debug)]
struct ParquetLog {
    writer: ArrowWriter<NamedTempFile>,
    events: Vec<LogEvent>,
}

impl EventsWriter {
    /// Begins the events file in `dir`.
    ///
    /// # Errors
    /// When it cannot be made there.
    pub fn create(dir: &Path, format: LogFormat) -> anyhow::Result<Self> {
        let file = NamedTempFile::new_in(dir)?;
        let output = match format {
            LogFormat::CsvGz => {
                Output::CsvGz(Box::new(csv::Writer::from_writer(GzEncoder::new(file, Compression::fast()))))
            }
            LogFormat::Csv => Output::Csv(Box::new(csv::Writer::from_writer(file))),
            LogFormat::Jsonl => Output::Jsonl(BufWriter::new(file)),
            LogFormat::Parquet => Output::Parquet(Box::new(ParquetLog::new(file)?)),
        };
        Ok(Self { path: dir.join(format.file_name()), output })
    }

    /// Adds one event.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn push(&mut self, event: &LogEvent) -> anyhow::Result<()> {
        match &mut self.output {
            Output::CsvGz(writer) => Ok(writer.serialize(event)?),
            Output::Csv(writer) => Ok(writer.serialize(event)?),
            Output::Jsonl(writer) => {
                serde_json::to_writer(&mut *writer, event)?;
                Ok(writer.write_all(b"\n")?)
            }
            Output::Parquet(log) => log.push(event),
        }
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// When the rest cannot be written or the name cannot be taken.
    pub fn finish(self) -> anyhow::Result<PathBuf> {
        let file = match self.output {
            Output::CsvGz(writer) => writer.into_inner().map_err(csv::IntoInnerError::into_error)?.finish()?,
            Output::Csv(writer) => writer.into_inner().map_err(csv::IntoInnerError::into_error)?,
            Output::Jsonl(writer) => writer.into_inner().map_err(std::io::IntoInnerError::into_error)?,
            Output::Parquet(log) => log.finish()?,
        };
        let _: File = persist(file, &self.path)?;
        Ok(self.path)
    }
}

impl ParquetLog {
    fn new(file: NamedTempFile) -> anyhow::Result<Self> {
        let properties =
            WriterProperties::builder().set_compression(ParquetCompression::ZSTD(ZstdLevel::default())).build();
        let writer = ArrowWriter::try_new(file, batch(&[])?.schema(), Some(properties))?;
        Ok(Self { writer, events: Vec::with_capacity(BATCH_ROWS) })
    }

    fn push(&mut self, event: &LogEvent) -> anyhow::Result<()> {
        self.events.push(*event);
        if self.events.len() < BATCH_ROWS { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        self.writer.write(&batch(&self.events)?)?;
        self.events.clear();
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<NamedTempFile> {
        self.flush()?;
        Ok(self.writer.into_inner()?)
    }
}

fn batch(events: &[LogEvent]) -> anyhow::Result<RecordBatch> {
    let user: ArrayRef = Arc::new(UInt64Array::from_iter_values(events.iter().map(|event| event.user)));
    let ts: ArrayRef = Arc::new(Int64Array::from_iter_values(events.iter().map(|event| event.ts)));
    let item: ArrayRef = Arc::new(UInt64Array::from_iter_values(events.iter().map(|event| event.item)));
    let cluster: ArrayRef = Arc::new(UInt32Array::from_iter_values(events.iter().map(|event| event.cluster)));
    Ok(RecordBatch::try_from_iter([("user", user), ("ts", ts), ("item", item), ("cluster", cluster)])?)
}
