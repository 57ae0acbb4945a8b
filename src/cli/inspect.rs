//! `segue inspect`: what a release says of itself and how much it holds, in constant time; it must never be mistaken
//! for a verification, which reads every byte.

use std::path::PathBuf;

use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;

use super::output::{self, Column, OutputArgs, Report, percent, table, time};
use super::place;
use crate::snapshot::manifest::{Manifest, Provenance};
use crate::snapshot::release::Release;

/// Show a release's manifest and figures.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The release: its directory, or a store for its current one
    release: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Inspection<'a> {
    manifest: &'a Manifest,
    levels: Vec<LevelRow>,
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
    let release = place::open(&args.release)?;
    output::print(args.output, &Inspection { manifest: release.manifest(), levels: levels(&release) })
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
        let facts = facts(self.manifest);
        let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let lines: String = facts.iter().map(|(name, fact)| format!("{name:width$}  {fact}\n")).collect();
        let headers = ["history length", "present", "possible", "share", "bytes"];
        let mut table = table(&headers.map(Column::Number));
        for level in &self.levels {
            table.add_row(level.cells());
        }
        format!("{lines}{table}")
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

/// The manifest, a line each, most asked for first.
fn facts(manifest: &Manifest) -> Vec<(String, String)> {
    let mut facts = identity(manifest);
    facts.extend(origin(&manifest.provenance));
    facts.extend(manifest.files.iter().map(|file| (format!("file {}", file.name), sized(file.bytes, &file.blake3))));
    facts.extend(manifest.quality.iter().map(|(name, figure)| (format!("quality {name}"), figure.to_string())));
    let expected = manifest.expected_sources.iter();
    facts.extend(expected.map(|(source, share)| (format!("expected {source}"), percent(Some(*share)))));
    facts
}

fn identity(manifest: &Manifest) -> Vec<(String, String)> {
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

fn origin(provenance: &Provenance) -> Vec<(String, String)> {
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

fn sized(bytes: u64, blake3: &str) -> String {
    format!("{}, blake3 {blake3}", HumanBytes(bytes))
}
