//! The comparison as one table for a terminal.
//!
//! It only shows what the figures say.

use std::fmt;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use indicatif::HumanCount;

use super::contenders::Family;
use super::figures::{ContenderFigures, Evaluation, ModeFigures, hit_5};

/// The names of the columns.
const HEAD: [&str; 8] = ["", "hit@1", "hit@5", "95 % interval", "hit@10", "MRR", "NDCG@10", "hit@5 less weekly counts"];

impl fmt::Display for Evaluation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED).set_header(HEAD);
        self.modes.iter().for_each(|mode| add_mode(&mut table, mode));
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let compared = self.modes.first().map_or("", |mode| &mode.compared_with);
        write!(
            formatter,
            "{table}\nweekly counts: {compared}; intervals are of users drawn again; {:.1} s",
            self.elapsed_s
        )
    }
}

fn add_mode(table: &mut Table, mode: &ModeFigures) {
    let (requests, users) = (HumanCount(mode.requests as u64), HumanCount(mode.users as u64));
    table.add_row([format!("{} mode: {requests} requests, {users} users", mode.mode.to_uppercase())]);
    for family in Family::ALL {
        for contender in mode.family(family) {
            table.add_row(row(contender));
        }
    }
}

fn row(contender: &ContenderFigures) -> [String; 8] {
    let [hit_1, hit_5_, hit_10, mrr, ndcg_10] =
        contender.figures.measured.values().map(|figure| format!("{figure:.4}"));
    let name = format!("  {}", contender.name);
    let [_, low, high] = hit_5(&contender.figures);
    let range = format!("{low:.4} to {high:.4}");
    [name, hit_1, hit_5_, range, hit_10, mrr, ndcg_10, difference(hit_5(&contender.difference))]
}

/// A difference with its interval; a star where the interval does not hold zero.
pub(super) fn difference([measured, low, high]: [f64; 3]) -> String {
    let sure = if low > 0.0 || high < 0.0 { "*" } else { " " };
    format!("{measured:+.4}{sure}[{low:+.4}, {high:+.4}]")
}
