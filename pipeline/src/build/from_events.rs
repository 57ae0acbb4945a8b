//! From a log to a release: read, sort, cut, count, smooth, choose, write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, ensure};
use segue::snapshot::publish::{About, Published};

use crate::build::log::{Reading, first_refusal, read_log};
use crate::build::output::Output;
use crate::build::{CountSettings, LogSettings, ReleaseSettings, expected};
use crate::candidates::choose::Choice;
use crate::candidates::file::CandidatesFile;
use crate::count::{Counter, Counts};
use crate::decay::{Decay, US_PER_DAY};
use crate::progress::Progress;
use crate::provenance::{Settings, data_window};
use crate::read::Events;
use crate::sequence::{Cut, Cutter, Rules};
use crate::smooth::{Constants, Smoothed};
use crate::sort::SortError;
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
    let output = Output::prepare(release, &inputs(log))?;
    let progress = Progress::reading_bytes(output.inputs.iter().map(|input| input.bytes).sum());
    let events = read(log, &output, &progress)?;
    let (tally, spills) = (events.tally, events.sorter.spills());
    let input = InputFigures { spills, ..InputFigures::new(tally.rows, tally.events, &events.refusals) };
    let window_us = tally.window_us.with_context(|| format!("no event could be read{}", first_refusal(&input)))?;
    progress.phase("counting");
    let window = Window::new(window_us, count);
    let counted = count_events(events, count, &window, &output)?;
    let figures = log_figures(&tally, &counted.cut);
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

/// Counts, with what cutting says of itself.
struct Counted {
    counts: Counts,
    cut: Cut,
}

fn inputs(log: &LogSettings) -> Vec<&Path> {
    let items = log.items.iter().map(|items| items.path.as_path());
    log.events.iter().map(Path::new).chain(items).collect()
}

fn read(log: &LogSettings, output: &Output<'_>, progress: &Progress) -> anyhow::Result<Events> {
    let settings = output.settings;
    let reading = Reading {
        catalogue: &output.catalogue,
        policy: settings.policy,
        spill_dir: &settings.out,
        memory_bytes: settings.memory_bytes,
        progress,
    };
    read_log(log, &reading)
}

fn count_events(
    events: Events,
    count: &CountSettings,
    window: &Window,
    output: &Output<'_>,
) -> anyhow::Result<Counted> {
    let clusters = output.clusters();
    let decay = Decay::new(window.to_us, count.half_life_days);
    let mut counter = Counter::new(clusters, output.settings.depth, decay).with_user_day_max(count.user_day_max);
    let rules = Rules { mode: count.mode, gap_us: count.gap_days.map(us), since_us: Some(window.from_us) };
    let mut cutter = Cutter::new(rules, clusters as usize, |user, steps: &[_]| counter.add(user, steps));
    events.sorter.finish()?.try_for_each(|event| {
        cutter.push(event?);
        Ok::<(), SortError>(())
    })?;
    let cut = cutter.finish();
    ensure!(
        cut.sequences > 0,
        "no sequence of two clusters or more is left of {} events; see --mode, --gap-days and --window-days",
        events.tally.events
    );
    Ok(Counted { counts: counter.finish().with_users_min(count.users_min), cut })
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
        .into_map()
}

fn log_figures(tally: &crate::read::Tally, cut: &Cut) -> LogFigures {
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
