//! The figures that `infer` ends with: a table for people, JSON for machines. It only shows what others counted.

use std::fmt;
use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use super::job::Job;
use super::plan::Plan;

/// What a run did.
#[derive(Clone, Debug, Serialize)]
pub struct InferSummary {
    /// What was computed.
    #[serde(flatten)]
    pub job: Job,
    /// Histories of every length up to the depth, the empty one included; a shard's own only.
    pub histories: u64,
    /// Those of them that name a cluster twice: they have the candidates of the shorter history that they stand for.
    /// `None` for a shard, whose share nobody asks for.
    pub repeated: Option<u64>,
    /// Those that an earlier run had computed.
    pub resumed: u64,
    /// Parts in all.
    pub parts: usize,
    /// How long this run took, in seconds.
    pub elapsed_s: f64,
    /// Histories that this run computed, by the second.
    pub histories_per_s: f64,
}

impl InferSummary {
    /// The figures of a run that found so many rows computed.
    pub fn new(job: &Job, plan: &Plan, resumed: u64, elapsed: Duration) -> Self {
        let parts = plan.parts_of(job.shard);
        let (histories, elapsed_s) = (plan.rows_of(parts.clone()), elapsed.as_secs_f64());
        Self {
            job: job.clone(),
            histories,
            repeated: job.shard.is_none().then(|| plan.repeated()),
            resumed,
            parts: parts.len(),
            elapsed_s,
            histories_per_s: (histories - resumed) as f64 / elapsed_s,
        }
    }
}

impl fmt::Display for InferSummary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grouped = |count: u64| indicatif::HumanCount(count).to_string();
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        table.add_row(["histories", &grouped(self.histories)]);
        if let Some(repeated) = self.repeated {
            table.add_row(["  with a cluster twice, as the shorter one", &grouped(repeated)]);
        }
        if let Some(shard) = self.job.shard {
            table.add_row(["shard", &shard.to_string()]);
        }
        table.add_row(["  of an earlier run", &grouped(self.resumed)]);
        table.add_row(["model", self.job.model.as_str()]);
        table.add_row(["precision, kernel", &format!("{}, {}", self.job.precision, self.job.kernel)]);
        table.add_row(["retrieved from", self.job.release.as_str()]);
        table.add_row(["elapsed", &format!("{:.2} s", self.elapsed_s)]);
        table.add_row(["histories/s", &format!("{:.0}", self.histories_per_s)]);
        if let Some(column) = table.column_mut(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        write!(formatter, "{table}")
    }
}
