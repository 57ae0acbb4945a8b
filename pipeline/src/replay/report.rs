//! What a replay ends with: a table for people, JSON for machines.
//!
//! It only shows what others measured.

use std::collections::BTreeMap;
use std::fmt;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use super::ask::Answers;
use crate::measure::{Bootstrap, Outcomes};
use crate::train::report::Row;

/// How often the service was right, and who answered.
#[derive(Clone, Debug, Serialize)]
pub struct ReplayReport {
    /// Questions asked.
    pub requests: usize,
    /// hit@1, hit@5, hit@10, MRR and NDCG@10 of what was served, each with its 95 % interval over users.
    pub served: Row,
    /// Answers by the source of their first candidate.
    pub sources: BTreeMap<String, u64>,
    /// Answers by release.
    pub releases: BTreeMap<String, u64>,
    /// Answers that the model should have given and did not, by reason.
    pub degraded: BTreeMap<String, u64>,
}

impl ReplayReport {
    /// The report of these outcomes.
    pub fn new(outcomes: &Outcomes, bootstrap: &Bootstrap, answers: Answers) -> Self {
        let Answers { sources, releases, degraded } = answers;
        let served = Row::new("served".to_owned(), bootstrap.figures(outcomes));
        Self { requests: outcomes.len(), served, sources, releases, degraded }
    }

    fn shares(&self, table: &mut Table, (what, counts): (&str, &BTreeMap<String, u64>)) {
        for (name, count) in counts {
            let share = 100.0 * *count as f64 / self.requests.max(1) as f64;
            table.add_row([format!("{what} {name}"), format!("{count} ({share:.1} %)")]);
        }
    }
}

impl fmt::Display for ReplayReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        table.add_row(["questions".to_owned(), self.requests.to_string()]);
        for figure in &self.served.figures {
            let cell = format!("{:.4} [{:.4}, {:.4}]", figure.measured, figure.low, figure.high);
            table.add_row([figure.name.to_owned(), cell]);
        }
        for counts in [("source", &self.sources), ("release", &self.releases), ("degraded", &self.degraded)] {
            self.shares(&mut table, counts);
        }
        if let Some(column) = table.column_mut(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        write!(formatter, "{table}")
    }
}
