//! The unseen log: how often which histories were asked for that the table did not hold, for the next refresh to read.
//!
//! Recording waits for nothing and touches no disk; a thread of its own writes the counts. No user and no time finer
//! than a file's span is ever kept.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

pub mod file;
pub mod files;
pub mod flush;
pub mod merge;
pub mod summary;

use crate::clock::unix_s;
use crate::config;
use crate::snapshot::format::DEPTH_MAX;
use crate::snapshot::manifest::Version;
use file::{Header, Span};
use summary::Summary;

/// Clusters of a history that are kept, the most recent: one more than the deepest table asks for, so that a deeper
/// table can be built from the log, and too few to tell one user from another.
pub const HISTORY_MAX: usize = DEPTH_MAX as usize + 1;
/// The directory of the log's files in a store.
pub const UNSEEN: &str = "unseen";
/// Parts of the log, each with a lock of its own: threads that record at once rarely meet.
const SHARDS_MAX: usize = 16;

/// Up to [`HISTORY_MAX`] cluster ids, oldest first; a key that needs no allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct History {
    clusters: [u32; HISTORY_MAX],
    length: u8,
}

/// What the log did since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Histories counted.
    pub recorded: u64,
    /// Histories that are in no file: their part of the log was busy, or they were evicted, or no file could be written.
    pub dropped: u64,
    /// Different histories held now.
    pub histories: u64,
    /// Files that could not be written.
    pub flush_failures: u64,
}

/// Counts histories in bounded memory. Each shard is a [`Summary`] of the Space-Saving algorithm, so a history that
/// was recorded more often than a shard's histories were on average is always held.
#[derive(Debug)]
pub struct UnseenLog {
    sample: f64,
    shards: Box<[Shard]>,
    hasher: RandomState,
    flush_failures: AtomicU64,
    /// Counts that no file holds because the disk refused.
    unwritten: AtomicU64,
    from_unix_s: AtomicU64,
}

#[derive(Debug)]
struct Shard {
    histories_max: usize,
    summary: Mutex<Summary>,
    recorded: AtomicU64,
    /// What came while the shard was held by another, in all and since the last span was taken.
    busy: AtomicU64,
    busy_in_span: AtomicU64,
    evicted: AtomicU64,
    histories: AtomicU64,
}

impl UnseenLog {
    /// An empty log, with all its memory.
    pub fn new(config: &config::Unseen) -> Self {
        let shards = config.histories_max.min(SHARDS_MAX);
        let each = config.histories_max.checked_div(shards).unwrap_or_default();
        Self {
            sample: config.sample,
            shards: (0..shards).map(|_| Shard::new(each)).collect(),
            hasher: RandomState::new(),
            flush_failures: AtomicU64::new(0),
            unwritten: AtomicU64::new(0),
            from_unix_s: AtomicU64::new(unix_s()),
        }
    }

    /// Counts a history that the table does not hold: ids that the catalogue knows, each once, oldest first; the last
    /// [`HISTORY_MAX`] are kept. Never waits: where another thread holds the same part, it counts a drop instead.
    pub fn record(&self, history: &[u32]) {
        if self.shards.is_empty() || !self.is_sampled() {
            return;
        }
        let history = History::of(history);
        // The same history always meets the same shard: its bounds would not add up otherwise.
        let shard = self.hasher.hash_one(history) as usize % self.shards.len();
        self.shards[shard].record(history);
    }

    /// What it did since the start.
    pub fn figures(&self) -> Figures {
        let sum = |of: fn(&Shard) -> &AtomicU64| self.shards.iter().map(|shard| of(shard).load(Relaxed)).sum::<u64>();
        Figures {
            recorded: sum(|shard| &shard.recorded),
            dropped: sum(|shard| &shard.busy) + sum(|shard| &shard.evicted) + self.unwritten.load(Relaxed),
            histories: sum(|shard| &shard.histories),
            flush_failures: self.flush_failures.load(Relaxed),
        }
    }

