//! Counts which cluster follows which history, for every length of history up to the depth, and how often each cluster comes at all.
//!
//! It sees only whole sequences and keeps only sums, so the order in which sequences come cannot matter.

use rustc_hash::FxHashMap;

use crate::decay::{self, Decay};
use crate::sequence::Step;
use crate::tally::{Cell, Tally};

pub mod counters;
mod dense;
mod firsts;
mod part;
mod radix;
mod record;
#[cfg(test)]
mod tests;

pub use counters::{Counters, CountersSettings};
pub use part::PartCounter;

/// Counts sequences.
#[derive(Debug)]
pub struct Counter {
    clusters: u64,
    decay: Decay,
    popular: Vec<Cell>,
    /// At `length - 1`: keys of a history and the cluster after it.
    grams: Vec<Tally>,
    tails: Tails,
    bound: Bound,
    user: Option<u32>,
    /// At `length`: the keys that the present user has met.
    met: Vec<Vec<u64>>,
}

/// How much one user may count on one day.
#[derive(Clone, Copy, Debug)]
struct Bound {
    user_day_max: Option<u32>,
    day: Option<i32>,
    steps: u32,
}

/// Why a log cannot be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CountError {
    /// A step after a history does not fit in a number.
    #[error(
        "a history and what comes after it take {key_bits} bits and an age {age_bits}, expected at most 63 together; lower --depth"
    )]
    Wide {
        /// Bits of the longest history with the cluster after it.
        key_bits: u32,
        /// Bits of an age in days.
        age_bits: u32,
    },
}

/// The histories that users are at: each sequence's last clusters, by length and key.
pub type Tails = Vec<FxHashMap<u64, u64>>;

/// Everything that was counted.
#[derive(Clone, Debug)]
pub struct Counts {
    /// How many clusters the catalogue has.
    pub clusters: u32,
    /// Each cluster's cell, by dense index.
    pub popular: Vec<Cell>,
    /// At `length - 1`: the histories of that length.
    pub levels: Vec<Level>,
    /// What the next request of each user would ask.
    pub tails: Tails,
}

/// The histories of one length, ascending by key, each with the clusters that followed it, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Keys of the histories: their clusters as digits, oldest first, in the base of the number of clusters.
    pub histories: Vec<u64>,
    /// Where each history's clusters start in `nexts`; one more than there are histories.
    pub starts: Vec<usize>,
    /// The clusters that followed.
    pub nexts: Vec<u32>,
    /// How often, beside `nexts`.
    pub cells: Vec<Cell>,
}

impl Counter {
    /// A counter for histories of 1 to `depth` of `clusters` clusters.
    pub fn new(clusters: u32, depth: u8, decay: Decay) -> Self {
        let keys = |length: u32| u64::from(clusters).saturating_pow(length + 1);
        Self {
            clusters: u64::from(clusters),
            decay,
            popular: vec![Cell::default(); clusters as usize],
            grams: (1..=u32::from(depth)).map(|length| Tally::new(keys(length))).collect(),
            tails: vec![FxHashMap::default(); usize::from(depth)],
            bound: Bound::new(None),
            user: None,
            met: vec![Vec::new(); usize::from(depth) + 1],
        }
    }

    /// Counts at most so many steps of a user and UTC day: the first ones.
    #[must_use]
    pub fn with_user_day_max(mut self, user_day_max: Option<u32>) -> Self {
        self.bound = Bound::new(user_day_max);
        self
    }

    /// Counts one sequence of a user. All sequences of one user come one after the other, by time.
    pub fn add(&mut self, user: u32, sequence: &[Step]) {
        if self.user.replace(user) != Some(user) {
            self.end_user();
            self.bound.begin();
        }
        for (at, step) in sequence.iter().enumerate() {
            if self.bound.allows(decay::day(step.time_us)) {
                let weight = self.decay.weight(step.time_us);
                self.popular[step.cluster as usize].add(weight);
                self.met[0].push(u64::from(step.cluster));
                self.add_histories(&sequence[..=at], weight);
            }
        }
        add_tail(&mut self.tails, sequence, self.clusters);
    }

    /// Everything counted so far.
    pub fn finish(mut self) -> Counts {
        self.end_user();
        let levels = self.grams.into_iter().map(|tally| Level::new(tally.into_sorted(), self.clusters)).collect();
        Counts { clusters: self.clusters as u32, popular: self.popular, levels, tails: self.tails }
    }

    /// Counts the present user once for all that they have met.
    fn end_user(&mut self) {
        for (length, met) in self.met.iter_mut().enumerate() {
            met.sort_unstable();
            met.dedup();
            for key in met.drain(..) {
                match length.checked_sub(1) {
                    None => self.popular[key as usize].users += 1,
                    Some(at) => self.grams[at].add_user(key),
                }
            }
        }
    }

    /// Counts the last step once under each history before it.
    fn add_histories(&mut self, steps: &[Step], weight: u64) {
        let Some((last, before)) = steps.split_last() else { return };
        let mut key = u64::from(last.cluster);
        let mut place = self.clusters;
        let met = &mut self.met[1..];
        for ((tally, met), step) in self.grams.iter_mut().zip(met).zip(before.iter().rev()) {
            key += u64::from(step.cluster) * place;
            place = place.saturating_mul(self.clusters);
            tally.add(key, weight);
            met.push(key);
        }
    }
}

