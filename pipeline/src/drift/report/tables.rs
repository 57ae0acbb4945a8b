//! The tables of the page, and the picture of what was tried.
//!
//! Each shows what was found as it is; nothing is left out but what its note names.

use std::collections::BTreeMap;

use segue::snapshot::catalogue::Catalogue;

use super::{cell, difference, plain, table};
use crate::drift::advice::{Advice, Tried};
use crate::drift::figures::Figures;
use crate::drift::months::Months;
use crate::drift::staleness::Staleness;
use crate::drift::words;
use crate::page::palette::{GREY, SERIES};
use crate::page::{Cell, Line, Lines, Point, Table, Tick};

/// Periods against the next.
pub(super) fn neighbours(months: &Months) -> Table {
    let noun = months.settings.period.noun();
    let mut table = table([noun, "histories", "overlap", "users swapped", "triples shuffled", "drift", "p"]);
    for pair in &months.neighbours {
        table.row(figures(&format!("{} › {}", pair.earlier, pair.later), &pair.figures));
    }
    table.row(figures("all", &months.all));
    if let Some(recent) = months.settings.recent {
        table.row(figures(&format!("the last {recent}, judged"), &months.judged));
    }
    table.note(
        "Histories met in both. Drift: users swapped less overlap; its interval leaves groups of users out in turn. p: the share of swaps that gave \
         so low an overlap.",
    );
    table
}

fn figures(name: &str, figures: &Figures) -> Vec<Cell> {
    vec![
        Cell::text(name),
        Cell::figure(figures.histories.to_string()),
        cell(figures.overlap),
        cell(figures.users_null),
        cell(figures.triples_null),
        difference(figures.drift),
        Cell::figure(words::p(figures.p)),
    ]
}

/// By how often histories were met.
pub(super) fn by_seen(months: &Months) -> Table {
    let mut table = table(["met in both at least", "histories", "overlap", "users swapped", "drift", "p"]);
    for seen in months.by_seen.iter().filter(|seen| seen.part.histories > 0) {
        let part = &seen.part;
        table.row([
            Cell::text(if seen.seen_min == 1 { "once".to_owned() } else { format!("{} times", seen.seen_min) }),
            Cell::figure(part.histories.to_string()),
            plain(part.overlap),
            cell(part.users_null),
            Cell::figure(words::difference_plain(part.drift)),
            Cell::figure(words::p(part.p)),
        ]);
    }
    table
}

/// The most drifted clusters.
pub(super) fn clusters(months: &Months, catalogue: &Catalogue, shown: usize) -> Table {
    let mut table = table(["cluster", "histories", "overlap", "users swapped", "drift", "deviations", "sure"]);
    let furthest = months.clusters.iter().map(|cluster| cluster.deviations).fold(1.0, f64::max);
    for one in months.clusters.iter().take(shown) {
        let name = catalogue.cluster(one.cluster).map_or("", |cluster| &cluster.name);
        table.row([
            Cell::text(one.cluster.to_string()).beside(shortened(name)),
            Cell::figure(one.part.histories.to_string()),
            plain(one.part.overlap),
            cell(one.part.users_null),
            plain(one.part.drift),
            Cell::figure(format!("{:.1}", one.deviations)).bar(one.deviations.max(0.0) / furthest),
            Cell::text(if one.is_sure { "yes" } else { "" }),
        ]);
    }
    table.note(&format!("The first {} of {} clusters.", shown.min(months.clusters.len()), months.clusters.len()));
    table
}

/// The first words of a name.
fn shortened(name: &str) -> String {
    const LETTERS_MAX: usize = 44;
    match name.char_indices().nth(LETTERS_MAX) {
        Some((at, _)) => format!("{}…", &name[..at]),
        None => name.to_owned(),
    }
}

/// Tables by age.
pub(super) fn ages(staleness: &Staleness) -> Table {
    let mut table =
        table(["age, days", "hit@1", "hit@5", "hit@10", "hit@5 lost", "fresh, as few events", "lost to age"]);
    for age in &staleness.ages {
        table.row([
            Cell::text(age.age_days.to_string()),
            plain(age.hit_1.value),
            cell(age.hit_5),
            plain(age.hit_10.value),
            difference(age.loss),
            cell(age.null),
            difference(age.loss_to_age),
        ]);
    }
    table.note("Lost: against the fresh table. Lost to age: against the fresh table of as few events. 95 % intervals over users, on the same draws.");
    table
}

/// All settings.
pub(super) fn tried(advice: &Advice) -> Table {
    let mut table = table(["refresh, days", "half-life, days", "hit@5, chosen on", "hit@5, later", ""]);
    let best = |of: fn(&Tried) -> f64| advice.tried.iter().map(of).fold(0.0, f64::max);
    let tops = [best(|tried| tried.choosing.value), best(|tried| tried.reporting.value)];
    table.group("now");
    table.row(tried_row(advice, &advice.current, tops));
    table.group("tried");
    advice.tried.iter().for_each(|tried| {
        table.row(tried_row(advice, tried, tops));
    });
    table.note(
        "A half-life also leaves fewer events in a table, so that the smoothing counts for more: where it gains although nothing drifts, try \
         --smoothing too.",
    );
    table
}

fn tried_row(advice: &Advice, tried: &Tried, tops: [f64; 2]) -> Vec<Cell> {
    let setting = &tried.setting;
    let half_life = setting.half_life_days.map_or("none".to_owned(), |days| days.to_string());
    let marked = |sure: crate::drift::Sure, top: f64| if sure.value >= top { cell(sure).best() } else { cell(sure) };
    let verdict = match () {
        () if *setting == advice.chosen.setting => "recommended",
        () if *setting == advice.best => "best where chosen",
        () if tried.is_surely_worse => "surely worse",
        () => "",
    };
    vec![
        Cell::figure(setting.refresh_days.to_string()),
        Cell::figure(half_life),
        marked(tried.choosing, tops[0]),
        marked(tried.reporting, tops[1]),
        Cell::text(verdict),
    ]
}

/// Hit@5 on the later span by cadence, a line for each half-life.
pub(super) fn tried_lines(advice: &Advice) -> Lines {
    let mut days: Vec<i32> = advice.tried.iter().map(|tried| tried.setting.refresh_days).collect();
    days.sort_unstable();
    days.dedup();
    let place = |refresh_days: i32| days.iter().position(|day| *day == refresh_days).unwrap_or_default() as f64;
    let mut lines = BTreeMap::<i64, Vec<Point>>::new();
    for tried in advice.tried.iter().rev() {
        let half_life = tried.setting.half_life_days.map_or(i64::MAX, |days| days as i64);
        let point = Point::exact(place(tried.setting.refresh_days), tried.reporting.value);
        lines.entry(half_life).or_default().push(point);
    }
    let name =
        |half_life: i64| if half_life == i64::MAX { "no half-life".to_owned() } else { format!("{half_life} days") };
    let colours = std::iter::once(GREY).chain(SERIES);
    let line = |((half_life, points), colour)| Line { name: name(half_life), colour, points };
    Lines {
        x_name: "days between two refreshes".to_owned(),
        y_name: "hit@5, later span; a line for each half-life".to_owned(),
        ticks: days.iter().map(|day| Tick { at: place(*day), name: day.to_string() }).collect(),
        lines: lines.into_iter().rev().zip(colours).map(line).collect(),
    }
}
