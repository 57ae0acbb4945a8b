//! What a run is of: everything that its release depends on, but for the release that it is compared with. Two runs with one
//! identity and one release before give the same bytes.
//!
//! It must never hold what changes no byte: threads, memory, where things lie, the gates.

use std::path::{Path, PathBuf};

use anyhow::Context;
use segue::snapshot::manifest::{MANIFEST, Version};
use segue::snapshot::release::digest_file;
use serde::{Deserialize, Serialize};

use super::RefreshSettings;
use super::model::ChosenModel;
use crate::provenance::{Settings, TOOL};
use crate::smooth::Constants;
use crate::source::Partition;

/// Everything that a release depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The program.
    pub tool: String,
    /// The catalogue's name, which is its digest.
    pub catalogue: Version,
    /// The model's name and the digest of its manifest.
    pub model: Option<(Version, String)>,
    /// Partitions of events, or files of counts.
    pub inputs: Vec<Input>,
    /// Settings by name.
    pub settings: std::collections::BTreeMap<String, String>,
}

/// A partition or a file, as far as it can be known without reading it all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Another value says other content.
    pub stamp: String,
}

impl Identity {
    /// The name of all runs of this identity: the first half of a digest.
    pub fn id(&self) -> String {
        let bytes = serde_json::to_vec(self).expect("an identity has string keys only");
        Version::of_digest(&blake3::hash(&bytes)).to_string()
    }

    /// The identity of a run.
    ///
    /// # Errors
    /// When the model's manifest cannot be read.
    pub fn new(
        settings: &RefreshSettings,
        catalogue: &Version,
        model: Option<&ChosenModel>,
        inputs: Vec<Input>,
    ) -> anyhow::Result<Self> {
        let model = model.map(|model| {
            let path = model.dir.join(MANIFEST);
            let (_, digest) = digest_file(&path).with_context(|| format!("cannot read {}", path.display()))?;
            anyhow::Ok((model.manifest.version.clone(), digest.to_hex().to_string()))
        });
        let settings = content_settings(settings).with_given("version", settings.release.version.as_ref()).into_map();
        Ok(Self { tool: TOOL.to_owned(), catalogue: catalogue.clone(), model: model.transpose()?, inputs, settings })
    }
}

/// The partitions as an identity has them.
pub fn of_partitions(partitions: &[Partition]) -> Vec<Input> {
    let input = |partition: &Partition| Input {
        name: partition.name.clone(),
        bytes: partition.bytes,
        stamp: partition.stamp.clone(),
    };
    partitions.iter().map(input).collect()
}

/// The files of directories of counts, by digest: whoever counted there wrote them in one go.
///
/// # Errors
/// When one cannot be read.
pub fn of_counts(dirs: &[PathBuf]) -> anyhow::Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for dir in dirs {
        let mut files = Vec::new();
        collect(dir, &mut files).with_context(|| format!("cannot read {}", dir.display()))?;
        files.sort();
        for file in files {
            let (bytes, digest) = digest_file(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let name = file.strip_prefix(dir).unwrap_or(&file).to_string_lossy().into_owned();
            inputs.push(Input { name, bytes, stamp: digest.to_hex().to_string() });
        }
    }
    Ok(inputs)
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// Every setting that shapes a release's content, by the names that manifests carry.
pub fn content_settings(settings: &RefreshSettings) -> Settings {
    let RefreshSettings { input, count, weigh, privacy, model, quality, release, .. } = settings;
    let smoothing = Constants::new(&weigh.smoothing, count.depth).by_length;
    let shaped = Settings::default()
        .with("depth", count.depth)
        .with("mode", count.mode.name())
        .with_given("gap_days", count.gap_days)
        .with("ties", count.ties.name())
        .with("user_day_max", count.user_day_max)
        .with("request_users_share", count.request_users_share)
        .with_given("weight_min", input.log.weight_min)
        .with_given("window_days", weigh.window_days)
        .with_given("half_life_days", weigh.half_life_days)
        .with("smoothing", smoothing.iter().map(f64::to_string).collect::<Vec<_>>().join(","))
        .with("min_count", weigh.seen_min)
        .with("users_min", privacy.users_min)
        .with_given("epsilon", privacy.noise.map(|noise| noise.epsilon))
        .with_given("delta", privacy.noise.map(|noise| noise.delta))
        .with("holdout_days", quality.holdout_days)
        .with("width", release.width)
        .with_given("citation", release.citation.as_ref())
        .with_given("created_unix_s", release.created_unix_s);
    match model {
        Some(model) => shaped
            .with("precision", model.precision.word())
            .with("part_rows", model.part_rows)
            .with_given("model_weight", model.weight),
        None => shaped,
    }
}
