//! The evaluation as a page: what to do, then the evidence.
//!
//! Each sentence that names a winner comes with the difference and its interval; what is not sure is called so.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use indicatif::HumanCount;

use super::contenders::{Family, WEEK_DAYS};
use super::figures::{AgeFigures, ContenderFigures, Evaluation, ModeFigures, hit_5};
use super::pictures::{Picture, pictures};
use crate::measure::{Figures, Interval};
use crate::page::{Cell, Page, Table};
use crate::provenance::TOOL;

/// The page's file.
pub const PAGE: &str = "evaluate.html";
/// The figures' file.
pub const FIGURES: &str = "evaluate.json";

/// Writes the page, the figures and the pictures into a directory; gives the page's path.
///
/// # Errors
/// When a file cannot be written or a picture not be drawn.
pub fn write(evaluation: &Evaluation, dir: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let put = |name: &str, bytes: &[u8]| {
        let path = dir.join(name);
        std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display())).map(|()| path)
    };
    let pictured = evaluation.modes.iter().map(|mode| Ok((mode, pictures(mode)?)));
    let pictured: Vec<(&ModeFigures, Vec<Picture>)> = pictured.collect::<anyhow::Result<_>>()?;
    for picture in pictured.iter().flat_map(|(_, pictures)| pictures) {
        put(&format!("{}.svg", picture.name), picture.svg.as_bytes())?;
    }
    put(FIGURES, &serde_json::to_vec_pretty(evaluation)?)?;
    put(PAGE, page(evaluation, &pictured).html().as_bytes())
}

fn page(evaluation: &Evaluation, pictured: &[(&ModeFigures, Vec<Picture>)]) -> Page {
    let mut page = Page::new("Who knows what comes next", &lead(evaluation));
    evaluation.modes.iter().for_each(|mode| add_fact(&mut page, mode));
    for (mode, pictures) in pictured {
        add_mode(&mut page, mode, pictures);
    }
    page.section("How to read this", READING);
    page.foot(&format!("{TOOL}. {} rows refused. {}", count(evaluation.input.refused), told(evaluation)));
    page
}

/// What the figures rest on.
const READING: &str = "\
The log is replayed through time. A request is a user's last two clusters; its answer is the cluster that came next. A request belongs to the calendar \
month (UTC) of its answer; the first two months only fill the first tables, and months with too few requests are left out. Whoever answers knows only \
what came before the refresh that serves the request, and the model of a month has learnt only from what came before that month.

A mode says which repeats stay in a user's sequence. Raw keeps every event, so that naming the last cluster again is often right. Changes drops consecutive \
repeats: what comes next is another cluster. Distinct keeps only the first time that a user met a cluster: what comes next is always new to them, \
which is what the method recommends.

Counts by the rules of the published baselines are tables of whole months. Smoothed counts are what a release without a model holds, with the half-life and the \
smoothing that were asked for. Retrieval is a small model, fine-tuned at the start of every month, that is shown the likeliest continuations of the \
history as the last refresh counted them. The hybrid adds its word to the counts', at the weight that was best in the months before. The models here are \
smaller than those that `train` makes by default, so that a year fits into minutes: they show what freshness is worth to a model rather than how good a model can be.

Intervals hold 95 % of the draws of users. Differences are of the same requests and the same draws. The best cadence, window and half-life were picked \
by the same requests that they are shown on: a lead smaller than its interval is no lead.";

fn lead(evaluation: &Evaluation) -> String {
    let [from, to] = &evaluation.dates;
    let months = evaluation.modes.iter().map(|mode| mode.months.len()).max().unwrap_or_default();
    format!(
        "{} events of {} users over {} clusters, from {from} to {to}, replayed through time: {months} months are asked about. Each figure is the share of \
         requests whose next cluster the best contender had among its first five.",
        count(evaluation.input.used),
        count(evaluation.users),
        evaluation.clusters
    )
}

/// The winner of a mode, beside popularity.
fn add_fact(page: &mut Page, mode: &ModeFigures) {
    let Some((best, popularity)) = mode.best().zip(mode.contenders.first()) else { return };
    let what =
        format!("{}: {}; popularity {}", capitalised(mode.mode), quoted(&best.name), percent(popularity.hit_5()));
    page.fact(&percent(best.hit_5()), &what);
}

fn add_mode(page: &mut Page, mode: &ModeFigures, pictures: &[Picture]) {
    page.section(&format!("{} mode", capitalised(mode.mode)), &advice(mode));
    pictures.iter().for_each(|picture| {
        page.figure(&picture.svg, &picture.caption);
    });
    page.table(&table(mode));
}

