//! Turns counts into probabilities, a longer history leaning on the shorter one where it was seen little.
//!
//! `P(x | c1, c2) = (n(c1,c2,x) + a P(x | c2)) / (n(c1,c2) + a)`, `P(x | c2) = (n(c2,x) + b P(x)) / (n(c2) + b)`, and so on for longer
//! ones. Only the pairs that were met are stored: every other probability is the shorter history's, scaled.

use std::cmp::Ordering;

use crate::count::{Counts, Level};
use crate::decay::events;

/// How much a longer history leans on the shorter one.
#[derive(Clone, Debug, PartialEq)]
pub struct Constants {
    /// At `length - 1`: how many events the shorter history's opinion is worth.
    pub by_length: Vec<f64>,
}

impl Constants {
    /// The constants for lengths 1 to `depth`, the last one given standing for all longer lengths.
    pub fn new(given: &[f64], depth: u8) -> Self {
        let last = given.last().copied().unwrap_or_default();
        Self { by_length: (0..usize::from(depth)).map(|at| given.get(at).copied().unwrap_or(last)).collect() }
    }
}

/// Probabilities for every history that was met.
#[derive(Clone, Debug)]
pub struct Smoothed {
    /// How many clusters the catalogue has.
    pub clusters: u32,
    /// The popular list: all clusters, most popular first, the smaller index first where equal.
    pub popular: Vec<u32>,
    /// The probability of each cluster, by index.
    pub popularity: Vec<f64>,
    /// Each cluster's place in the popular list, by index: what decides between equal scores.
    pub places: Vec<u32>,
    /// At `length - 1`: the histories of that length.
    pub levels: Vec<SmoothLevel>,
}

/// The probabilities of one length.
#[derive(Clone, Debug)]
pub struct SmoothLevel {
    /// The counts.
    pub level: Level,
    /// `P(next | history)`, beside the level's `nexts`.
    pub scores: Vec<f64>,
    /// The level's places, each row's own sorted by descending score.
    pub ranked: Vec<usize>,
    /// For each row: what the shorter history's probability of a cluster that never followed is multiplied by.
    pub backoffs: Vec<f64>,
}

impl Smoothed {
    /// Smooths all levels, shortest first, since each leans on the one before.
    pub fn new(counts: Counts, constants: &Constants) -> Self {
        let popularity = popularity(&counts);
        let popular = popular(&counts);
        let places = places(&popular);
        let mut smoothed = Self { clusters: counts.clusters, popular, popularity, places, levels: Vec::new() };
        for (level, constant) in counts.levels.into_iter().zip(&constants.by_length) {
            smoothed.push(level, *constant);
        }
        smoothed
    }

    /// `P(next | history)` for a history of a length, given by its key; histories that were never met lean wholly on shorter ones.
    pub fn probability(&self, length: usize, history: u64, next: u32) -> f64 {
        let Some(shorter) = length.checked_sub(1) else { return self.popularity[next as usize] };
        let level = &self.levels[shorter];
        let Some(row) = level.level.row_of(history) else {
            return self.probability(shorter, self.without_oldest(history, shorter), next);
        };
        match level.place_of(row, next) {
            Some(place) => level.scores[place],
            None => level.backoffs[row] * self.probability(shorter, self.without_oldest(history, shorter), next),
        }
    }

    /// The key of the last `length` clusters of a history.
    pub fn without_oldest(&self, history: u64, length: usize) -> u64 {
        (0..length)
            .try_fold(1_u64, |place, _| place.checked_mul(u64::from(self.clusters)))
            .map_or(history, |place| history % place)
    }

    fn push(&mut self, level: Level, constant: f64) {
        let mut smooth = SmoothLevel {
            scores: Vec::with_capacity(level.nexts.len()),
            ranked: Vec::new(),
            backoffs: Vec::new(),
            level,
        };
        for row in 0..smooth.level.histories.len() {
            self.smooth_row(&mut smooth, row, constant);
        }
        smooth.ranked = self.ranked(&smooth);
        self.levels.push(smooth);
    }

    fn smooth_row(&self, smooth: &mut SmoothLevel, row: usize, constant: f64) {
        let shorter = self.levels.len();
        let suffix = self.without_oldest(smooth.level.histories[row], shorter);
        let places = smooth.level.places(row);
        let total = events(smooth.level.cells[places.clone()].iter().map(|cell| cell.weight).sum());
        for place in places {
            let leaning = constant * self.probability(shorter, suffix, smooth.level.nexts[place]);
            smooth.scores.push((events(smooth.level.cells[place].weight) + leaning) / (total + constant));
        }
        smooth.backoffs.push(constant / (total + constant));
    }

    fn ranked(&self, smooth: &SmoothLevel) -> Vec<usize> {
        let mut ranked: Vec<usize> = (0..smooth.scores.len()).collect();
        for row in 0..smooth.level.histories.len() {
            ranked[smooth.level.places(row)].sort_unstable_by(|left, right| {
                let scored = |place: &usize| (smooth.level.nexts[*place], smooth.scores[*place]);
                self.better(scored(left), scored(right))
            });
        }
        ranked
    }

    /// The order of candidates: the higher score first, then the more popular cluster, then the smaller index.
    pub fn better(&self, left: (u32, f64), right: (u32, f64)) -> Ordering {
        let place = |cluster: u32| self.places[cluster as usize];
        right.1.total_cmp(&left.1).then_with(|| place(left.0).cmp(&place(right.0)))
    }
}

impl SmoothLevel {
    /// Where a cluster stands among those that followed a row's history.
    pub fn place_of(&self, row: usize, next: u32) -> Option<usize> {
        let places = self.level.places(row);
        let start = places.start;
        self.level.nexts[places].binary_search(&next).ok().map(|at| start + at)
    }
}

fn popularity(counts: &Counts) -> Vec<f64> {
    let total = counts.popular.iter().map(|cell| cell.weight).sum::<u64>().max(1);
    counts.popular.iter().map(|cell| cell.weight as f64 / total as f64).collect()
}

fn popular(counts: &Counts) -> Vec<u32> {
    let mut popular: Vec<u32> = (0..counts.clusters).collect();
    // Stable, so that equal weights stay in the order of their index.
    popular.sort_by_key(|cluster| std::cmp::Reverse(counts.popular[*cluster as usize].weight));
    popular
}

fn places(popular: &[u32]) -> Vec<u32> {
    let mut places = vec![0; popular.len()];
    for (place, cluster) in (0..).zip(popular) {
        places[*cluster as usize] = place;
    }
    places
}
