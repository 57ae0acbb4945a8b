//! What a run computes, as the ledger and the report name it: all that its output depends on, and nothing else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use segue::snapshot::format::{FormatError, Shape};
use segue::snapshot::manifest::{DataWindow, Version};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::join;
use super::shard::Shard;

/// The only format that this build reads and writes.
pub const INFER_FORMAT: &str = "segue.candidates/1";
/// Written last: a directory with it holds every part.
pub const REPORT: &str = "candidates.json";

/// Two runs with equal jobs write the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Always [`INFER_FORMAT`].
    pub format: String,
    /// The model's name.
    pub model: Version,
    /// The digest of its manifest, since a name can be given twice.
    pub model_blake3: String,
    /// The release whose records were retrieved.
    pub release: Version,
    /// The digest of its manifest.
    pub release_blake3: String,
    /// The catalogue of both.
    pub catalogue: Version,
    /// Clusters in it.
    pub clusters: u32,
    /// The longest history.
    pub depth: u8,
    /// The most candidates of one history.
    pub width: u8,
    /// Histories in a part.
    pub part_rows: u32,
    /// The arithmetic of the weights.
    pub precision: String,
    /// The engine's kernel: another rounds otherwise.
    pub kernel: String,
    /// When the release counts as made.
    pub created_unix_s: Option<u64>,
    /// The span of the data that was retrieved from.
    pub data_window: Option<DataWindow>,
    /// Which shard of the whole; `None` for all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
}

/// A part that is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartFile {
    /// Its place among the parts, from 0.
    pub part: usize,
    /// Its file, from the directory of the report.
    pub name: String,
    /// Size.
    pub bytes: u64,
    /// Digest.
    pub blake3: String,
}

/// The last file of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// What was computed.
    pub job: Job,
    /// Rows in all parts: histories of every length up to the depth, the empty one included; a shard's own only.
    pub rows: u64,
    /// Every part, in order.
    pub parts: Vec<PartFile>,
}

impl Job {
    /// The shape of the table that the candidates are for.
    ///
    /// # Errors
    /// When no table can have it.
    pub fn shape(&self) -> Result<Shape, FormatError> {
        Shape { clusters: self.clusters, depth: self.depth, width: self.width }.checked()
    }

    /// The fields in which another job differs, for a message: name, this one's value, the other's.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let fields = |job: &Self| serde_json::to_value(job).unwrap_or_default();
        let (ours, theirs) = (fields(self), fields(other));
        // A field that was not given has no name in JSON.
        let names: BTreeSet<_> = [&ours, &theirs].into_iter().flat_map(Value::as_object).flat_map(Map::keys).collect();
        let differs = names.into_iter().filter(|name| ours[name.as_str()] != theirs[name.as_str()]);
        differs.map(|name| format!("{name} {} there, {} now", theirs[name.as_str()], ours[name.as_str()])).collect()
    }

    /// The name of its report.
    pub fn report(&self) -> String {
        self.shard.map_or_else(|| REPORT.to_owned(), Shard::report)
    }
}

/// What was finished in a directory: one run, or all shards of one, there or in the directories right under it; `None`
/// where nothing was.
///
/// # Errors
/// When a report cannot be read or is none of ours, and when shards are missing or do not belong together.
pub fn finished(dir: &Path) -> anyhow::Result<Option<Finished>> {
    match report(&dir.join(REPORT))? {
        None => join::join(dir),
        whole => Ok(whole),
    }
}

/// The names of the reports in a directory, a shard's or the whole one's, ascending.
pub(super) fn report_names(dir: &Path) -> anyhow::Result<Vec<String>> {
    let (stem, extension) = REPORT.split_once('.').unwrap_or((REPORT, ""));
    let shards = format!("{stem}-");
    let is = |name: &String| name == REPORT || (name.starts_with(&shards) && name.ends_with(extension));
    Ok(names(dir)?.into_iter().filter(is).collect())
}

/// The names in a directory that are not hidden, ascending.
pub(super) fn names(dir: &Path) -> anyhow::Result<Vec<String>> {
    let entries = std::fs::read_dir(dir).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.with_context(|| format!("cannot list {}", dir.display()))?;
    let mut names: Vec<_> = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    Ok(names)
}

/// Reads a report; `None` where there is none.
pub(super) fn report(path: &Path) -> anyhow::Result<Option<Finished>> {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| anyhow::anyhow!("cannot read {}: {error}", path.display()))?,
    };
    let finished: Finished = serde_json::from_slice(&bytes)
        .map_err(|error| anyhow::anyhow!("{} is no report of `infer`: {error}", path.display()))?;
    anyhow::ensure!(
        finished.job.format == INFER_FORMAT,
        "{} has the format {:?}, expected {INFER_FORMAT:?}; build with the version that wrote it",
        path.display(),
        finished.job.format
    );
    Ok(Some(finished))
}

impl Finished {
    /// The paths of the parts, in order.
    pub fn paths(&self, dir: &Path) -> Vec<PathBuf> {
        self.parts.iter().map(|part| dir.join(&part.name)).collect()
    }
}
