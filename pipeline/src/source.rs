//! The sources of a log: files, directories, patterns and object stores, expanded to the files of events behind them.
//!
//! It lists and opens; what the bytes mean is [`read`](crate::read)'s alone.

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::build::LogSettings;
use crate::read::source::file_name;
use crate::read::{Format, ReadError};
use segue::cloud::is_url;

pub mod clouds;
pub mod object;
#[cfg(test)]
mod tests;

pub use clouds::Clouds;
pub use object::Object;

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
/// A directory or prefix stands for all files below it whose name says a format, but for those with a `.` or `_` before any part of their
/// name: other programs keep their marks so.
///
/// # Errors
/// When a source is not there, cannot be listed, or holds no file of events.
pub fn list(log: &LogSettings) -> Result<Vec<Partition>, ReadError> {
    list_in(log, &Clouds::default())
}

/// Bytes of all partitions of a log: what a bar counts up to.
///
/// # Errors
/// Those of [`list`].
pub fn bytes(log: &LogSettings) -> Result<u64, ReadError> {
    Ok(list(log)?.iter().map(|partition| partition.bytes).sum())
}

/// The same as [`list`], with stores that may be open already.
///
/// # Errors
/// Those of [`list`].
pub fn list_in(log: &LogSettings, clouds: &Clouds) -> Result<Vec<Partition>, ReadError> {
    let mut partitions: Vec<Partition> = Vec::new();
    for source in &log.events {
        let mut found = if is_url(source) { remote(source, clouds)? } else { local(source)? };
        if found.len() > 1 {
            found.retain(|partition| is_events(&partition.name, log.format));
        }
        found.sort_by(|left, right| left.name.cmp(&right.name));
        if found.is_empty() {
            return Err(ReadError::NoEvents { given: source.clone() });
        }
        found.retain(|new| partitions.iter().all(|known| known.location != new.location));
        partitions.extend(found);
    }
    Ok(partitions)
}

impl Partition {
    /// Opens the partition.
    ///
    /// # Errors
    /// When the file or its store cannot be opened.
    pub fn open(&self, clouds: &Clouds) -> Result<Object, ReadError> {
        match &self.location {
            Location::Path(path) => File::open(path).and_then(Object::file).map_err(failed(path)),
            Location::Url(url) => clouds.open(url, self.bytes),
        }
    }

    /// Its format: the one given, or the one that its name says.
    ///
    /// # Errors
    /// When none is given and the name says none.
    pub fn format(&self, given: Option<Format>) -> Result<Format, ReadError> {
        given.map_or_else(|| Format::of(&self.path()), Ok)
    }

    /// Where it is, as errors name it.
    pub fn path(&self) -> PathBuf {
        match &self.location {
            Location::Path(path) => path.clone(),
            Location::Url(url) => clouds::named(url),
        }
    }
}

fn is_events(name: &str, given: Option<Format>) -> bool {
    let hidden = name.split('/').any(|part| part.starts_with(['.', '_']));
    !hidden && (given.is_some() || Format::of(Path::new(name)).is_ok())
}

fn remote(url: &str, clouds: &Clouds) -> Result<Vec<Partition>, ReadError> {
    let partition = |(found, object): (String, object_store::ObjectMeta)| Partition {
        name: below(&found, url.trim_end_matches('/')),
        location: Location::Url(found),
        bytes: object.size,
        stamp: object.e_tag.unwrap_or_else(|| object.last_modified.to_rfc3339()),
    };
    Ok(clouds.list(url)?.into_iter().map(partition).collect())
}

/// The path below a prefix, or the last part of the name.
fn below(found: &str, prefix: &str) -> String {
    let rest = found.strip_prefix(prefix).map(|rest| rest.trim_start_matches('/')).filter(|rest| !rest.is_empty());
    rest.map_or_else(|| file_name(Path::new(found)), str::to_owned)
}

fn local(given: &str) -> Result<Vec<Partition>, ReadError> {
    let path = Path::new(given);
    match path.metadata() {
        Ok(about) if about.is_dir() => walk(path, path),
        Ok(about) => Ok(vec![file(path, file_name(path), &about)]),
        Err(_) if given.contains(['*', '?', '[']) => matching(given),
        Err(source) => Err(failed(path)(source)),
    }
}

fn matching(pattern: &str) -> Result<Vec<Partition>, ReadError> {
    let paths = glob::glob(pattern).map_err(|source| ReadError::Pattern { pattern: pattern.to_owned(), source })?;
    let mut found = Vec::new();
    for path in paths {
        let path = path.map_err(|error| failed(error.path())(std::io::Error::other(error.to_string())))?;
        let about = path.metadata().map_err(failed(&path))?;
        if about.is_dir() {
            found.extend(walk(&path, &path)?)
        } else {
            found.push(file(&path, file_name(&path), &about))
        }
    }
    Ok(found)
}

/// All files below a directory.
fn walk(root: &Path, dir: &Path) -> Result<Vec<Partition>, ReadError> {
    let mut found = Vec::new();
    for entry in dir.read_dir().map_err(failed(dir))? {
        let path = entry.map_err(failed(dir))?.path();
        let about = path.metadata().map_err(failed(&path))?;
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        if about.is_dir() { found.extend(walk(root, &path)?) } else { found.push(file(&path, name, &about)) }
    }
    Ok(found)
}

fn file(path: &Path, name: String, about: &Metadata) -> Partition {
    let changed = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Partition {
        name,
        location: Location::Path(path.to_owned()),
        bytes: about.len(),
        stamp: changed.map_or_else(String::new, |since| since.as_nanos().to_string()),
    }
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> ReadError + '_ {
    |source| ReadError::Io { path: path.to_owned(), source }
}
