//! `segue inspect`: what a release or a model says of itself and how much it holds, in constant time; it must never be
//! mistaken for a verification, which reads every byte.

use std::path::PathBuf;

use anyhow::Context;
use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;

mod model;

use model::ModelInspection;

use super::output::{self, Column, OutputArgs, Report, percent, table, time};
use super::place;
use crate::snapshot::manifest::{Manifest, Provenance};
use crate::snapshot::release::Release;

/// Show the manifest and figures of a release or a model.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The release or model: its directory, or a store for its current release
    path: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

/// What `--json` prints of a release.
#[derive(Debug, Serialize)]
struct Inspection<'a> {
    manifest: &'a Manifest,
    levels: Vec<LevelRow>,
    /// Its model, where that is in the store around it.
    model: Option<ModelInspection>,
}

/// The histories of one length.
#[derive(Debug, Serialize)]
struct LevelRow {
    length: usize,
    present: u64,
    possible: u64,
    bitmap_bytes: u64,
    records_bytes: u64,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let path = place::find(&args.path)?;
    if place::is_model(&path) {
        return output::print(args.output, &ModelInspection::open(&path)?);
    }
    let release = Release::open(&path).with_context(|| format!("{} cannot be opened", path.display()))?;
    let model = place::model(&release, None)?.filter(|path| path.exists());
    let model = model.map(|path| ModelInspection::open(&path)).transpose()?;
    output::print(args.output, &Inspection { manifest: release.manifest(), levels: levels(&release), model })
}

fn levels(release: &Release) -> Vec<LevelRow> {
    let shape = release.table().shape();
    let level = |length| LevelRow {
        length,
        present: release.table().present(length),
        possible: shape.possible(length),
        bitmap_bytes: shape.bitmap_bytes(length),
        records_bytes: shape.records_bytes(release.table().present(length)),
    };
    shape.lengths().map(level).collect()
}

impl Report for Inspection<'_> {
    fn human(&self) -> String {
        let mut facts = facts(self.manifest);
        let model = self.model.iter().flat_map(ModelInspection::facts).filter(|(name, _)| name != "model");
        facts.extend(model.map(|(name, fact)| (format!("model {name}"), fact)));
        let headers = ["history length", "present", "possible", "share", "bytes"];
        let mut table = table(&headers.map(Column::Number));
        for level in &self.levels {
            table.add_row(level.cells());
        }
        format!("{}{table}", lines(&facts))
    }
}

impl LevelRow {
    fn cells(&self) -> [String; 5] {
        [
            self.length.to_string(),
            HumanCount(self.present).to_string(),
            HumanCount(self.possible).to_string(),
            percent(Some(self.present as f64 / self.possible as f64)),
            HumanBytes(self.bitmap_bytes + self.records_bytes).to_string(),
        ]
    }
}

/// What is told, and its name.
pub(super) type Fact = (String, String);

/// Facts, a line each, flush under each other.
pub(super) fn lines(facts: &[Fact]) -> String {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    facts.iter().map(|(name, fact)| format!("{name:width$}  {fact}\n")).collect()
}

/// The manifest, a line each, most asked for first.
fn facts(manifest: &Manifest) -> Vec<Fact> {
    let mut facts = identity(manifest);
    facts.extend(origin(&manifest.provenance));
    facts.extend(manifest.files.iter().map(|file| (format!("file {}", file.name), sized(file.bytes, &file.blake3))));
    facts.extend(manifest.quality.iter().map(|(name, figure)| (format!("quality {name}"), figure.to_string())));
    let expected = manifest.expected_sources.iter();
    facts.extend(expected.map(|(source, share)| (format!("expected {source}"), percent(Some(*share)))));
    facts
}

fn identity(manifest: &Manifest) -> Vec<Fact> {
    let figures = &manifest.table;
    let model = manifest.model.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    let created = manifest.created_unix_s.map_or_else(|| "not stated".to_owned(), time);
    let rows = [
        ("release", manifest.version.to_string()),
        ("snapshot", manifest.snapshot.to_string()),
        ("model", model),
        ("catalogue", format!("{} ({} clusters)", manifest.catalogue, figures.clusters)),
        ("table", format!("depth {}, at most {} candidates a history", figures.depth, figures.width)),
        ("created", created),
    ];
    rows.map(|(name, fact)| (name.to_owned(), fact)).into()
}

/// Where the content came from, a line each.
pub(super) fn origin(provenance: &Provenance) -> Vec<Fact> {
    let mut facts = vec![("tool".to_owned(), provenance.tool.clone())];
    let window = provenance.data_window;
    facts.extend(
        window.map(|span| ("data".to_owned(), format!("{} to {}", time(span.from_unix_s), time(span.to_unix_s)))),
    );
    facts.extend(provenance.citation.iter().map(|text| ("citation".to_owned(), text.clone())));
    facts
        .extend(provenance.inputs.iter().map(|file| (format!("input {}", file.name), sized(file.bytes, &file.blake3))));
    facts.extend(provenance.settings.iter().map(|(name, value)| (format!("setting {name}"), value.clone())));
    facts
}

/// A file's size and digest.
pub(super) fn sized(bytes: u64, blake3: &str) -> String {
    format!("{}, blake3 {blake3}", HumanBytes(bytes))
}
