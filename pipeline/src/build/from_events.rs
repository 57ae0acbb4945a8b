//! From a log to a release: read, sort, cut, count, smooth, choose, write.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, ensure};
use segue::snapshot::publish::{About, Published};

use crate::build::log::first_refusal;
use crate::build::output::Output;
use crate::build::{CountSettings, LogSettings, ReleaseSettings, expected};
use crate::candidates::choose::Choice;
use crate::candidates::file::CandidatesFile;
use crate::count::{Counters, CountersSettings, Counts};
use crate::decay::{Decay, US_PER_DAY};
use crate::progress::Progress;
use crate::provenance::{Settings, data_window, log_inputs};
use crate::read::Tally;
use crate::scan::{Read, Scan, Ties};
use crate::sequence::{Cut, Rules};
use crate::smooth::{Constants, Smoothed};
use crate::summary::{InputFigures, LogFigures, Summary};

/// Makes a release of a log.
///
/// # Errors
/// When a file cannot be read or written, when nothing is left to count, or at the first refused row when strict.
pub fn build_from_events(
    log: &LogSettings,
    count: &CountSettings,
    release: &ReleaseSettings,
) -> anyhow::Result<Summary> {
    let started = Instant::now();
    let output = Output::prepare(release, || log_inputs(log))?;
    let progress = Progress::reading_bytes(output.inputs.iter().map(|input| input.bytes).sum());
    let scan = scan(log, &output, &progress);
    let read = scan.read()?;
    let tally = *read.tally();
    let mut input = InputFigures::new(tally.rows, tally.events, read.refusals());
    let window_us = tally.window_us.with_context(|| format!("no event could be read{}", first_refusal(&input)))?;
    progress.phase("counting");
    let window = Window::new(window_us, count);
    let counted = count_events(read, &scan, (count, &window, &output))?;
    input.spills = counted.spills;
    let figures = log_figures(&Tally { users: counted.users, ..tally }, &counted.cut);
    progress.phase("writing");
    let (published, candidates_file) =
        write(&output, count, counted.counts, about(&output, count, &window, &figures)?)?;
    progress.finish();
    Ok(Summary {
        input,
        log: Some(figures),
        release: output.finish(published, Some(candidates_file))?,
        elapsed_s: started.elapsed().as_secs_f64(),
    })
}

/// The time that counts.
#[derive(Clone, Copy, Debug)]
struct Window {
    from_us: i64,
    to_us: i64,
}

impl Window {
    fn new((from_us, to_us): (i64, i64), count: &CountSettings) -> Self {
        let since_us = count.window_days.map(|days| to_us.saturating_sub(us(days)));
        Self { from_us: since_us.map_or(from_us, |since_us| since_us.max(from_us)), to_us }
    }
}

/// Counts, with what counting says of itself.
struct Counted {
    counts: Counts,
    cut: Cut,
    users: u64,
    spills: usize,
}

/// Half of the memory is the events', half the counts'.
fn scan<'a>(log: &'a LogSettings, output: &'a Output<'_>, progress: &'a Progress) -> Scan<'a> {
    Scan {
        log,
        catalogue: &output.catalogue,
        policy: output.settings.policy,
        // What a log says of equal times is kept: a basket has an order.
        ties: Ties::AsRead,
        memory_bytes: output.settings.memory_bytes / 2,
        spill_dir: &output.settings.out,
        threads: 0,
        progress,
    }
}

fn count_events(
    read: Read,
    scan: &Scan<'_>,
    (count, window, output): (&CountSettings, &Window, &Output<'_>),
) -> anyhow::Result<Counted> {
    let events = read.tally().events;
    let counters = Counters::new(CountersSettings {
        clusters: output.clusters(),
        depth: output.settings.depth,
        decay: Decay::new(window.to_us, count.half_life_days),
        rules: Rules { mode: count.mode, gap_us: count.gap_days.map(us), since_us: Some(window.from_us) },
        user_day_max: count.user_day_max,
        window_us: (window.from_us, window.to_us),
        events,
        memory_bytes: output.settings.memory_bytes / 2,
        spill_dir: scan.spill_dir,
        threads: scan.threads(),
    })?;
    let scanned = read.visit(|| counters.counter())?;
    let counted = counters.add_up(scanned.visitors)?;
    let cut = counted.cut;
    ensure!(
        cut.sequences > 0,
        "no sequence of two clusters or more is left of {events} events; see --mode, --gap-days and --window-days"
    );
    let counts = counted.counts(count.users_min)?;
    Ok(Counted { counts, cut, users: scanned.tally.users, spills: scanned.spills + counters.spills() })
}

fn write(
    output: &Output<'_>,
    count: &CountSettings,
    counts: Counts,
    mut about: About,
) -> anyhow::Result<(Published, PathBuf)> {
    let tails = counts.tails.clone();
    let smoothed = Smoothed::new(counts, &Constants::new(&count.smoothing, output.settings.depth));
    let choice = Choice { width: output.settings.width, seen_min: count.seen_min, mode: count.mode };
    let mut release = output.writer()?;
    let mut file = CandidatesFile::create(&output.settings.out, &output.catalogue)?;
    for row in choice.rows(&smoothed) {
        release.push(&row.history, &row.candidates)?;
        file.push(&row)?;
    }
    about.expected_sources = expected::sources(&tails, &choice, &smoothed);
    Ok((release.finish(about)?, file.finish()?))
}

fn about(output: &Output<'_>, count: &CountSettings, window: &Window, figures: &LogFigures) -> anyhow::Result<About> {
    let mut about = output.about()?;
    let span = data_window((window.from_us, window.to_us));
    about.created_unix_s = about.created_unix_s.or(span.map(|span| span.to_unix_s));
    about.provenance.data_window = span;
    about.provenance.settings = settings(output.settings, count);
    about.quality = quality(figures);
    Ok(about)
}

/// How much a release rests on: what it rests on decides how far it can be trusted.
fn quality(figures: &LogFigures) -> BTreeMap<String, f64> {
    let counts =
        [("log_users", figures.users), ("log_sequences", figures.sequences), ("log_repeats_dropped", figures.repeats)];
    counts.map(|(name, count)| (name.to_owned(), count as f64)).into()
}

fn settings(release: &ReleaseSettings, count: &CountSettings) -> BTreeMap<String, String> {
    let constants = Constants::new(&count.smoothing, release.depth).by_length;
    Settings::default()
        .with("depth", release.depth)
        .with("width", release.width)
        .with("mode", count.mode.name())
        .with("min_count", count.seen_min)
        .with("smoothing", constants.iter().map(f64::to_string).collect::<Vec<_>>().join(","))
        .with_given("gap_days", count.gap_days)
        .with_given("window_days", count.window_days)
        .with_given("half_life_days", count.half_life_days)
        .with_given("max_user_day", count.user_day_max)
        .with_given("min_users", (count.users_min > 1).then_some(count.users_min))
        .into_map()
}

fn log_figures(tally: &Tally, cut: &Cut) -> LogFigures {
    LogFigures {
        below_weight: tally.below_weight,
        before_window: cut.before_window,
        repeats: cut.repeats,
        users: tally.users,
        sequences: cut.sequences,
        short_sequences: cut.short,
    }
}

fn us(days: f64) -> i64 {
    (days * US_PER_DAY) as i64
}