/// Counts where the user of a sequence is now.
fn add_tail(tails: &mut Tails, sequence: &[Step], clusters: u64) {
    let length = sequence.len().min(tails.len());
    let tail = &sequence[sequence.len() - length..];
    let key = tail.iter().fold(0, |key, step| key * clusters + u64::from(step.cluster));
    if let Some(tails) = length.checked_sub(1).and_then(|at| tails.get_mut(at)) {
        *tails.entry(key).or_default() += 1;
    }
}

impl Bound {
    fn new(user_day_max: Option<u32>) -> Self {
        Self { user_day_max, day: None, steps: 0 }
    }

    /// Goes on to the next user.
    fn begin(&mut self) {
        *self = Self::new(self.user_day_max);
    }

    /// Whether one more step of the user, of a day not before that of the step before, counts.
    #[inline]
    fn allows(&mut self, day: i32) -> bool {
        let Some(user_day_max) = self.user_day_max else { return true };
        self.steps = if self.day.replace(day) == Some(day) { self.steps.saturating_add(1) } else { 1 };
        self.steps <= user_day_max
    }
}

impl Counts {
    /// Counts of cells: `popular` by dense index, `levels` at `length - 1` by the key of a history and the cluster after it, ascending.
    pub fn from_cells(popular: Vec<Cell>, levels: Vec<Vec<(u64, Cell)>>, tails: Tails) -> Self {
        let clusters = popular.len() as u64;
        let levels = levels.into_iter().map(|grams| Level::new(grams, clusters)).collect();
        Self { clusters: clusters as u32, popular, levels, tails }
    }

    /// Without what fewer than `users_min` different users have done: k-anonymity. A cluster that so few have met has no popularity.
    #[must_use]
    pub fn with_users_min(mut self, users_min: u32) -> Self {
        self.popular = popular_with_users_min(self.popular, users_min);
        self.levels = self.levels.into_iter().map(|level| level.with_users_min(users_min)).collect();
        self
    }
}

fn popular_with_users_min(mut popular: Vec<Cell>, users_min: u32) -> Vec<Cell> {
    // Where nothing is left out, nobody need have counted users.
    let few = |cell: &&mut Cell| users_min > 1 && cell.users < users_min;
    popular.iter_mut().filter(few).for_each(|cell| *cell = Cell::default());
    popular
}

impl Level {
    /// The level of cells by the key of a history and the cluster after it, ascending, in the base of the number of clusters.
    pub fn new(grams: impl IntoIterator<Item = (u64, Cell)>, clusters: u64) -> Self {
        let mut level = Self::default();
        for (key, cell) in grams {
            let history = key / clusters;
            if level.histories.last() != Some(&history) {
                level.histories.push(history);
                level.starts.push(level.nexts.len());
            }
            level.push((key % clusters) as u32, cell);
        }
        level.starts.push(level.nexts.len());
        level
    }

    /// One level of pieces whose histories ascend from piece to piece.
    pub fn joined(pieces: Vec<Self>) -> Self {
        let mut joined = Self {
            histories: Vec::with_capacity(pieces.iter().map(|piece| piece.histories.len()).sum()),
            starts: Vec::with_capacity(pieces.iter().map(|piece| piece.histories.len()).sum::<usize>() + 1),
            nexts: Vec::with_capacity(pieces.iter().map(|piece| piece.nexts.len()).sum()),
            cells: Vec::with_capacity(pieces.iter().map(|piece| piece.nexts.len()).sum()),
        };
        for piece in pieces {
            let start = joined.nexts.len();
            joined.starts.extend(piece.starts[..piece.histories.len()].iter().map(|at| start + at));
            joined.histories.extend(piece.histories);
            joined.nexts.extend(piece.nexts);
            joined.cells.extend(piece.cells);
        }
        joined.starts.push(joined.nexts.len());
        joined
    }

    /// Without what fewer than `users_min` different users have done, and without the histories that then have nothing after them.
    #[must_use]
    pub fn with_users_min(self, users_min: u32) -> Self {
        if users_min <= 1 {
            return self;
        }
        let mut kept = Self::default();
        for row in 0..self.histories.len() {
            let places = self.places(row).filter(|at| self.cells[*at].users >= users_min);
            let start = kept.nexts.len();
            places.for_each(|at| kept.push(self.nexts[at], self.cells[at]));
            if kept.nexts.len() > start {
                kept.histories.push(self.histories[row]);
                kept.starts.push(start);
            }
        }
        kept.starts.push(kept.nexts.len());
        kept
    }

    fn push(&mut self, next: u32, cell: Cell) {
        self.nexts.push(next);
        self.cells.push(cell);
    }

    /// Where a history's clusters stand in `nexts` and `cells`; `None` when it was never followed by anything.
    pub fn row_of(&self, history: u64) -> Option<usize> {
        self.histories.binary_search(&history).ok()
    }

    /// The places of a row in `nexts` and `cells`.
    pub fn places(&self, row: usize) -> std::ops::Range<usize> {
        self.starts[row]..self.starts[row + 1]
    }

    /// How often the history of a row was followed by anything.
    pub fn seen(&self, row: usize) -> u64 {
        self.cells[self.places(row)].iter().map(|cell| u64::from(cell.seen)).sum()
    }
}
