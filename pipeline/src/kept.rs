//! Kept counts: a log counted partition by partition, each partition once, and merged as of any day.
//!
//! It must never matter how a log came: counted in one go or in pieces cut anywhere in time, the merged counts are the same. Nothing of a
//! user leaves it but a hash, and that only into the operator's own directories.
//!
//! A state directory holds `ledger.json`, which is written last and names everything that counts; `parts/N/`, each one run's
//! [counts](mod@format); and `carried-N.parquet`, where each user's sequence stands. What the ledger does not name is what a killed run left,
//! and goes at the next one.
//!
//! An event is late when its user's sequence already stands at a later time. Late events are left out, because the history they belong to
//! was counted without them, and counted as `late`; so a partition that comes twice under two names changes nothing. Equal times are not
//! late.

use std::path::{Path, PathBuf};

use segue::snapshot::catalogue::Catalogue;
use segue::snapshot::manifest::Version;
use serde::Serialize;

use crate::build::LogSettings;
use crate::count::Counts;
use crate::kept::format::CountsManifest;
use crate::privacy::{Privacy, PrivacyFigures};
use crate::progress::Progress;
use crate::refusals::Policy;
use crate::scan::Ties;
use crate::sequence::Mode;
use crate::source::Partition;

pub use merge::Cells;

pub mod format;
// From events to a part.
pub mod walk;
pub mod gram;
pub mod bytes;
pub mod standing;
pub mod columns;
pub mod table;
pub mod carried;
pub mod visit;
pub mod part;
pub mod moment;
pub mod ledger;
pub mod count;
mod report;
// From parts to counts.
pub mod merge;
pub mod space;
pub mod support;
pub mod tails;
pub mod ask;
#[cfg(test)]
mod tests;

/// Up to how many users of one (history, next, day) are kept as witnesses, unless told otherwise: as large as any `users_min` in use.
pub const WITNESS_MAX: u32 = 32;

/// What decides what is kept; the same for all parts of a state directory.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptSettings {
    /// Whether a cluster may come twice in a sequence.
    pub mode: Mode,
    /// A longer pause than this ends a sequence.
    pub gap_days: Option<f64>,
    /// What decides between events of one user and one time.
    pub ties: Ties,
    /// The longest history.
    pub depth: u8,
    /// Steps of one user and UTC day that count.
    pub user_day_max: u32,
    /// Users of one (history, next, day) that are kept as witnesses are fewer than this; a `users_min` up to it is exact.
    pub witness_max: u32,
    /// The share of users, 0 to 1, whose steps are kept as requests.
    pub request_users_share: f64,
}

/// What counting leans on.
#[derive(Clone, Copy, Debug)]
pub struct Counting<'a> {
    /// How the log's files are to be read; its `events` are not looked at.
    pub log: &'a LogSettings,
    /// The clusters there are.
    pub catalogue: &'a Catalogue,
    /// What to do with rows that cannot be used.
    pub policy: Policy,
    /// Bytes of rows held in memory.
    pub memory_bytes: usize,
    /// How many threads work; 0 takes one for each core.
    pub threads: usize,
    /// The bar that moves.
    pub progress: &'a Progress,
}

/// What one run of counting did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct KeptReport {
    /// The part that was added; `None` when there was nothing new.
    pub part: Option<PathBuf>,
    /// The partitions that were read, by name.
    pub partitions: Vec<String>,
    /// Partitions that had been counted before.
    pub partitions_known: usize,
    /// Rows read.
    pub rows: u64,
    /// Events in them that could be used.
    pub events: u64,
    /// Rows that could not be used.
    pub refused: u64,
    /// Users with an event.
    pub users: u64,
    /// Sequences that became two steps long.
    pub sequences: u64,
    /// Steps that count as `next`.
    pub steps: u64,
    /// The earliest step's time in microseconds since 1970.
    pub steps_from_us: Option<i64>,
    /// Steps beyond `user_day_max`, which are only history.
    pub steps_over_bound: u64,
    /// Events left out because they came too late.
    pub late: u64,
    /// Users whose events those are.
    pub late_users: u64,
    /// How far the latest of them lay before where its user's sequence stands, in seconds.
    pub late_s_max: f64,
    /// The first event's time in microseconds since 1970.
    pub from_us: Option<i64>,
    /// The last event's.
    pub to_us: Option<i64>,
    /// Rows written, by table.
    pub written: Written,
    /// Seconds it took.
    pub elapsed_s: f64,
}

/// Rows of each table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Written {
    /// Of `counts`.
    pub counts: u64,
    /// Of `support`.
    pub support: u64,
    /// Of `tails`.
    pub tails: u64,
    /// Of `requests`.
    pub requests: u64,
    /// Users in the carried state.
    pub carried: u64,
}

