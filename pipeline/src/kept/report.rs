//! What a run of counting did, for people.
//!
//! It only shows what others counted.

use std::fmt;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use crate::kept::KeptReport;

impl fmt::Display for KeptReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(part) = &self.part else {
            return write!(out, "nothing new: all {} partitions were counted before", self.partitions_known);
        };
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        for (name, value) in self.rows() {
            table.add_row([name.to_owned(), value]);
        }
        if let Some(values) = table.column_mut(1) {
            values.set_cell_alignment(CellAlignment::Right);
        }
        write!(out, "{table}\ncounted into {} in {:.1} s", part.display(), self.elapsed_s)
    }
}

impl KeptReport {
    fn rows(&self) -> Vec<(&'static str, String)> {
        let written = &self.written;
        vec![
            ("partitions read / known", format!("{} / {}", self.partitions.len(), self.partitions_known)),
            ("rows / refused", format!("{} / {}", self.rows, self.refused)),
            ("events", self.events.to_string()),
            ("users", self.users.to_string()),
            ("sequences", self.sequences.to_string()),
            ("steps / over the bound of a user's day", format!("{} / {}", self.steps, self.steps_over_bound)),
            ("late events / users / at most, s", format!("{} / {} / {}", self.late, self.late_users, self.late_s_max)),
            ("rows of counts / support", format!("{} / {}", written.counts, written.support)),
            ("rows of tails / requests", format!("{} / {}", written.tails, written.requests)),
            ("users carried on", written.carried.to_string()),
        ]
    }
}
