//! Writes candidates as Parquet, for people and programs that want them without the release.
//!
//! The file carries the catalogue's ids, and `build --candidates` makes the same table of it again.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{Float32Builder, ListBuilder, StructBuilder, UInt32Builder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use segue::snapshot::catalogue::Catalogue;
use tempfile::NamedTempFile;

use crate::candidates::Candidates;

/// The file's name inside the output directory.
pub const CANDIDATES_FILE: &str = "candidates.parquet";

/// How the names of files begin that are still being written.
pub const PARTIAL: &str = ".partial-";

/// Rows handed to Parquet at once.
const BATCH_ROWS: usize = 8 * 1024;

/// Why the candidates could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be made, or cannot take its name.
    #[error("cannot write {}: {source}; check the directory and its free space", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Parquet refused.
    #[error("cannot write {}: {source}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the writer said.
        source: ParquetError,
    },
}

/// A candidates file being written under another name, so that nobody meets half of it.
#[derive(Debug)]
pub struct CandidatesFile<'a> {
    catalogue: &'a Catalogue,
    path: PathBuf,
    writer: ArrowWriter<NamedTempFile>,
    batch: Batch,
}

impl<'a> CandidatesFile<'a> {
    /// Begins `candidates.parquet` in `dir`.
    ///
    /// # Errors
    /// When the file cannot be made there.
    pub fn create(dir: &Path, catalogue: &'a Catalogue) -> Result<Self, FileError> {
        Self::create_named(dir, CANDIDATES_FILE, catalogue)
    }

    /// Begins a file of another name in `dir`.
    ///
    /// # Errors
    /// When the file cannot be made there.
    pub fn create_named(dir: &Path, name: &str, catalogue: &'a Catalogue) -> Result<Self, FileError> {
        let path = dir.join(name);
        let file = NamedTempFile::with_prefix_in(PARTIAL, dir)
            .map_err(|source| FileError::Io { path: path.clone(), source })?;
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        let writer = ArrowWriter::try_new(file, schema(), Some(properties))
            .map_err(|source| FileError::Parquet { path: path.clone(), source })?;
        Ok(Self { catalogue, path, writer, batch: Batch::default() })
    }

    /// Adds one row.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn push(&mut self, row: &Candidates) -> Result<(), FileError> {
        self.batch.push(row, self.catalogue);
        if self.batch.rows < BATCH_ROWS { Ok(()) } else { self.flush() }
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// When the rest cannot be written or the name cannot be taken.
    pub fn finish(mut self) -> Result<PathBuf, FileError> {
        self.flush()?;
        let path = self.path;
        let file = self.writer.into_inner().map_err(|source| FileError::Parquet { path: path.clone(), source })?;
        persist(file, &path)?;
        Ok(path)
    }

    fn flush(&mut self) -> Result<(), FileError> {
        let batch = self.batch.take();
        self.writer.write(&batch).map_err(|source| FileError::Parquet { path: self.path.clone(), source })
    }
}

/// Gives a temporary file its name, with the rights that any new file gets; what it holds is on the disk before.
///
/// # Errors
/// When the directory does not let it.
pub fn persist(file: NamedTempFile, path: &Path) -> Result<File, FileError> {
    let io = |source| FileError::Io { path: path.to_owned(), source };
    readable(file.as_file()).map_err(io)?;
    file.as_file().sync_all().map_err(io)?;
    file.persist(path).map_err(|error| io(error.error))
}

/// Temporary files are made for their owner's eyes only; a result is for everyone's.
#[cfg(unix)]
fn readable(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &File) -> std::io::Result<()> {
    Ok(())
}

/// `history: list<uint32>, candidates: list<struct<cluster: uint32, score: float>>`, nothing ever null.
fn schema() -> SchemaRef {
    let list =
        |name: &str, item: DataType| Field::new(name, DataType::List(Arc::new(Field::new("item", item, false))), false);
    Arc::new(Schema::new(vec![list("history", DataType::UInt32), list("candidates", DataType::Struct(candidate()))]))
}

fn candidate() -> Fields {
    Fields::from(vec![Field::new("cluster", DataType::UInt32, false), Field::new("score", DataType::Float32, false)])
}

/// Rows on their way into Parquet.
#[derive(Debug)]
struct Batch {
    histories: ListBuilder<UInt32Builder>,
    candidates: ListBuilder<StructBuilder>,
    rows: usize,
}

impl Default for Batch {
    fn default() -> Self {
        let histories = ListBuilder::new(UInt32Builder::new()).with_field(Field::new("item", DataType::UInt32, false));
        let fields = StructBuilder::from_fields(candidate(), 0);
        let item = Field::new("item", DataType::Struct(candidate()), false);
        Self { histories, candidates: ListBuilder::new(fields).with_field(item), rows: 0 }
    }
}

impl Batch {
    fn push(&mut self, row: &Candidates, catalogue: &Catalogue) {
        let id = |index: u32| catalogue.id_at(index).unwrap_or_default();
        self.histories.append_value(row.history.iter().map(|index| Some(id(*index))));
        for (cluster, score) in &row.candidates {
            let fields = self.candidates.values();
            if let Some(clusters) = fields.field_builder::<UInt32Builder>(0) {
                clusters.append_value(id(*cluster));
            }
            if let Some(scores) = fields.field_builder::<Float32Builder>(1) {
                scores.append_value(*score);
            }
            fields.append(true);
        }
        self.candidates.append(true);
        self.rows += 1;
    }

    fn take(&mut self) -> RecordBatch {
        self.rows = 0;
        let columns: Vec<ArrayRef> = vec![Arc::new(self.histories.finish()), Arc::new(self.candidates.finish())];
        RecordBatch::try_new(schema(), columns).expect("the builders were made from this schema's own fields")
    }
}
