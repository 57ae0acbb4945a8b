//! An input file: its format by name, its bytes decompressed and counted.
//!
//! Compression is told by the first two bytes, never by the name, so that a renamed file still reads.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::progress::Progress;
use crate::read::error::ReadError;
use crate::source::Object;

/// Bytes read from the disk at once.
const READ_BUFFER_BYTES: usize = 256 * 1024;

/// How gzip begins.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The format of an events or candidates file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Comma-separated values with a header, plain or gzip.
    Csv,
    /// One JSON object per line, plain or gzip.
    Jsonl,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// The format that the file's name says.
    ///
    /// # Errors
    /// When it says none.
    pub fn of(path: &Path) -> Result<Self, ReadError> {
        let name = file_name(path).to_ascii_lowercase();
        match name.trim_end_matches(".gz").rsplit('.').next() {
            Some("csv") => Ok(Self::Csv),
            Some("jsonl" | "ndjson") => Ok(Self::Jsonl),
            Some("parquet") => Ok(Self::Parquet),
            _ => Err(ReadError::Format { path: path.to_owned() }),
        }
    }
}

/// One file being read, with the bar that moves as it is.
#[derive(Debug)]
pub struct Source<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// What to move.
    pub progress: &'a Progress,
    object: Option<&'a Object>,
}

impl<'a> Source<'a> {
    /// A file of this machine.
    pub fn new(path: &'a Path, progress: &'a Progress) -> Self {
        Self { path, progress, object: None }
    }

    /// An object that is open; errors name it by `path`.
    pub fn open(object: &'a Object, path: &'a Path, progress: &'a Progress) -> Self {
        Self { path, progress, object: Some(object) }
    }

    /// Its bytes in ranges.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn object(&self) -> Result<Object, ReadError> {
        match self.object {
            Some(object) => Ok(object.clone()),
            None => Object::file(self.file()?).map_err(self.io()),
        }
    }

    /// The file's name without its directory.
    pub fn name(&self) -> String {
        file_name(self.path)
    }

    /// The file's bytes as they are.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn file(&self) -> Result<File, ReadError> {
        File::open(self.path).map_err(self.io())
    }

    /// The file's text, decompressed where it is gzip.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn text(&self) -> Result<Box<dyn BufRead>, ReadError> {
        let counted = self.progress.reading(self.object()?.stream(0));
        let mut plain = BufReader::with_capacity(READ_BUFFER_BYTES, counted);
        if plain.fill_buf().map_err(self.io())?.starts_with(&GZIP_MAGIC) {
            return Ok(Box::new(BufReader::with_capacity(READ_BUFFER_BYTES, MultiGzDecoder::new(plain))));
        }
        Ok(Box::new(plain))
    }

    /// Turns a failure of the system into one that names the file.
    pub fn io(&self) -> impl Fn(io::Error) -> ReadError + '_ {
        |source| ReadError::Io { path: self.path.to_owned(), source }
    }
}

/// The file's name without its directory: the only part of a path that leaves this machine.
pub fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_the_format() {
        let cases = [
            ("a/events.csv", Some(Format::Csv)),
            ("events.CSV.gz", Some(Format::Csv)),
            ("x.y.jsonl", Some(Format::Jsonl)),
            ("x.ndjson.gz", Some(Format::Jsonl)),
            ("x.parquet", Some(Format::Parquet)),
            ("x.txt", None),
            ("csv", Some(Format::Csv)),
            ("x.gz", None),
        ];
        for (name, format) in cases {
            assert_eq!(Format::of(Path::new(name)).ok(), format, "{name}");
        }
    }
}