    /// What was counted since the last span was taken, which goes on being counted.
    pub fn current(&self, release: Option<Version>) -> Span {
        let mut dropped = 0;
        let mut rows = Vec::new();
        for shard in &self.shards {
            let summary = shard.summary.lock();
            dropped += summary.evicted() + shard.busy_in_span.load(Relaxed);
            rows.extend(summary.rows());
        }
        Span::new(self.header(release, self.from_unix_s.load(Relaxed), dropped), rows)
    }

    /// Takes what was counted, and begins a new span.
    pub(super) fn take(&self, release: Option<Version>) -> Span {
        let from_unix_s = self.from_unix_s.swap(unix_s(), Relaxed);
        let mut dropped = 0;
        let mut rows = Vec::new();
        for shard in &self.shards {
            let summary = shard.take();
            dropped += summary.evicted() + shard.busy_in_span.swap(0, Relaxed);
            rows.extend(summary.rows());
        }
        Span::new(self.header(release, from_unix_s, dropped), rows)
    }

    /// Counts a file that could not be written.
    pub(super) fn flush_failed(&self) {
        self.flush_failures.fetch_add(1, Relaxed);
    }

    /// Counts what will be in no file.
    pub(super) fn abandoned(&self, span: &Span) {
        self.unwritten.fetch_add(span.counted(), Relaxed);
    }

    fn is_sampled(&self) -> bool {
        self.sample >= 1.0 || fastrand::f64() < self.sample
    }

    fn header(&self, release: Option<Version>, from_unix_s: u64, dropped: u64) -> Header {
        let to_unix_s = unix_s().max(from_unix_s);
        Header::new(release, [from_unix_s, to_unix_s], self.sample).with_dropped(dropped)
    }
}

impl Shard {
    fn new(histories_max: usize) -> Self {
        Self {
            histories_max,
            summary: Mutex::new(Summary::new(histories_max)),
            recorded: AtomicU64::new(0),
            busy: AtomicU64::new(0),
            busy_in_span: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            histories: AtomicU64::new(0),
        }
    }

    fn record(&self, history: History) {
        let Some(mut summary) = self.summary.try_lock() else {
            self.busy.fetch_add(1, Relaxed);
            self.busy_in_span.fetch_add(1, Relaxed);
            return;
        };
        let evicted = summary.add(history);
        self.histories.store(summary.len() as u64, Relaxed);
        drop(summary);
        self.recorded.fetch_add(1, Relaxed);
        self.evicted.fetch_add(evicted, Relaxed);
    }

    /// Puts an empty summary in the place of the full one. Its memory is found before the lock is taken.
    fn take(&self) -> Summary {
        let empty = Summary::new(self.histories_max);
        let mut summary = self.summary.lock();
        self.histories.store(0, Relaxed);
        std::mem::replace(&mut summary, empty)
    }
}

impl History {
    /// The last [`HISTORY_MAX`] ids of a history.
    pub fn of(history: &[u32]) -> Self {
        let kept = &history[history.len().saturating_sub(HISTORY_MAX)..];
        let mut clusters = [0; HISTORY_MAX];
        clusters[..kept.len()].copy_from_slice(kept);
        Self { clusters, length: kept.len() as u8 }
    }

    /// The ids, oldest first.
    pub fn as_slice(&self) -> &[u32] {
        &self.clusters[..usize::from(self.length)]
    }
}

/// Where a store keeps its log.
pub fn dir(store: &std::path::Path) -> PathBuf {
    store.join(UNSEEN)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Figures, UnseenLog};
    use crate::config::Config;

    /// A thread that holds a part of the log, even for ever, costs a record and no time.
    #[test]
    fn recording_waits_for_nobody() {
        let log = UnseenLog::new(&Config::defaults(Path::new("store")).unseen);
        let held: Vec<_> = log.shards.iter().map(|shard| shard.summary.lock()).collect();
        log.record(&[7, 9]);
        drop(held);
        log.record(&[7, 9]);
        assert_eq!(log.figures(), Figures { recorded: 1, dropped: 1, histories: 1, flush_failures: 0 });
        assert_eq!(log.current(None).header.dropped, 1);
    }
}