/// What the figures advise: a cadence, a half-life, a window.
fn advice(mode: &ModeFigures) -> String {
    let (requests, users) = (count(mode.requests as u64), count(mode.users as u64));
    let mut advice = vec![format!("{requests} requests of {users} users.")];
    advice.extend([Family::Hybrid, Family::Smoothed].into_iter().filter_map(|family| cadence_advice(mode, family)));
    advice.extend(age_advice("half-life", &mode.half_lives));
    advice.extend(age_advice("window", &mode.windows));
    advice.join("\n\n")
}

fn cadence_advice(mode: &ModeFigures, family: Family) -> Option<String> {
    let refreshed = || mode.family(family).filter(|contender| contender.every_days.is_some());
    let best = refreshed().max_by(|left, right| left.hit_5().total_cmp(&right.hit_5()))?;
    let against = best.less_weekly.filter(|_| refreshed().count() > 1)?;
    let what = capitalised(family.word());
    Some(match best.every_days {
        Some(WEEK_DAYS) => format!("{what}: no cadence that was tried beats a refresh every week."),
        _ => format!("{what}: the best cadence is {}, hit@5 {} against every week.", cadence(best), gain(&against)),
    })
}

fn age_advice(what: &str, tried: &[AgeFigures]) -> Option<String> {
    let best = tried.iter().max_by(|left, right| hit_5(&left.figures)[0].total_cmp(&hit_5(&right.figures)[0]))?;
    Some(match best.days {
        None => format!("No {what} that was tried is better than all history, nothing faded."),
        Some(days) => format!(
            "The best {what} is {days} days, hit@5 {} against all history, nothing faded.",
            gain(&best.less_all)
        ),
    })
}

fn cadence(contender: &ContenderFigures) -> String {
    match contender.every_days {
        None => "once".to_owned(),
        Some(1) => "every day".to_owned(),
        Some(days) => format!("every {days} days"),
    }
}

/// A difference in words, and whether it is one.
fn gain(interval: &Interval) -> String {
    let [measured, low, high] = hit_5(interval);
    let sure = if low > 0.0 || high < 0.0 { "" } else { " (perhaps chance)" };
    format!("{measured:+.4} [{low:+.4}, {high:+.4}]{sure}")
}

fn table(mode: &ModeFigures) -> Table {
    let head = ["who answers"].into_iter().chain(Figures::NAMES).map(str::to_owned);
    let mut table =
        Table::new(head.chain(["catalogue shown".to_owned(), format!("hit@5 less {}", quoted(&mode.compared_with))]));
    let best = best_values(mode);
    for family in Family::ALL.into_iter().filter(|family| mode.family(*family).next().is_some()) {
        table.group(family.title());
        mode.family(family).for_each(|contender| {
            table.row(row(contender, &best));
        });
    }
    table.note("In bold the best of each column. The small figures are 95 % intervals over users. Catalogue shown is the share of clusters among the first ten of any request.");
    table
}

fn row(contender: &ContenderFigures, best: &[f64; 5]) -> Vec<Cell> {
    let values = contender.figures.measured.values();
    let [_, low, high] = hit_5(&contender.figures);
    let figure = |at: usize| {
        let cell = Cell::figure(format!("{:.4}", values[at]));
        let cell = if at == 1 { cell.beside(format!("{low:.3}–{high:.3}")) } else { cell };
        if values[at] >= best[at] { cell.best() } else { cell }
    };
    let [measured, low, high] = hit_5(&contender.difference);
    let less = Cell::figure(format!("{measured:+.4}")).beside(format!("{low:+.4} to {high:+.4}"));
    let covered = Cell::figure(format!("{:.0} %", contender.coverage_10 * 100.0));
    std::iter::once(Cell::text(contender.name.clone())).chain((0..5).map(figure)).chain([covered, less]).collect()
}

fn best_values(mode: &ModeFigures) -> [f64; 5] {
    let highest = |best: [f64; 5], contender: &ContenderFigures| {
        let values = contender.figures.measured.values();
        std::array::from_fn(|at| f64::max(best[at], values[at]))
    };
    mode.contenders.iter().fold([0.0; 5], highest)
}

/// The settings, for the small print.
fn told(evaluation: &Evaluation) -> String {
    let counting = &evaluation.counting;
    let days =
        |what: &str, days: Option<f64>| days.map_or_else(|| format!("no {what}"), |days| format!("{what} {days} days"));
    let smoothing: Vec<String> = counting.smoothing.iter().map(f64::to_string).collect();
    format!(
        "Counted with {}, {}, {}, smoothing {}. Took {:.0} s.",
        days("half-life", counting.half_life_days),
        days("window", counting.window_days),
        days("session gap", counting.gap_days),
        smoothing.join(", "),
        evaluation.elapsed_s,
    )
}

fn count(count: u64) -> String {
    HumanCount(count).to_string()
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn quoted(name: &str) -> String {
    format!("“{name}”")
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
