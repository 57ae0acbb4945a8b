//! Reads a log's partitions on all cores and hands each user's events, in order, to a visitor.
//!
//! What a visitor sees of one user never depends on the number of threads, the memory or the order of the partitions; only which
//! visitor sees the user does.

use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::thread;

use segue::snapshot::catalogue::Catalogue;

use crate::build::{LogSettings, items};
use crate::event::Event;
use crate::progress::Progress;
use crate::read::{Decoder, ReadError, Tally};
use crate::refusals::{Policy, Refusals};
use crate::source::Partition;
use crate::spill::boxes::{Boxes, Room};

mod gather;
mod plan;
mod read;
mod users;
mod words;
#[cfg(test)]
mod tests;

use plan::Plan;
use read::{Report, Work};
pub use users::Read;
use words::Words;

/// Boxes of users: at least so many that all threads have work to the end, at most so many that what a thread collects stays in the cache.
const BOXES: std::ops::RangeInclusive<u64> = 16..=1024;

/// Events in a box, about: putting them in order then stays in the cache.
const BOX_EVENTS: u64 = 48 * 1024;

/// Everything a scan needs.
#[derive(Clone, Copy, Debug)]
pub struct Scan<'a> {
    /// The log.
    pub log: &'a LogSettings,
    /// The clusters there are.
    pub catalogue: &'a Catalogue,
    /// What to do with rows that cannot be used.
    pub policy: Policy,
    /// What decides between events of one user and one time.
    pub ties: Ties,
    /// Bytes of events held in memory before they are spilled.
    pub memory_bytes: usize,
    /// Where events beyond the memory go, in unnamed files.
    pub spill_dir: &'a Path,
    /// How many threads work; 0 takes one for each core.
    pub threads: usize,
    /// The bar that moves.
    pub progress: &'a Progress,
}

/// What decides between events of one user and one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Ties {
    /// The order of the partitions and of the rows in them: what a log says of the order within a basket or a page.
    #[default]
    AsRead,
    /// The cluster's index, which is in the order of its id: the result then depends on no order of files or rows, and Spark counts the
    /// same. Where most events share their time with others, it teaches the order of ids and nothing of users.
    ByCluster,
}

impl Ties {
    /// The name that flags, configurations and manifests carry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AsRead => "as-read",
            Self::ByCluster => "by-cluster",
        }
    }
}

/// Takes users, one after the other.
pub trait Visitor: Send {
    /// One user's events by time; each user is seen once, by one visitor. `user` is the [hash](crate::users) of the user's name. The
    /// events' own `user` is 0.
    fn user(&mut self, user: u64, events: &[Event]);
}

/// What a scan leaves.
#[derive(Debug)]
pub struct Scanned<V> {
    /// The visitors, which share the users among them.
    pub visitors: Vec<V>,
    /// What reading added up to.
    pub tally: Tally,
    /// The rows that could not be used.
    pub refusals: Refusals,
    /// How many times events were spilled to disk because memory was bounded.
    pub spills: usize,
}

impl Scan<'_> {
    /// Reads everything, then lets visitors, each on a thread of its own, see the users.
    ///
    /// # Errors
    /// When a partition cannot be read or memory cannot be spilled; at the first refused row when strict.
    pub fn run<V: Visitor>(&self, new: impl Fn() -> V + Sync) -> anyhow::Result<Scanned<V>> {
        self.read()?.visit(new)
    }

    /// Reads everything: what needs the figures before the first user is seen goes on with [`Read::visit`].
    ///
    /// # Errors
    /// When a partition cannot be read or memory cannot be spilled; at the first refused row when strict.
    pub fn read(&self) -> anyhow::Result<Read> {
        self.read_all(None)
    }

    /// Reads these partitions, whatever the log's sources hold.
    ///
    /// # Errors
    /// Those of [`Scan::read`].
    pub fn read_partitions(&self, partitions: &[Partition]) -> anyhow::Result<Read> {
        self.read_all(Some(partitions))
    }

    fn read_all(&self, partitions: Option<&[Partition]>) -> anyhow::Result<Read> {
        let mut refusals = Refusals::new(self.policy);
        let items = items::read(self.log, self.catalogue, &mut refusals)?;
        let decoder = Decoder::new(self.catalogue, items::target(items.as_ref()), self.log.time_unit)
            .with_weight_min(self.log.weight_min);
        let plan = Plan::new(self.log, partitions)?;
        // Even, so that a box says the highest bit of its users' hashes.
        let boxes = (plan.events / BOX_EVENTS).clamp(*BOXES.start(), *BOXES.end()).next_multiple_of(2);
        let boxes = Boxes::new(boxes as usize, &self.room());
        let reports = self.read_tasks(&plan, &decoder, &boxes);
        let tally = merge(reports, &mut refusals)?;
        Ok(Read {
            boxes,
            words: Words::new(self.catalogue.len()),
            tally,
            refusals,
            ties: self.ties,
            threads: self.threads(),
        })
    }

    fn read_tasks(&self, plan: &Plan, decoder: &Decoder<'_>, boxes: &Boxes) -> Vec<Report> {
        let work = Work {
            plan,
            columns: &self.log.columns,
            decoder,
            policy: self.policy,
            progress: self.progress,
            boxes,
            words: Words::new(self.catalogue.len()),
            room: self.room(),
            next: AtomicUsize::new(0),
            stop: AtomicUsize::new(usize::MAX),
        };
        on_threads(self.threads(), || work.run()).into_iter().flatten().collect()
    }

    fn room(&self) -> Room<'_> {
        Room { bytes_max: self.memory_bytes, threads: self.threads(), dir: self.spill_dir }
    }

    /// How many threads work.
    pub fn threads(&self) -> usize {
        if self.threads > 0 { self.threads } else { thread::available_parallelism().map_or(1, usize::from) }
    }
}

/// Runs the same work on so many threads.
pub(crate) fn on_threads<T: Send>(threads: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(&work)).collect();
        let join = |handle: thread::ScopedJoinHandle<'_, T>| {
            handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        handles.into_iter().map(join).collect()
    })
}

/// Adds tasks up in their order: the first failure is the one that a single thread would have met.
fn merge(mut reports: Vec<Report>, refusals: &mut Refusals) -> Result<Tally, ReadError> {
    reports.sort_by_key(|report| report.task);
    let mut tally = Tally::default();
    for report in reports {
        let (of_task, refused) = report.outcome?;
        tally.add(&of_task);
        refusals.append(refused);
    }
    Ok(tally)
}
