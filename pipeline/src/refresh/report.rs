//! What a run says of itself: tables for people, JSON for machines, kept beside its stages. It only shows what others counted.

use std::collections::BTreeMap;
use std::fmt;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use segue::snapshot::manifest::Version;
use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use super::stage::StageReport;
use crate::gate::{Ruling, Verdict};

/// The only format that this build writes.
pub const REPORT_FORMAT: &str = "segue.refresh/1";

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Always [`REPORT_FORMAT`].
    pub format: String,
    /// The run's name: the same for the same inputs, settings and model.
    pub run: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The release that it made; `None` where it made none.
    pub release: Option<Version>,
    /// The release that served before.
    pub previous: Option<Version>,
    /// The model that was run.
    pub model: Option<Version>,
    /// Where the release was put, and the channel that was moved.
    pub destination: String,
    /// Partitions of events in all, or files of counts.
    pub partitions: usize,
    /// Those of them that were not counted before.
    pub partitions_new: Vec<String>,
    /// Every stage, in order.
    pub stages: Vec<StageReport>,
    /// Every gate.
    pub gates: Vec<Verdict>,
    /// The figures, by the names that the release's manifest has.
    pub quality: BTreeMap<String, f64>,
    /// How long this run took, in seconds.
    pub elapsed_s: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.stages.is_empty() {
            writeln!(out, "{}", self.stage_table())?;
        }
        if self.quality.contains_key("hit_5") {
            writeln!(out, "{}", self.quality_table())?;
        }
        if !self.gates.is_empty() {
            writeln!(out, "{}", self.gate_table())?;
        }
        write!(out, "{}", self.summary_table())
    }
}

impl Report {
    /// A report of nothing yet.
    pub fn new(outcome: Outcome) -> Self {
        Self {
            format: REPORT_FORMAT.to_owned(),
            run: String::new(),
            outcome,
            release: None,
            previous: None,
            model: None,
            destination: String::new(),
            partitions: 0,
            partitions_new: Vec::new(),
            stages: Vec::new(),
            gates: Vec::new(),
            quality: BTreeMap::new(),
            elapsed_s: 0.0,
        }
    }

    fn stage_table(&self) -> Table {
        let mut table = table(&["stage", "rows in", "rows out", "seconds", ""]);
        for stage in &self.stages {
            let note = if stage.resumed { format!("done before; {}", stage.note) } else { stage.note.clone() };
            table.add_row([
                stage.stage.name(),
                &grouped(stage.rows_in),
                &grouped(stage.rows_out),
                &format!("{:.2}", stage.seconds),
                note.trim_end_matches("; "),
            ]);
        }
        right(table, &[1, 2, 3])
    }

    /// The figures that people compare, of all who were asked the same; the JSON and the manifest have all.
    fn quality_table(&self) -> Table {
        let requests = self.quality.get("heldout_requests").copied().unwrap_or_default();
        let of = format!("of {} requests", grouped(requests as u64));
        let mut table = table(&[&of, "release", "95 %", "popularity", "previous"]);
        for name in FIGURES_SHOWN {
            let figure = |prefix: &str, end: &str| self.quality.get(&format!("{prefix}{name}{end}")).copied();
            let shown = |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.4}"));
            let interval = figure("", "_low").zip(figure("", "_high"));
            let interval = interval.map_or_else(String::new, |(low, high)| format!("{low:.4} to {high:.4}"));
            let [release, popularity, previous] =
                ["", "popularity_", "previous_"].map(|prefix| shown(figure(prefix, "")));
            table.add_row([*name, &release, &interval, &popularity, &previous]);
        }
        right(table, &[1, 2, 3, 4])
    }

    fn gate_table(&self) -> Table {
        let mut table = table(&["gate", "", "reason"]);
        for verdict in &self.gates {
            table.add_row([&verdict.gate, ruling(verdict.ruling), &verdict.reason]);
        }
        table
    }

    fn summary_table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        let named = |version: &Option<Version>| version.as_ref().map_or("-", Version::as_str).to_owned();
        table.add_row(["run", &self.run]);
        table.add_row(["outcome", self.outcome.words()]);
        table.add_row(["release", &named(&self.release)]);
        table.add_row(["before it", &named(&self.previous)]);
        table.add_row(["model", &named(&self.model)]);
        table.add_row(["destination", &self.destination]);
        table.add_row(["inputs, new", &format!("{}, {}", self.partitions, self.partitions_new.len())]);
        for name in self.partitions_new.iter().take(NEW_SHOWN) {
            table.add_row(["", name]);
        }
        table.add_row(["elapsed", &format!("{:.2} s", self.elapsed_s)]);
        table
    }
}

/// Figures that the table shows, by their names in the manifest.
const FIGURES_SHOWN: &[&str] =
    &["hit_1", "hit_5", "hit_10", "mrr_10", "ndcg_10", "coverage", "novelty", "catalogue_coverage", "gini"];

/// New partitions that the table names; the JSON names all.
const NEW_SHOWN: usize = 8;

const fn ruling(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Passed => "passed",
        Ruling::Refused => "REFUSED",
        Ruling::NotJudged => "not judged",
        Ruling::Off => "off",
    }
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(header);
    table
}

fn right(mut table: Table, columns: &[usize]) -> Table {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A count with its thousands apart.
fn grouped(count: u64) -> String {
    indicatif::HumanCount(count).to_string()
}
