//! The files of the unseen log in their directory: written whole or not at all, the oldest removed; a file that has its
//! name never changes.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::NamedTempFile;

use super::file::Span;
use crate::snapshot::store::sync_dir;

/// How the names of files begin.
const PREFIX: &str = "unseen-";
/// How they end.
const SUFFIX: &str = ".jsonl";
/// How the names of files begin that are still being written.
const PARTIAL: &str = ".unseen-";
/// Files whose spans begin in the same second: a start and a swap, or the services that share a store.
const SAME_SECOND_MAX: u32 = 1_000;
/// How old what a killed writer left must be to be removed: a writer at work needs seconds.
const ABANDONED_AFTER: Duration = Duration::from_secs(3_600);

/// Writes a span to a file of its own, durably, and returns its path. A reader sees the whole file or none.
pub fn write(dir: &Path, span: &Span) -> io::Result<PathBuf> {
    fs::create_dir_all(dir)?;
    let mut file = NamedTempFile::with_prefix_in(PARTIAL, dir)?;
    let mut out = BufWriter::new(file.as_file_mut());
    span.write(&mut out)?;
    out.flush()?;
    drop(out);
    file.as_file().sync_all()?;
    let path = name(dir, span, file)?;
    sync_dir(dir)?;
    Ok(path)
}

/// The files, oldest first; none where there is no directory.
pub fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let named = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX))
    };
    let mut paths: Vec<_> = entries.filter_map(Result::ok).filter(named).map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// Removes the oldest files until at most `files_max` are left, and what killed writers left.
pub fn trim(dir: &Path, files_max: usize) -> io::Result<()> {
    let paths = list(dir)?;
    for path in &paths[..paths.len().saturating_sub(files_max)] {
        gone(fs::remove_file(path))?;
    }
    let entries = fs::read_dir(dir)?.filter_map(Result::ok);
    let left = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(PARTIAL) && abandoned(entry);
    entries.filter(left).try_for_each(|entry| gone(fs::remove_file(entry.path())))
}

/// Gives a file the first name that is free. Names sort by the beginning of their spans.
fn name(dir: &Path, span: &Span, mut file: NamedTempFile) -> io::Result<PathBuf> {
    for number in 0..SAME_SECOND_MAX {
        let path = dir.join(format!("{PREFIX}{:012}-{number:03}{SUFFIX}", span.header.from_unix_s));
        match file.persist_noclobber(&path) {
            Ok(_) => return Ok(path),
            Err(taken) if taken.error.kind() == io::ErrorKind::AlreadyExists => file = taken.file,
            Err(refused) => return Err(refused.error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "every name for this second is taken; look who writes here"))
}

fn abandoned(entry: &fs::DirEntry) -> bool {
    let written = entry.metadata().and_then(|found| found.modified());
    written.is_ok_and(|written| written.elapsed().is_ok_and(|age| age > ABANDONED_AFTER))
}

/// Another service on the same store may have removed it first.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
