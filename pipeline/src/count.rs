//! Counts which cluster follows which history, for every length of history up to the depth, and how often each cluster comes at all.
//!
//! It sees only whole sequences and keeps only sums, so the order in which sequences come cannot matter.

use rustc_hash::FxHashMap;

use crate::decay::Decay;
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
        }
    }

    /// Counts one sequence.
    pub fn add(&mut self, sequence: &[Step]) {
        for (at, step) in sequence.iter().enumerate() {
            let weight = self.decay.weight(step.time_us);
            self.popular[step.cluster as usize].add(weight);
            self.add_histories(&sequence[..=at], weight);
        }
        self.add_tail(sequence);
    }

    /// Everything counted so far.
    pub fn finish(self) -> Counts {
        let levels = self.grams.into_iter().map(|tally| Level::new(tally, self.clusters)).collect();
        Counts { clusters: self.clusters as u32, popular: self.popular, levels, tails: self.tails }
    }

    /// Counts the last step once under each history before it.
    fn add_histories(&mut self, steps: &[Step], weight: u64) {
        let Some((last, before)) = steps.split_last() else { return };
        let mut key = u64::from(last.cluster);
        let mut place = self.clusters;
        for (tally, step) in self.grams.iter_mut().zip(before.iter().rev()) {
            key += u64::from(step.cluster) * place;
            place = place.saturating_mul(self.clusters);
            tally.add(key, weight);
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

impl Level {
    fn new(grams: Tally, clusters: u64) -> Self {
        let grams = grams.into_sorted();
        let mut level = Self::default();
        for (key, cell) in grams {
            let history = key / clusters;
            if level.histories.last() != Some(&history) {
                level.histories.push(history);
                level.starts.push(level.nexts.len());
            }
            level.nexts.push((key % clusters) as u32);
            level.cells.push(cell);
        }
        level.starts.push(level.nexts.len());
        level
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
            for sequence in &sequences {
                let steps: Vec<Step> = sequence.iter().map(|cluster| Step { cluster: *cluster, time_us: 0 }).collect();
                counter.add(&steps);
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
