//! Whether what follows what is changing: months against the next months, tables against their age, and what to do about it.
//!
//! It judges a log and changes nothing. No figure of likeness leaves it without the one that chance gives: short lists differ by themselves.

use std::path::PathBuf;

use anyhow::Context;
use segue::snapshot::catalogue::Catalogue;
use serde::Serialize;

use crate::build::LogSettings;
use crate::build::log::{Reading, read_whole};
use crate::clusters::{CatalogueColumns, read_catalogue};
use crate::decay::day;
use crate::examples::{Counting, ExampleRules, Examples, Log};
use crate::measure::Bootstrap;
use crate::progress::Progress;
use crate::refusals::Policy;
use crate::smooth::Constants;
use crate::source;
use crate::summary::InputFigures;
use crate::train::data::catalogue_file;

// From a log to two periods, and how alike they are.
pub mod period;
pub mod triples;
pub mod overlap;
pub mod nulls;
pub mod compare;
// What that says.
pub mod figures;
pub mod clusters;
pub mod months;
// Tables of any day, and what they lose with age.
pub mod days;
pub mod ask;
pub mod staleness;
pub mod advice;
// Showing it.
pub mod words;
mod summary;
pub mod heat;
pub mod report;
// The running service.
pub mod live;
// Showing it.

pub use advice::{Advice, Setting};
pub use figures::{Figures, Sure};
pub use months::{Months, MonthsSettings};
pub use period::Period;
pub use staleness::{Asked, Staleness};

use days::{DayCounts, TableOf, start_us};

/// Periods at the start of the log that only fill the first tables: requests are asked from the third on.
const PERIODS_UNASKED: i32 = 2;

/// How a log is judged.
#[derive(Clone, Debug)]
pub struct DriftSettings {
    /// The log.
    pub log: LogSettings,
    /// The catalogue's file, or a release's directory.
    pub catalogue: PathBuf,
    /// What its columns mean.
    pub catalogue_columns: CatalogueColumns,
    /// What to do with rows that cannot be used.
    pub policy: Policy,
    /// Bytes of rows held in memory before they are spilled.
    pub memory_bytes: usize,
    /// How the log is counted now.
    pub counting: Counting,
    /// Days between two refreshes now.
    pub refresh_days: i32,
    /// How periods are compared.
    pub months: MonthsSettings,
    /// How often users are drawn again for the intervals of hit rates.
    pub draws: usize,
}

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Drift {
    /// What was read.
    pub input: InputFigures,
    /// Users of the log.
    pub users: u64,
    /// The first and the last event's day, as dates in UTC.
    pub dates: [String; 2],
    /// Periods against the next.
    pub months: Months,
    /// Tables by their age; `None` when the log is too short.
    pub staleness: Option<Staleness>,
    /// What to set; `None` when the log is too short.
    pub advice: Option<Advice>,
}

/// Judges a log; its catalogue comes with what was found, for names.
///
/// # Errors
/// When a file cannot be read, or when fewer than two periods can be compared.
pub fn drift(settings: &DriftSettings) -> anyhow::Result<(Drift, Catalogue)> {
    let catalogue = read_catalogue(&catalogue_file(&settings.catalogue), &settings.catalogue_columns)?;
    let progress = Progress::reading_bytes(source::bytes(&settings.log)?);
    let read = read(settings, &catalogue, &progress)?;
    progress.phase("comparing");
    let ids: Vec<u32> = catalogue.clusters().iter().map(|cluster| cluster.id).collect();
    let months = Months::new(&read.log, &settings.rules(), &settings.months, &ids)?;
    progress.phase("asking");
    let (staleness, advice) = settings.ask(&read.log);
    progress.finish();
    let (first, last) = read.log.span_us().unwrap_or_default();
    let dates = [first, last].map(|time_us| period::date_of_day(day(time_us)));
    Ok((Drift { input: read.input, users: read.users, dates, months, staleness, advice }, catalogue))
}

/// A log with what reading it added up to.
struct Read {
    log: Log,
    users: u64,
    input: InputFigures,
}

fn read(settings: &DriftSettings, catalogue: &Catalogue, progress: &Progress) -> anyhow::Result<Read> {
    let spills = tempfile::tempdir().context("cannot make a temporary directory for what does not fit in memory")?;
    let reading = Reading {
        catalogue,
        policy: settings.policy,
        spill_dir: spills.path(),
        memory_bytes: settings.memory_bytes,
        progress,
    };
    let (log, tally, input) = read_whole(&settings.log, &reading)?;
    Ok(Read { log, users: tally.users, input })
}

impl Drift {
    /// Whether the judged periods surely drift by more than a bound: the whole interval lies above it, and chance seldom gives so low an overlap.
    pub fn is_above(&self, bound: f64) -> bool {
        self.months.judged.is_above(bound)
    }
}

impl DriftSettings {
    fn rules(&self) -> crate::sequence::Rules {
        self.counting.rules()
    }

    /// What tables of the log answer to what came next in it.
    fn ask(&self, log: &Log) -> (Option<Staleness>, Option<Advice>) {
        let count = &self.counting.count;
        let examples = Examples::new(log, &ExampleRules { rules: self.rules(), ..ExampleRules::default() });
        let days = DayCounts::new(log, self.rules(), Constants::new(&count.smoothing, self.counting.depth));
        let requests = ask::Requests::new(&examples, &days, count.mode);
        let asked = self.asked(log);
        let bootstrap = Bootstrap { draws: self.draws, seed: self.months.seed };
        let current = Setting {
            refresh_days: self.refresh_days,
            half_life_days: count.half_life_days,
            window_days: count.window_days.map(|days| days.ceil() as i32),
        };
        let fresh = TableOf {
            window_days: current.window_days,
            half_life_days: current.half_life_days,
            ..TableOf::before(i32::MIN)
        };
        let staleness = staleness::staleness(&requests, asked, fresh, &bootstrap);
        (staleness, advice::advise(&requests, asked, current, &bootstrap))
    }

    /// From the third period to the end of the log.
    fn asked(&self, log: &Log) -> Asked {
        let period = self.months.period;
        let (first, last) = log.span_us().unwrap_or_default();
        let (first_day, to_day) = (day(first), day(last) + 1);
        let third = period.of(first) + PERIODS_UNASKED;
        let from_day = (first_day..to_day).find(|day| period.of(start_us(*day)) >= third).unwrap_or(to_day);
        Asked { from_day, to_day }
    }
}