/// How kept counts become the counts of a release.
#[derive(Clone, Debug, PartialEq)]
pub struct MergeRules {
    /// The last UTC day that counts, in days since 1970: ages are counted back from it, and later days do not exist. `None` takes the last
    /// day that was counted.
    pub to_day: Option<i32>,
    /// How many days count, the last one included; `None` takes all.
    pub window_days: Option<u32>,
    /// Days in which a step loses half of its weight; `None` leaves all alike.
    pub half_life_days: Option<f64>,
    /// A (history, next) with fewer different users within the window is left out; 0 and 1 leave none out. It is exact where it is at most
    /// the directories' `witness_max`, and else errs towards leaving out. With `privacy` it counts days of users, raises the noise's
    /// threshold, and holds but for a chance of delta.
    pub users_min: u32,
    /// Noise, where it is asked for.
    pub privacy: Option<Privacy>,
    /// The longest history to take, at most that of the directories.
    pub depth: u8,
}

/// What merging gives.
#[derive(Clone, Debug)]
pub struct Merged {
    /// The counts.
    pub counts: Counts,
    /// What it added up to.
    pub figures: MergeFigures,
}

/// What merging added up to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MergeFigures {
    /// Directories that took part.
    pub dirs: usize,
    /// The first UTC day with a step that counts, in days since 1970.
    pub from_day: Option<i32>,
    /// The day that ages are counted from.
    pub to_day: i32,
    /// The first event's time of all directories that took part, in microseconds since 1970.
    pub from_us: Option<i64>,
    /// The last event's.
    pub to_us: Option<i64>,
    /// Steps that count.
    pub steps: u64,
    /// At `length`: (history, next) of that length that are in the counts.
    pub kept: Vec<u64>,
    /// At `length`: those that were left out because they have too few users.
    pub suppressed: Vec<u64>,
    /// At `length`: the steps of those.
    pub suppressed_steps: Vec<u64>,
    /// Those of `suppressed` that may have enough users: directories without witnesses do not add up.
    pub unproven: u64,
    /// What the noise guarantees.
    pub privacy: Option<PrivacyFigures>,
}

/// A step to be predicted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The user's hash.
    pub user: u64,
    /// When, in microseconds since 1970.
    pub time_us: i64,
    /// The ids of the clusters before it, oldest first.
    pub history: Vec<u32>,
    /// The id of the cluster that came.
    pub next: u32,
}

/// Those of `all` that the state directory does not hold yet: what [`count()`] would read.
///
/// # Errors
/// When the ledger cannot be read, or when a partition that was counted has changed since.
pub fn pending(all: &[Partition], state_dir: &Path) -> anyhow::Result<Vec<Partition>> {
    ledger::read(state_dir)?.map_or_else(|| Ok(all.to_vec()), |ledger| ledger.pending(all))
}

/// Counts the partitions that the state directory does not hold yet, as one part. A kill at any moment leaves the state as before or after.
///
/// # Errors
/// When another run works there, when the settings or the catalogue are not the state's, when a counted partition has changed, or when a
/// file cannot be read or written.
pub fn count(
    all: &[Partition],
    state_dir: &Path,
    settings: &KeptSettings,
    counting: &Counting<'_>,
) -> anyhow::Result<KeptReport> {
    count::count(all, state_dir, settings, counting)
}

/// Counts partitions in one go into a directory of their own, without a state to go on from.
///
/// # Errors
/// When the directory is there and not empty, or when a file cannot be read or written.
pub fn count_once(
    partitions: &[Partition],
    out: &Path,
    settings: &KeptSettings,
    counting: &Counting<'_>,
) -> anyhow::Result<KeptReport> {
    count::count_once(partitions, out, settings, counting)
}

/// The directories of counts that a path stands for: the parts of a state directory in their order, or the path itself.
///
/// # Errors
/// When it is neither.
pub fn dirs(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if let Some(ledger) = ledger::read(path)? {
        return Ok(ledger.parts.iter().map(|part| path.join(ledger::PARTS).join(&part.name)).collect());
    }
    CountsManifest::read(path)?;
    Ok(vec![path.to_owned()])
}

/// Merges directories of counts. The order of the directories does not matter.
///
/// # Errors
/// When a directory cannot be read, is of another catalogue or counted by other rules, or when nothing is left.
pub fn merge(dirs: &[PathBuf], rules: &MergeRules, catalogue: &Catalogue) -> anyhow::Result<Merged> {
    merge::merge(dirs, rules, catalogue)
}

/// The requests from a time on, by user and time.
///
/// # Errors
/// When a directory cannot be read.
pub fn requests(dirs: &[PathBuf], from_us: i64) -> anyhow::Result<Vec<Request>> {
    ask::requests(dirs, from_us)
}

/// The catalogue's name: it follows from the bytes that a release writes of it.
fn catalogue_version(catalogue: &Catalogue) -> anyhow::Result<Version> {
    let mut bytes = Vec::new();
    catalogue.write_jsonl(&mut bytes)?;
    Ok(Version::of_digest(&blake3::hash(&bytes)))
}
