//! What was found as one HTML page: each figure beside its null, each picture with how to read it.
//!
//! It computes nothing: all figures and sentences come from those who found them.

use std::path::Path;

use anyhow::Context;
use segue::snapshot::catalogue::Catalogue;

use crate::drift::figures::{Figures, Sure};
use crate::drift::months::Months;
use crate::drift::{Drift, heat, words};
use crate::page::palette::{GREY, SERIES};
use crate::page::{Cell, Line, Lines, Page, Point, Table, Tick};
use crate::provenance::TOOL;

mod tables;

/// Clusters that are shown.
const CLUSTERS_SHOWN: usize = 15;

/// Writes the page; `catalogue` names clusters.
///
/// # Errors
/// When a picture cannot be drawn or the file cannot be written.
pub fn write(drift: &Drift, catalogue: &Catalogue, path: &Path) -> anyhow::Result<()> {
    let mut page = Page::new("Drift", &words::lead(drift));
    facts(&mut page, drift);
    neighbours(&mut page, &drift.months)?;
    map(&mut page, &drift.months);
    clusters(&mut page, &drift.months, catalogue);
    ages(&mut page, drift)?;
    advice(&mut page, drift)?;
    page.foot(&foot(drift));
    page.write(path).with_context(|| format!("cannot write {}", path.display()))
}

fn facts(page: &mut Page, drift: &Drift) {
    let all = &drift.months.all;
    let noun = drift.months.settings.period.noun();
    page.fact(&words::plain(all.overlap.value), &format!("overlap from one {noun} to the next"));
    page.fact(&words::plain(all.users_null.value), "by chance alone");
    page.fact(&words::difference_plain(all.drift.value), &format!("drift {}", words::difference_interval(all.drift)));
    if let Some(advice) = &drift.advice {
        page.fact(&format!("{} d", advice.chosen.setting.refresh_days), "between two refreshes, recommended");
    }
}

fn neighbours(page: &mut Page, months: &Months) -> anyhow::Result<()> {
    let settings = &months.settings;
    let noun = settings.period.noun();
    page.section(
        &format!("From one {noun} to the next"),
        &format!(
            "{}\n\nThe overlap is the mean Jaccard index of the {} most frequent successors of a history of {} clusters, in one {noun} and in the \
             next. Lists of few events differ by chance, so a low overlap alone is no drift. Two logs without drift stand beside it: one in which \
             users' {noun}s are swapped, which is the one to compare with, and one in which each event's {noun} is shuffled, which comes out too \
             high because users repeat themselves within a {noun}.",
            words::overlap(&months.all, settings.period),
            settings.top,
            settings.depth
        ),
    );
    let svg = overlap_lines(months).svg()?;
    page.figure(&svg, "The overlap as it was with its 95 % interval over users, and 95 % of what each null gives.");
    page.table(&tables::neighbours(months));
    page.text("The more often a history was met, the less chance there is in its list.");
    page.table(&tables::by_seen(months));
    Ok(())
}

fn overlap_lines(months: &Months) -> Lines {
    let line = |name: &str, colour, of: fn(&Figures) -> Sure| Line {
        name: name.to_owned(),
        colour,
        points: (0..).zip(&months.neighbours).map(|(at, pair)| point(f64::from(at), of(&pair.figures))).collect(),
    };
    let last = months.neighbours.len().saturating_sub(1);
    let every = months.neighbours.len().div_ceil(12);
    let tick = |(at, name): (usize, &str)| Tick { at: at as f64, name: name.to_owned() };
    let names = months.neighbours.iter().map(|pair| pair.later.as_str()).enumerate();
    Lines {
        x_name: format!("the later {}", months.settings.period.noun()),
        y_name: "overlap".to_owned(),
        ticks: names.filter(|(at, _)| (last - at).is_multiple_of(every)).map(tick).collect(),
        lines: vec![
            line("triples shuffled", GREY, |figures| figures.triples_null),
            line("users swapped", SERIES[1], |figures| figures.users_null),
            line("as it was", SERIES[0], |figures| figures.overlap),
        ],
    }
}

fn map(page: &mut Page, months: &Months) {
    let noun = months.settings.period.noun();
    page.section(
        &format!("Every {noun} against every other"),
        &format!(
            "Drift that goes on makes {noun}s less alike the further they are apart: the colour deepens away from the diagonal. Seasons show as \
             bands."
        ),
    );
    let caption = "Above the diagonal the drift, coloured; below it the overlap itself.";
    page.figure(&heat::svg(months), caption);
}

