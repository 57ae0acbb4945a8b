//! What was found as tables for a terminal.
//!
//! It only shows what others found; the sentences are [`words`](super::words)'.

use std::fmt;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use crate::drift::figures::{Figures, Sure};
use crate::drift::{Advice, Drift, Staleness, words};

/// Clusters that are shown.
const CLUSTERS_SHOWN: usize = 5;

impl fmt::Display for Drift {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.neighbours())?;
        writeln!(formatter, "{}", self.by_seen())?;
        writeln!(formatter, "{}", self.clusters())?;
        if let Some(staleness) = &self.staleness {
            writeln!(formatter, "{}", ages(staleness))?;
        }
        if let Some(advice) = &self.advice {
            writeln!(formatter, "{}", tried(advice))?;
        }
        write!(formatter, "{}", words::lead(self))
    }
}

impl Drift {
    fn neighbours(&self) -> Table {
        let noun = self.months.settings.period.noun();
        let mut table = table([noun, "histories", "overlap", "triples shuffled", "users swapped", "drift", "p"]);
        for pair in &self.months.neighbours {
            table.add_row(figures(&format!("{} to {}", pair.earlier, pair.later), &pair.figures));
        }
        table.add_row(figures("all", &self.months.all));
        if self.months.settings.recent.is_some() {
            table.add_row(figures("judged", &self.months.judged));
        }
        right(table)
    }

    fn by_seen(&self) -> Table {
        let mut table = table(["met in both at least", "histories", "overlap", "users swapped", "drift", "p"]);
        for seen in &self.months.by_seen {
            let part = &seen.part;
            let (overlap, drift) = (words::plain(part.overlap), words::difference_plain(part.drift));
            let histories = part.histories.to_string();
            table.add_row([
                seen.seen_min.to_string(),
                histories,
                overlap,
                words::sure(part.users_null),
                drift,
                words::p(part.p),
            ]);
        }
        right(table)
    }

    fn clusters(&self) -> Table {
        let mut table = table(["cluster", "histories", "overlap", "users swapped", "drift", "deviations", "sure"]);
        for one in self.months.clusters.iter().take(CLUSTERS_SHOWN) {
            let (overlap, drift) = (words::plain(one.part.overlap), words::difference_plain(one.part.drift));
            let sure = if one.is_sure { "yes" } else { "no" };
            table.add_row([
                one.cluster.to_string(),
                one.part.histories.to_string(),
                overlap,
                words::sure(one.part.users_null),
                drift,
                format!("{:.1}", one.deviations),
                sure.to_owned(),
            ]);
        }
        right(table)
    }
}

fn ages(staleness: &Staleness) -> Table {
    let mut table =
        table(["age, days", "hit@1", "hit@5", "hit@10", "hit@5 lost", "fresh, as few events", "lost to age"]);
    for age in &staleness.ages {
        table.add_row([
            age.age_days.to_string(),
            words::plain(age.hit_1.value),
            words::sure(age.hit_5),
            words::plain(age.hit_10.value),
            words::difference(age.loss),
            words::sure(age.null),
            words::difference(age.loss_to_age),
        ]);
    }
    right(table)
}

fn tried(advice: &Advice) -> Table {
    let mut table = table(["hit@5", "chosen on", "reported on"]);
    let best = advice.tried.iter().find(|tried| tried.setting == advice.best).unwrap_or(&advice.current);
    for (name, tried) in [("now", &advice.current), ("best of those tried", best), ("recommended", &advice.chosen)] {
        let [choosing, reporting] = [tried.choosing, tried.reporting].map(words::sure);
        table.add_row([format!("{name}: {}", tried.setting.words()), choosing, reporting]);
    }
    right(table)
}

fn figures(name: &str, figures: &Figures) -> Vec<String> {
    let Figures { histories, overlap, triples_null, users_null, drift, p, .. } = figures;
    let [overlap, triples, users] = [overlap, triples_null, users_null].map(|sure: &Sure| words::sure(*sure));
    vec![name.to_owned(), histories.to_string(), overlap, triples, users, words::difference(*drift), words::p(*p)]
}

/// A table with the names of its columns.
pub(super) fn table<const N: usize>(head: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(head);
    table
}

/// The same, figures on the right.
pub(super) fn right(mut table: Table) -> Table {
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}
