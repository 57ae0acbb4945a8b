//! Blends what a model says of a history with what the counts say, into candidates of the schema that `infer` writes.
//!
//! ```text
//! candidates given -> [given] match, sort -> [rows] joined with the counts' histories -> [mix] one row -> [parts]
//! ```
//!
//! It never invents a cluster or a history: what is neither counted nor given has no row.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use segue::snapshot::catalogue::Catalogue;
use segue::snapshot::manifest::Version;
use serde::{Deserialize, Serialize};

use crate::candidates::check::Limits;
use crate::candidates::choose::Choice;
use crate::candidates::{Candidates, read};
use crate::infer::job::{Job, PartFile};
use crate::progress::Progress;
use crate::provenance::catalogue_version;
use crate::read::{Format, Source};
use crate::smooth::Smoothed;

pub mod mix;
mod given;
mod parts;
pub mod report;
mod rows;

pub use mix::Mixer;
pub use report::{BLEND_FORMAT, REPORT};

use given::Given;
use parts::Parts;
use rows::Rows;

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
    /// Which repeats stayed in the sequences that were counted: which clusters are no candidates.
    pub mode: String,
    /// Histories that were counted less often have a row only where the model knows them.
    pub seen_min: u64,
    /// The most candidates of a history.
    pub width: u8,
    /// The longest history.
    pub depth: u8,
    /// The catalogue.
    pub catalogue: Version,
    /// How the model's candidates were computed, where `infer` says so.
    pub job: Option<Job>,
    /// Rows by length of history, from 0.
    pub rows: Vec<u64>,
    /// Those of histories that only the model knew.
    pub rows_of_model: u64,
    /// Those of histories that only the counts knew.
    pub rows_of_counts: u64,
    /// Candidates that were given, before any was left out.
    pub given: u64,
    /// Those of them that the catalogue has.
    pub matched: u64,
    /// Rows given that could not be used at all: an unknown history, a score that is none, no candidate left.
    pub refused: u64,
    /// Every part, in a release's order.
    pub parts: Vec<PartFile>,
}

/// Blends into `out`, which is cleared of an earlier blend first. The same ingredients give the same bytes, whatever the threads.
///
/// # Errors
/// When a file cannot be read or written, when there is nothing to blend, or when the weight is none.
pub fn blend(from: &Ingredients<'_>, settings: &BlendSettings, out: &Path) -> anyhow::Result<Blended> {
    ensure!((0.0..=1.0).contains(&settings.weight), "the weight is {}, expected 0 to 1", settings.weight);
    report::clear(out)?;
    let given = Given::read(from, (settings.memory_bytes, out))?;
    let mixer = Mixer { smoothed: from.smoothed, choice: settings.choice, weight: settings.weight };
    let mut parts = Parts::new(out, from.catalogue, settings.part_rows);
    let mut rows = Rows::new(mixer, given.sorted)?;
    parts.write_all(&mut rows, &mixer)?;
    let written = parts.finish();
    let blended = Blended {
        format: BLEND_FORMAT.to_owned(),
        weight: settings.weight,
        mode: settings.choice.mode.name().to_owned(),
        seen_min: settings.choice.seen_min,
        width: settings.choice.width,
        depth: u8::try_from(from.smoothed.levels.len())?,
        catalogue: catalogue_version(from.catalogue)?,
        job: given.job,
        rows: written.rows,
        rows_of_model: rows.of_model,
        rows_of_counts: rows.of_counts,
        given: given.figures.given,
        matched: given.figures.matched,
        refused: given.figures.refused + rows.twice,
        parts: written.parts,
    };
    ensure!(
        blended.rows.iter().sum::<u64>() > 0,
        "there is nothing to blend: no event was counted and no candidate given"
    );
    report::write(out, &blended)?;
    Ok(blended)
}

/// Every row of a blend in a directory, in a release's order.
///
/// # Errors
/// When a part cannot be read or holds what no blend writes.
pub fn rows_of(
    blended: &Blended,
    dir: &Path,
    catalogue: &Catalogue,
    mut visit: impl FnMut(Candidates),
) -> anyhow::Result<()> {
    let limits = Limits { catalogue, depth: blended.depth, width: blended.width };
    let progress = Progress::hidden();
    for path in blended.paths(dir) {
        let source = Source::new(&path, &progress);
        let mut odd = None;
        read::read(&source, Format::Parquet, &mut |_, raw| {
            match raw.ok().and_then(|raw| limits.check(&raw).ok()) {
                Some(row) => visit(row),
                None => odd = Some(path.clone()),
            }
            Ok(())
        })?;
        ensure!(odd.is_none(), "{} holds a row that no blend writes; blend again", path.display());
    }
    Ok(())
}

impl Blended {
    /// The share of the candidates given that the catalogue has; 1 where none was given.
    pub fn match_rate(&self) -> f64 {
        if self.given == 0 { 1.0 } else { self.matched as f64 / self.given as f64 }
    }

    /// The paths of the parts, in a release's order.
    pub fn paths(&self, dir: &Path) -> Vec<PathBuf> {
        self.parts.iter().map(|part| dir.join(&part.name)).collect()
    }
}

#[cfg(test)]
mod tests;
