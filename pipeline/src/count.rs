//! Counts which cluster follows which history, for every length of history up to the depth, and how often each cluster comes at all.
//!
//! It sees only whole sequences and keeps only sums, so the order in which sequences come cannot matter.

use rustc_hash::FxHashMap;

use crate::decay::{self, Decay};
use crate::sequence::Step;
use crate::tally::{Cell, Tally};

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
    /// At `length`: the keys that the present user has met.
    met: Vec<Vec<u64>>,
}

/// How much one user may count on one day.
#[derive(Clone, Copy, Debug, Default)]
struct Bound {
    user_day_max: Option<u32>,
    user: Option<u32>,
    day: i32,
    steps: u32,
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
            bound: Bound::default(),
            met: vec![Vec::new(); usize::from(depth) + 1],
        }
    }

    /// Counts at most so many steps of a user and UTC day: the first ones.
    #[must_use]
    pub fn with_user_day_max(mut self, user_day_max: Option<u32>) -> Self {
        self.bound.user_day_max = user_day_max;
        self
    }

    /// Counts one sequence of a user. All sequences of one user come one after the other, by time.
    pub fn add(&mut self, user: u32, sequence: &[Step]) {
        if self.bound.user != Some(user) {
            self.end_user();
            self.bound.begin(user);
        }
        for (at, step) in sequence.iter().enumerate() {
            if self.bound.allows(step.time_us) {
                let weight = self.decay.weight(step.time_us);
                self.popular[step.cluster as usize].add(weight);
                self.met[0].push(u64::from(step.cluster));
                self.add_histories(&sequence[..=at], weight);
            }
        }
        self.add_tail(sequence);
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

    fn add_tail(&mut self, sequence: &[Step]) {
        let length = sequence.len().min(self.tails.len());
        let tail = &sequence[sequence.len() - length..];
        let key = tail.iter().fold(0, |key, step| key * self.clusters + u64::from(step.cluster));
        if let Some(tails) = length.checked_sub(1).and_then(|at| self.tails.get_mut(at)) {
            *tails.entry(key).or_default() += 1;
        }
    }
}

impl Bound {
    fn begin(&mut self, user: u32) {
        *self = Self { user_day_max: self.user_day_max, user: Some(user), day: i32::MIN, steps: 0 };
    }

    /// Whether one more step of the user, at a time not before that of the step before, counts.
    fn allows(&mut self, time_us: i64) -> bool {
        let Some(user_day_max) = self.user_day_max else { return true };
        let day = decay::day(time_us);
        self.steps = if day == self.day { self.steps.saturating_add(1) } else { 1 };
        self.day = day;
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
        if users_min > 1 {
            self.popular.iter_mut().filter(|cell| cell.users < users_min).for_each(|cell| *cell = Cell::default());
            self.levels.iter_mut().for_each(|level| level.retain(|cell| cell.users >= users_min));
        }
        self
    }
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

    /// Drops the clusters that `keep` does not keep, and the histories that are left without any.
    fn retain(&mut self, keep: impl Fn(&Cell) -> bool) {
        let mut kept = Self::default();
        for row in 0..self.histories.len() {
            let places = self.places(row).filter(|at| keep(&self.cells[*at]));
            let start = kept.nexts.len();
            places.for_each(|at| kept.push(self.nexts[at], self.cells[at]));
            if kept.nexts.len() > start {
                kept.histories.push(self.histories[row]);
                kept.starts.push(start);
            }
        }
        kept.starts.push(kept.nexts.len());
        *self = kept;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    const CLUSTERS: u32 = 5;

    /// Every (history, next) by looking at every place of every sequence.
    fn naive(sequences: &[Vec<u32>], length: usize) -> BTreeMap<(u64, u32), u32> {
        let mut counts = BTreeMap::new();
        for window in sequences.iter().flat_map(|sequence| sequence.windows(length + 1)) {
            let history = window[..length].iter().fold(0, |key, cluster| key * 5 + u64::from(*cluster));
            *counts.entry((history, window[length])).or_default() += 1;
        }
        counts
    }

    fn counted(level: &Level) -> BTreeMap<(u64, u32), u32> {
        let row = |row: usize| {
            level.places(row).map(move |at| ((level.histories[row], level.nexts[at]), level.cells[at].seen))
        };
        (0..level.histories.len()).flat_map(row).collect()
    }

    proptest! {
        #[test]
        fn counts_as_the_naive_model(sequences in prop::collection::vec(prop::collection::vec(0..CLUSTERS, 2..8), 0..12)) {
            let mut counter = Counter::new(CLUSTERS, 3, Decay::new(0, None));
            for (user, sequence) in (0..).zip(&sequences) {
                let steps: Vec<Step> = sequence.iter().map(|cluster| Step { cluster: *cluster, time_us: 0 }).collect();
                counter.add(user, &steps);
            }
            let counts = counter.finish();
            for length in 1..=3 {
                prop_assert_eq!(counted(&counts.levels[length - 1]), naive(&sequences, length));
            }
            let tails: u64 = counts.tails.iter().flat_map(|tails| tails.values()).sum();
            prop_assert_eq!(tails, sequences.len() as u64);
            let met: u64 = counts.popular.iter().map(|cell| u64::from(cell.seen)).sum();
            prop_assert_eq!(met, sequences.iter().map(|sequence| sequence.len() as u64).sum::<u64>());
        }
    }
}
