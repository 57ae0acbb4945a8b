//! The figures that a build ends with: a table for people, JSON for machines.
//!
//! It only shows what others counted.

use std::fmt;
use std::path::PathBuf;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use segue::snapshot::manifest::LevelFigures;
use serde::Serialize;

use crate::refusals::{Reason, Refusal, Refusals};

/// What a build did.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// What was read.
    pub input: InputFigures,
    /// What was counted; `None` when candidates were given.
    pub log: Option<LogFigures>,
    /// The release.
    pub release: ReleaseFigures,
    /// How long all of it took, in seconds.
    pub elapsed_s: f64,
}

/// What was read.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InputFigures {
    /// Rows met in the files of events or candidates.
    pub rows: u64,
    /// Rows used.
    pub used: u64,
    /// Rows refused.
    pub refused: u64,
    /// Rows refused by reason.
    pub refused_by_reason: Vec<(Reason, u64)>,
    /// The first few of each reason.
    pub refused_rows: Vec<Refusal>,
    /// How many times rows or counts were spilled to disk because memory was bounded.
    pub spills: usize,
}

/// What was counted in a log.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LogFigures {
    /// Sound rows left out because their weight is below the minimum.
    pub below_weight: u64,
    /// Events left out because they lie before the window.
    pub before_window: u64,
    /// Events left out because their cluster came earlier in the sequence.
    pub repeats: u64,
    /// Users met.
    pub users: u64,
    /// Sequences counted.
    pub sequences: u64,
    /// Sequences left out because they have fewer than two items.
    pub short_sequences: u64,
}

/// What was published.
#[derive(Clone, Debug, Serialize)]
pub struct ReleaseFigures {
    /// Its name.
    pub version: String,
    /// Its directory.
    pub path: PathBuf,
    /// Bytes of all its files.
    pub bytes: u64,
    /// Histories by length from 0.
    pub histories: Vec<LevelFigures>,
    /// Whether the store now points at it.
    pub active: bool,
    /// The candidates beside it; `None` when they were given.
    pub candidates_file: Option<PathBuf>,
}

impl InputFigures {
    /// The figures of `rows` rows, those in `refusals` unused.
    pub fn new(rows: u64, used: u64, refusals: &Refusals) -> Self {
        Self {
            rows,
            used,
            refused: refusals.total(),
            refused_by_reason: refusals.counts().iter().map(|(reason, count)| (*reason, *count)).collect(),
            refused_rows: refusals.named().to_vec(),
            spills: 0,
        }
    }
}

/// The table for people, and under it the first refused rows.
impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        self.input_rows(&mut table);
        self.log_rows(&mut table);
        self.release_rows(&mut table);
        table.add_row(["elapsed", &format!("{:.2} s", self.elapsed_s)]);
        if let Some(column) = table.column_mut(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        write!(formatter, "{table}")?;
        self.input.refused_rows.iter().try_for_each(|refused| {
            let Refusal { file, row, reason, got } = refused;
            write!(formatter, "\nrefused {file}:{row}: expected {}, got {got}", reason.expected())
        })
    }
}

impl Summary {
    fn input_rows(&self, table: &mut Table) {
        let used = if self.log.is_some() { "events read" } else { "rows read" };
        table.add_row([used, &grouped(self.input.used)]);
        table.add_row(["rows refused", &grouped(self.input.refused)]);
        for (reason, count) in &self.input.refused_by_reason {
            table.add_row([&format!("  {}", reason.name()), &grouped(*count)]);
        }
        if self.input.spills > 0 {
            table.add_row(["spilled to disk, times", &grouped(self.input.spills as u64)]);
        }
    }

    fn log_rows(&self, table: &mut Table) {
        let Some(log) = &self.log else { return };
        for (name, count) in [("below --min-weight", log.below_weight), ("before the window", log.before_window)] {
            if count > 0 {
                table.add_row([name, &grouped(count)]);
            }
        }
        table.add_row(["repeats dropped", &grouped(log.repeats)]);
        table.add_row(["users", &grouped(log.users)]);
        table.add_row(["sequences", &grouped(log.sequences)]);
        table.add_row(["sequences too short", &grouped(log.short_sequences)]);
    }

    fn release_rows(&self, table: &mut Table) {
        for (length, level) in self.release.histories.iter().enumerate().skip(1) {
            let share = 100.0 * level.present as f64 / level.possible.max(1) as f64;
            let shown = format!("{} / {} ({share:.1} %)", grouped(level.present), grouped(level.possible));
            table.add_row([&format!("histories of {length}, present / possible"), &shown]);
        }
        let active = if self.release.active { "active" } else { "not active" };
        table.add_row(["release", &format!("{} ({active})", self.release.version)]);
        table.add_row(["release bytes", &grouped(self.release.bytes)]);
    }
}

/// A count with its thousands apart.
fn grouped(count: u64) -> String {
    indicatif::HumanCount(count).to_string()
}
