//! What a training did, in words for people.

use std::fmt;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use indicatif::HumanCount;

use super::TrainSummary;

/// The table of the training, and under it the report.
impl fmt::Display for TrainSummary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        let [train, validation, test] = self.examples.map(|count| HumanCount(count as u64).to_string());
        table.add_row(["model", &self.model]);
        table.add_row(["catalogue", &self.catalogue]);
        table.add_row(["model bytes", &HumanCount(self.bytes).to_string()]);
        table.add_row(["weights", &HumanCount(self.parameters as u64).to_string()]);
        table.add_row(["examples to train, validate, test", &format!("{train} / {validation} / {test}")]);
        table.add_row(["epochs run, kept", &format!("{} / {}", self.epochs, self.best_epoch)]);
        let validated = format!("{:.4} / {:.4}", self.validation.loss, self.validation.hit_5);
        table.add_row(["validation loss, hit@5", &validated]);
        table.add_row(["journal, curve, report", &self.run_dir.display().to_string()]);
        table.add_row(["elapsed", &format!("{:.2} s", self.elapsed_s)]);
        if let Some(column) = table.column_mut(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        write!(formatter, "{table}")?;
        self.report.as_ref().map_or(Ok(()), |report| write!(formatter, "\n{report}"))
    }
}
