//! Blends what a model says of a history with what the counts say, into candidates of the schema that `infer` writes.
//!
//! It never invents a cluster or a history: what is neither counted nor given has no row.

use std::path::{Path, PathBuf};

use segue::snapshot::catalogue::Catalogue;
use segue::snapshot::manifest::Version;
use serde::{Deserialize, Serialize};

use crate::candidates::choose::Choice;
use crate::smooth::Smoothed;

/// How the two are blended, and what is chosen of the blend.
#[derive(Clone, Copy, Debug)]
pub struct BlendSettings {
    /// What the model's opinion is worth, from 0 (the counts alone) to 1 (the model alone).
    pub weight: f64,
    /// How many candidates, of which histories, without which clusters.
    pub choice: Choice,
    /// Rows in a part.
    pub part_rows: u32,
    /// Bytes of rows held in memory while they are put in order.
    pub memory_bytes: usize,
}

/// What is blended.
#[derive(Clone, Copy, Debug)]
pub struct Ingredients<'a> {
    /// The clusters there are.
    pub catalogue: &'a Catalogue,
    /// What the counts say.
    pub smoothed: &'a Smoothed,
    /// The model's candidates: the directory that `infer` filled, or one file of anyone's; `None` blends nothing and writes the
    /// counts' own.
    pub candidates: Option<&'a Path>,
}

/// What was written; it stands in the directory as [`REPORT`], which is written last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blended {
    /// Always [`BLEND_FORMAT`].
    pub format: String,
    /// What the model's opinion was worth.
    pub weight: f64,
    /// The most candidates of a history.
    pub width: u8,
    /// The longest history.
    pub depth: u8,
    /// The model whose candidates they are, where `infer` says so.
    pub model: Option<Version>,
    /// Rows by length of history, from 0.
    pub rows: Vec<u64>,
    /// Histories that only the model knew.
    pub rows_of_model: u64,
    /// Histories that only the counts knew.
    pub rows_of_counts: u64,
    /// Candidates that were given, before any was left out.
    pub given: u64,
    /// Those of them that the catalogue has.
    pub matched: u64,
    /// Rows that were given and could not be used at all.
    pub refused: u64,
    /// Names of the parts, in a release's order.
    pub parts: Vec<String>,
}

/// The only format that this build reads and writes.
pub const BLEND_FORMAT: &str = "segue.blend/1";
/// Written last: a directory with it holds every part.
pub const REPORT: &str = "blend.json";

/// Blends into `out`, which is emptied of an earlier blend first. The same ingredients give the same bytes, whatever the threads.
///
/// # Errors
/// When a file cannot be read or written, or the weight is none.
pub fn blend(from: &Ingredients<'_>, settings: &BlendSettings, out: &Path) -> anyhow::Result<Blended> {
    let _ = (from, settings, out);
    anyhow::bail!("not yet")
}

impl Blended {
    /// The share of the candidates given that the catalogue has; 1 where none was given.
    pub fn match_rate(&self) -> f64 {
        if self.given == 0 { 1.0 } else { self.matched as f64 / self.given as f64 }
    }

    /// The paths of the parts, in a release's order.
    pub fn paths(&self, dir: &Path) -> Vec<PathBuf> {
        self.parts.iter().map(|name| dir.join(name)).collect()
    }
}
