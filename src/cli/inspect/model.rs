//! What a model says of itself, as `segue inspect` shows it; its weights are never read.

use std::path::Path;

use anyhow::Context;
use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;

use super::{Fact, lines, origin, sized};
use crate::cli::output::{Report, time};
use crate::model::config::{Barred, ModelConfig};
use crate::model::manifest::ModelManifest;
use crate::model::open::Opened;
use crate::snapshot::release::ReleaseError;

/// What `--json` prints of a model.
#[derive(Debug, Serialize)]
pub(super) struct ModelInspection {
    manifest: ModelManifest,
    config: ModelConfig,
    /// Numbers in all weights together.
    parameters: u64,
}

impl ModelInspection {
    /// Reads manifest and configuration of the model in a directory.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let opened = Opened::open(path).map_err(ReleaseError::from);
        let Opened { manifest, config, .. } = opened.with_context(|| format!("{} cannot be opened", path.display()))?;
        Ok(Self { parameters: config.parameters(), manifest, config })
    }

    /// The facts, most asked for first; the model's name is called `model`.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let Self { manifest, .. } = self;
        let mut facts: Vec<Fact> = self.identity().map(|(name, fact)| (name.to_owned(), fact)).into();
        facts.extend(manifest.figures.iter().map(|(name, figure)| (format!("figure {name}"), figure.to_string())));
        facts.extend(origin(&manifest.provenance));
        facts
            .extend(manifest.files.iter().map(|file| (format!("file {}", file.name), sized(file.bytes, &file.blake3))));
        facts
    }

    fn identity(&self) -> [(&'static str, String); 7] {
        let Self { manifest, config, parameters } = self;
        let parent = manifest.parent.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
        let (hidden, layers, heads) = (config.hidden_size, config.num_hidden_layers, config.num_attention_heads);
        let prompt = config.segue;
        let barred = match prompt.barred {
            Barred::History => "; novel clusters only",
            Barred::Last => "; changes of cluster only",
            Barred::None => "",
        };
        let (history_max, retrieved_max) = (prompt.history_max, prompt.retrieved_max);
        [
            ("model", manifest.version.to_string()),
            ("catalogue", format!("{} ({} clusters)", manifest.catalogue, prompt.clusters)),
            ("shape", format!("{layers} layers of {hidden} numbers a token, {heads} heads")),
            ("parameters", format!("{} ({})", HumanCount(*parameters), HumanBytes(manifest.bytes()))),
            ("prompt", format!("at most {history_max} of the history, {retrieved_max} retrieved{barred}")),
            ("trained", manifest.created_unix_s.map_or_else(|| "not stated".to_owned(), time)),
            ("parent", parent),
        ]
    }
}

impl Report for ModelInspection {
    fn human(&self) -> String {
        lines(&self.facts())
    }
}
