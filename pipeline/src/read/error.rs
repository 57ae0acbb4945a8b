//! Why reading a file stopped, as opposed to why one row was refused.

use std::path::PathBuf;

use crate::refusals::Refusal;
use crate::sort::SortError;
use crate::spill::SpillError;

/// Why a file could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened or its bytes cannot be read.
    #[error("cannot read {}: {source}; a compressed file that was cut short reads like this, so compare its size", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system or the decompressor said.
        source: std::io::Error,
    },
    /// The file is not Parquet.
    #[error("cannot read {} as Parquet: {source}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        source: parquet::errors::ParquetError,
    },
    /// A batch of a Parquet file cannot be read.
    #[error("cannot read the columns of {}: {source}", path.display())]
    Arrow {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        source: arrow_schema::ArrowError,
    },
    /// A named column is not there.
    #[error("{} has no column {expected:?}, got {got:?}; name the right one with its --...-column flag", path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// The column asked for.
        expected: String,
        /// The columns there are.
        got: Vec<String>,
    },
    /// A Parquet column has a type that cannot be what it should be.
    #[error("{}: column {column:?} has type {got}, expected {expected}", path.display())]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What would do.
        expected: &'static str,
        /// The type it has.
        got: arrow_schema::DataType,
    },
    /// The name says no format.
    #[error("cannot tell the format of {} by its name, expected .csv, .csv.gz, .jsonl, .jsonl.gz or .parquet; say it with --format", path.display())]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// A source holds nothing that can be read.
    #[error(
        "{given} holds no file of events, expected names that end in .csv, .csv.gz, .jsonl, .jsonl.gz or .parquet; say the format with --format"
    )]
    NoEvents {
        /// The source.
        given: String,
    },
    /// A source is no pattern.
    #[error("{pattern} is no pattern: {source}; write * for any text, ? for any sign, [ab] for one of these")]
    Pattern {
        /// The source.
        pattern: String,
        /// What is wrong.
        source: glob::PatternError,
    },
    /// A store does not answer as it should.
    #[error("cannot list {url}: {source}")]
    Store {
        /// The source.
        url: String,
        /// What the store said.
        source: object_store::Error,
    },
    /// A store cannot be opened.
    #[error(transparent)]
    Cloud(#[from] segue::cloud::CloudError),
    /// A row was refused and the policy is strict.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The rows could not be sorted.
    #[error(transparent)]
    Sort(#[from] SortError),
    /// What does not fit in memory could not be put on disk.
    #[error(transparent)]
    Spill(#[from] SpillError),
}
