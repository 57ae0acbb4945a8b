//! `blend.json`, the last file of a blend: a directory with it holds every part that it names.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, ensure};
use segue::snapshot::store::sync_dir;
use tempfile::NamedTempFile;

use super::Blended;
use crate::candidates::file::{PARTIAL, persist};

/// The only format that this build reads and writes.
pub const BLEND_FORMAT: &str = "segue.blend/1";
/// Written last: a directory with it holds every part.
pub const REPORT: &str = "blend.json";

/// The report of a directory; `None` where it has none.
///
/// # Errors
/// When it is there and cannot be read, or is none of ours.
pub fn blended(dir: &Path) -> anyhow::Result<Option<Blended>> {
    let path = dir.join(REPORT);
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let blended: Blended =
        serde_json::from_slice(&bytes).with_context(|| format!("{} is no report of a blend", path.display()))?;
    ensure!(
        blended.format == BLEND_FORMAT,
        "{} has the format {:?}, expected {BLEND_FORMAT:?}; build with the version that wrote it",
        path.display(),
        blended.format
    );
    Ok(Some(blended))
}

/// Makes a directory ready for a blend: without a report, so that nobody takes half of the new one for a whole, and without parts.
pub(super) fn clear(dir: &Path) -> anyhow::Result<()> {
    let refused = || format!("{} cannot be cleared; check its rights", dir.display());
    fs::create_dir_all(dir).with_context(refused)?;
    match fs::remove_file(dir.join(REPORT)) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).with_context(refused),
        _ => {}
    }
    let entries = fs::read_dir(dir).with_context(refused)?.filter_map(Result::ok);
    let ours = |entry: &fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with(PARTIAL) || (name.starts_with("part-") && name.ends_with(".parquet"))
    };
    entries.filter(ours).try_for_each(|entry| fs::remove_file(entry.path())).with_context(refused)
}

/// Writes the report, durably, after the parts.
pub(super) fn write(dir: &Path, blended: &Blended) -> anyhow::Result<()> {
    let refused = || format!("{} cannot take {REPORT}; check the directory and its free space", dir.display());
    let mut text = serde_json::to_vec_pretty(blended)?;
    text.push(b'\n');
    sync_dir(dir).with_context(refused)?;
    let mut file = NamedTempFile::with_prefix_in(PARTIAL, dir).with_context(refused)?;
    file.write_all(&text).with_context(refused)?;
    persist(file, &dir.join(REPORT))?;
    sync_dir(dir).with_context(refused)
}
