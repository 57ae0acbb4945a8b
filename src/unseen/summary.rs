//! The most frequent histories of a stream in bounded memory, by Space-Saving (Metwally, Agrawal and El Abbadi, 2005); it
//! must never hold more than it was made for.
//!
//! A history that is not held takes the place of the one with the smallest count, and starts with that count, so that it
//! cannot be thrown out again before everything else was seen as often: a newcomer that is hot stays. With n records
//! and room for m histories, every history recorded more than n / m times is held, and a count is too high by at most
//! n / m. What a count was inherited with is kept beside it, so what was surely seen is known as well.

use std::cmp::Reverse;

use keyed_priority_queue::{Entry, KeyedPriorityQueue};

use super::History;
use super::file::Row;

/// Counts of at most so many histories.
#[derive(Debug)]
pub struct Summary {
    histories_max: usize,
    /// The smallest count is the first to go.
    counts: KeyedPriorityQueue<History, Reverse<Count>>,
    evicted: u64,
}

/// How often a history was seen: `upper` bounds it from above, `upper - inherited` from below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Count {
    upper: u64,
    inherited: u64,
}

impl Summary {
    /// Room for `histories_max` histories, at least one.
    pub fn new(histories_max: usize) -> Self {
        let histories_max = histories_max.max(1);
        let counts = KeyedPriorityQueue::with_capacity(histories_max);
        Self { histories_max, counts, evicted: 0 }
    }

    /// Counts a history. Returns how many records of another were given up for it.
    pub fn add(&mut self, history: History) -> u64 {
        if let Entry::Occupied(held) = self.counts.entry(history) {
            let Reverse(count) = *held.get_priority();
            held.set_priority(Reverse(Count { upper: count.upper + 1, ..count }));
            return 0;
        }
        let least = self.make_room();
        self.counts.push(history, Reverse(Count { upper: least.upper + 1, inherited: least.upper }));
        self.evicted += least.seen();
        least.seen()
    }

    /// Histories held.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Records of histories that are no longer held.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// What is held, in no order: what was surely seen of each, and how much more there may have been.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        self.counts.iter().map(|(history, Reverse(count))| Row {
            history: history.as_slice().to_vec(),
            count: count.seen(),
            missed_max: count.inherited,
        })
    }

    /// Gives up the smallest count where there is no room, and returns it.
    fn make_room(&mut self) -> Count {
        let full = self.counts.len() >= self.histories_max;
        let least = if full { self.counts.pop() } else { None };
        least.map_or(Count { upper: 0, inherited: 0 }, |(_, Reverse(count))| count)
    }
}

impl Count {
    fn seen(self) -> u64 {
        self.upper - self.inherited
    }
}