fn clusters(page: &mut Page, months: &Months, catalogue: &Catalogue) {
    let sure = months.clusters.iter().filter(|cluster| cluster.is_sure).count();
    let verdict = match sure {
        0 => "No cluster stands out further than chance lets one of so many.".to_owned(),
        1 => "One cluster stands out further than chance lets one of so many.".to_owned(),
        count => format!("{count} clusters stand out further than chance lets one of so many."),
    };
    page.section(
        "By cluster",
        &format!(
            "The same by the last cluster of the history, the furthest from its null first. {verdict} Of many clusters some look drifted by \
             chance; those marked sure are further out than the furthest of a shuffled log is in 95 of 100 shuffles."
        ),
    );
    page.table(&tables::clusters(months, catalogue, CLUSTERS_SHOWN));
}

fn ages(page: &mut Page, drift: &Drift) -> anyhow::Result<()> {
    let Some(staleness) = &drift.staleness else {
        page.section("Tables grow old", "The log is too short to try tables of several ages.");
        return Ok(());
    };
    page.section(
        "Tables grow old",
        &format!(
            "{}\n\nThe same {} requests of {} days, asked of tables that have seen nothing of the last days. An older table has also seen less; so \
             beside each stands a fresh one made of as few events. What lies between the two is lost to age.",
            words::age(staleness),
            staleness.requests,
            staleness.days
        ),
    );
    let line = |name: &str, colour, of: fn(&crate::drift::staleness::Age) -> Sure| Line {
        name: name.to_owned(),
        colour,
        points: (0..).zip(&staleness.ages).map(|(at, age)| point(f64::from(at), of(age))).collect(),
    };
    let tick =
        |(at, age): (usize, &crate::drift::staleness::Age)| Tick { at: at as f64, name: age.age_days.to_string() };
    let lines = Lines {
        x_name: "age of the table, days".to_owned(),
        y_name: "hit@5".to_owned(),
        ticks: staleness.ages.iter().enumerate().map(tick).collect(),
        lines: vec![line("fresh, as few events", GREY, |age| age.null), line("aged", SERIES[0], |age| age.hit_5)],
    };
    page.figure(&lines.svg()?, "Hit@5 by the age of the table; the ages are not to scale. The bands, 95 % over users, overlap because users differ; the table has the differences \
         on the same users.");
    page.table(&tables::ages(staleness));
    Ok(())
}

fn advice(page: &mut Page, drift: &Drift) -> anyhow::Result<()> {
    let Some(advice) = &drift.advice else {
        page.section("What to set", &words::too_short());
        return Ok(());
    };
    page.section(
        "What to set",
        &format!(
            "{} {} {}\n\nChosen on {}, and tried on {}. Of all settings that are not surely worse than the best, the rarest refresh is chosen.",
            words::recommendation(advice),
            words::gain(advice),
            words::forgone(advice),
            words::span(advice.spans[0]),
            words::span(advice.spans[1]),
        ),
    );
    page.figure(&tables::tried_lines(advice).svg()?, "Hit@5 on the later span by the days between two refreshes.");
    page.table(&tables::tried(advice));
    Ok(())
}

fn foot(drift: &Drift) -> String {
    let settings = &drift.months.settings;
    let left_out: Vec<&str> = drift.months.left_out.iter().map(|period| period.name.as_str()).collect();
    let left_out = if left_out.is_empty() { "none".to_owned() } else { left_out.join(", ") };
    format!(
        "{} events of {} users, {} to {}. {}s with fewer than {} triples left out: {left_out}. {} shuffles, seed {}. {TOOL}.",
        drift.input.used,
        drift.users,
        drift.dates[0],
        drift.dates[1],
        settings.period.noun(),
        settings.triples_min,
        settings.shuffles,
        settings.seed
    )
}

fn point(x: f64, sure: Sure) -> Point {
    Point { x, y: sure.value, low: sure.low, high: sure.high }
}

/// A figure with its interval small beside it.
fn cell(sure: Sure) -> Cell {
    Cell::figure(words::plain(sure.value)).beside(words::interval(sure))
}

/// A difference with its interval small beside it.
fn difference(sure: Sure) -> Cell {
    Cell::figure(words::difference_plain(sure.value)).beside(words::difference_interval(sure))
}

fn plain(value: f64) -> Cell {
    Cell::figure(words::plain(value))
}

fn table<const N: usize>(head: [&str; N]) -> Table {
    Table::new(head)
}
