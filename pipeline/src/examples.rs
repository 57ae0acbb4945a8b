//! Examples: at this time, a user with this history went on to that cluster.
//!
//! Nothing here counts or measures: an example only says what was known at its time and what came next.

use std::ops::Range;

#[cfg(doc)]
use crate::sequence::Mode;
use crate::sequence::{Cutter, Rules, Step};

pub mod log;
pub mod refresh;
pub mod as_of;
pub mod contexts;
pub mod split;
pub mod balance;

pub use as_of::{AsOf, Counting};
pub use balance::Balance;
pub use contexts::Contexts;
pub use log::Log;
pub use refresh::{Freshness, Refresh};
pub use split::{Holdout, Split, SplitError};

/// The longest history that an example carries, unless asked otherwise.
pub const HISTORY_MAX: u8 = 16;

/// One place of a user's sequence: what came before it and what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example<'a> {
    /// The user's number.
    pub user: u32,
    /// When `next` was engaged with, in microseconds since 1970.
    pub time_us: i64,
    /// The clusters before it in the sequence as indexes in the catalogue, the most recently met last, at most
    /// [`ExampleRules::history_max`] of them, and each once unless [`ExampleRules::repeats`] says otherwise.
    pub history: &'a [u32],
    /// The cluster that came next; never one that the mode [bars](Mode::barred).
    pub next: u32,
}

/// Which examples a log gives.
#[derive(Clone, Copy, Debug)]
pub struct ExampleRules {
    /// Where sequences begin and end, and which repeats stay: those of the counts.
    pub rules: Rules,
    /// The fewest clusters of a history; 0 makes an example of a sequence's first place too.
    pub history_min: u8,
    /// The most clusters of a history: the most recent stay.
    pub history_max: u8,
    /// Whether a history holds a cluster as often as its sequence does.
    pub repeats: Repeats,
}

/// What becomes of a cluster in a history that meets it again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeats {
    /// It stands once, where it was met last: what a caller would ask with.
    #[default]
    Dropped,
    /// It stands as often as it was met: the very places of the sequence.
    Kept,
}

/// All examples of a log in order of time; equal times stay in the order of users.
///
/// 29 bytes each where histories only grow, since they are then stretches of one list, and at most 4 bytes more for each cluster of a
/// history that was met again.
#[derive(Clone, Debug, Default)]
pub struct Examples {
    /// Histories, one after the other; one that only grew by a cluster overlaps the one before.
    clusters: Vec<u32>,
    /// Where each example's history ends in `clusters`. This and the four below stand in the order of sequences.
    ends: Vec<u32>,
    /// How many clusters before its end are its history.
    lengths: Vec<u8>,
    nexts: Vec<u32>,
    times_us: Vec<i64>,
    users: Vec<u32>,
    /// The examples in order of time.
    by_time: Vec<u32>,
}

impl Default for ExampleRules {
    fn default() -> Self {
        Self { rules: Rules::default(), history_min: 1, history_max: HISTORY_MAX, repeats: Repeats::Dropped }
    }
}

impl<'a> Example<'a> {
    /// The same example, seen with only the `length_max` most recent clusters of its history.
    #[must_use]
    pub fn recent(self, length_max: usize) -> Self {
        let skipped = self.history.len().saturating_sub(length_max);
        Self { history: &self.history[skipped..], ..self }
    }
}

impl Examples {
    /// The examples of a log.
    ///
    /// # Panics
    /// When the log's histories have more than four billion clusters in all.
    pub fn new(log: &Log, rules: &ExampleRules) -> Self {
        let mut examples = Self::default();
        let mut cutter = Cutter::new(rules.rules, log.clusters as usize, |user, steps: &[Step]| {
            examples.add(user, steps, rules);
        });
        log.events.iter().for_each(|event| cutter.push(*event));
        cutter.finish();
        let count = u32::try_from(examples.nexts.len()).expect("no more examples than clusters in histories");
        let mut by_time: Vec<u32> = (0..count).collect();
        // Stable, so that equal times stay in the order of users.
        by_time.sort_by_key(|at| examples.times_us[*at as usize]);
        Self { by_time, ..examples }
    }

    /// How many examples there are.
    pub fn len(&self) -> usize {
        self.by_time.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_time.is_empty()
    }

    /// The example at a place in the order of time.
    ///
    /// # Panics
    /// When `at` is not below [`Examples::len`].
    pub fn get(&self, at: usize) -> Example<'_> {
        let at = self.by_time[at] as usize;
        let end = self.ends[at] as usize;
        Example {
            user: self.users[at],
            time_us: self.times_us[at],
            history: &self.clusters[end - usize::from(self.lengths[at])..end],
            next: self.nexts[at],
        }
    }

    /// The examples of a range of places, in order of time.
    pub fn iter(&self, range: Range<usize>) -> impl ExactSizeIterator<Item = Example<'_>> {
        range.map(|at| self.get(at))
    }

    /// The place of the first example at or after a time; [`Examples::len`] when there is none.
    pub fn place_at(&self, time_us: i64) -> usize {
        self.by_time.partition_point(|at| self.times_us[*at as usize] < time_us)
    }

    fn add(&mut self, user: u32, steps: &[Step], rules: &ExampleRules) {
        let mut start = self.clusters.len();
        for step in steps {
            let length = (self.clusters.len() - start).min(usize::from(rules.history_max));
            if length >= usize::from(rules.history_min) {
                self.ends.push(u32::try_from(self.clusters.len()).expect("at most four billion clusters in histories"));
                self.lengths.push(length as u8);
                self.nexts.push(step.cluster);
                self.times_us.push(step.time_us);
                self.users.push(user);
            }
            start = self.extend_history(start, step.cluster, rules);
        }
    }

    /// Adds a cluster to the history that begins at `start`, and says where the history then begins. One that was met before moves to
    /// the end of a new copy.
    fn extend_history(&mut self, start: usize, cluster: u32, rules: &ExampleRules) -> usize {
        let start = start.max(self.clusters.len().saturating_sub(usize::from(rules.history_max)));
        let again = |known: &u32| rules.repeats == Repeats::Dropped && *known == cluster;
        let Some(met) = self.clusters[start..].iter().position(again) else {
            self.clusters.push(cluster);
            return start;
        };
        let copy = self.clusters.len();
        self.clusters.extend_from_within(start..start + met);
        self.clusters.extend_from_within(start + met + 1..copy);
        self.clusters.push(cluster);
        copy
    }
}

#[cfg(test)]
mod tests;
