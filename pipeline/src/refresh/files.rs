//! Small files that are there whole or not at all, whatever kills the process.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::Context;
use segue::snapshot::store::sync_dir;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Writes a value as JSON in the place of what was there; durable when it returns.
///
/// # Errors
/// When the disk refuses.
pub fn write_json(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value).context("a report cannot be written as JSON")?;
    bytes.push(b'\n');
    let partial = path.with_extension("partial");
    let write = || {
        let mut file = File::create(&partial)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        path.parent().map_or(Ok(()), sync_dir)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Reads what [`write_json`] wrote; `None` where there is nothing.
///
/// # Errors
/// When it is there and cannot be read.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Option<T>> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let value = serde_json::from_slice(&bytes);
    value.map(Some).with_context(|| format!("{} is not as it was written; remove it and run again", path.display()))
}

/// Removes a directory and all in it, if it is there.
///
/// # Errors
/// When the disk refuses.
pub fn remove_dir(path: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other.with_context(|| format!("cannot remove {}", path.display())),
    }
}
