//! Walks the clusters after a history from the most to the least probable, without ever scoring them all.
//!
//! A cluster that followed the history has a score of its own; any other has the shorter history's, scaled, and so comes in the shorter
//! history's order. The walk merges the two, down to the popular list.

use crate::smooth::{SmoothLevel, Smoothed};

/// Clusters with their probabilities, best first.
#[derive(Debug)]
pub struct Ranking<'a> {
    smoothed: &'a Smoothed,
    /// Places of the clusters that followed, best first; empty for a history that was never met.
    own: &'a [usize],
    row: Option<Row<'a>>,
    shorter: Shorter<'a>,
    /// The shorter history's next cluster, scaled, whether it followed this history or not.
    ahead: Option<(u32, f64)>,
}

/// A history that was met.
#[derive(Clone, Copy, Debug)]
struct Row<'a> {
    level: &'a SmoothLevel,
    row: usize,
}

/// What a history leans on.
#[derive(Debug)]
enum Shorter<'a> {
    History(Box<Ranking<'a>>),
    Popular(std::slice::Iter<'a, u32>),
}

impl<'a> Ranking<'a> {
    /// The ranking after a history of a length, given by its key; length 0 is the popular list.
    pub fn new(smoothed: &'a Smoothed, length: usize, history: u64) -> Self {
        let level = length.checked_sub(1).map(|at| &smoothed.levels[at]);
        let row = level.and_then(|level| level.level.row_of(history).map(|row| Row { level, row }));
        let own = row.map_or(&[][..], |row| &row.level.ranked[row.level.level.places(row.row)]);
        let shorter = match length {
            0 => Shorter::Popular(smoothed.popular.iter()),
            length => Shorter::History(Box::new(Self::new(
                smoothed,
                length - 1,
                smoothed.without_oldest(history, length - 1),
            ))),
        };
        Self { smoothed, own, row, shorter, ahead: None }
    }

    /// Looks one cluster ahead in the shorter history, whether it followed this one or not.
    fn look_ahead(&mut self) -> Option<(u32, f64)> {
        if self.ahead.is_none() {
            let backoff = self.row.map_or(1.0, |row| row.level.backoffs[row.row]);
            self.ahead = self.shorter.next(self.smoothed).map(|(cluster, score)| (cluster, score * backoff));
        }
        self.ahead
    }

    fn followed(&self, cluster: u32) -> bool {
        self.row.is_some_and(|row| row.level.place_of(row.row, cluster).is_some())
    }

    fn own_first(&self) -> Option<(u32, f64)> {
        let (place, level) = (*self.own.first()?, self.row?.level);
        Some((level.level.nexts[place], level.scores[place]))
    }

    fn take_own(&mut self) {
        self.own = self.own.get(1..).unwrap_or_default();
    }
}

impl Iterator for Ranking<'_> {
    type Item = (u32, f64);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match (self.own_first(), self.look_ahead()) {
                (Some(own), Some(ahead)) if self.smoothed.better(own, ahead).is_gt() => {}
                (Some(own), _) => {
                    self.take_own();
                    return Some(own);
                }
                (None, None) => return None,
                (None, Some(_)) => {}
            }
            // The shorter history's cluster is due. If it followed this one, its own, higher score has had its turn already:
            // asking only now, when it is due, keeps a history that everything follows from searching them all.
            let ahead = self.ahead.take()?;
            if !self.followed(ahead.0) {
                return Some(ahead);
            }
        }
    }
}

impl Shorter<'_> {
    fn next(&mut self, smoothed: &Smoothed) -> Option<(u32, f64)> {
        match self {
            Self::History(ranking) => ranking.next(),
            Self::Popular(clusters) => {
                clusters.next().map(|cluster| (*cluster, smoothed.popularity[*cluster as usize]))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::Counter;
    use crate::decay::Decay;
    use crate::sequence::Step;
    use crate::smooth::Constants;

    use proptest::prelude::*;

    const CLUSTERS: u32 = 6;

    /// The formula, word by word, over the sequences themselves.
    fn naive(sequences: &[Vec<u32>], history: &[u32], next: u32, constants: &[f64]) -> f64 {
        let Some((_, shorter)) = history.split_first() else {
            let all: Vec<u32> = sequences.concat();
            return all.iter().filter(|cluster| **cluster == next).count() as f64 / all.len() as f64;
        };
        let windows = || sequences.iter().flat_map(|sequence| sequence.windows(history.len() + 1));
        let after = windows().filter(|window| window.starts_with(history));
        let (mut total, mut found) = (0.0, 0.0);
        for window in after {
            total += 1.0;
            found += f64::from(window[history.len()] == next);
        }
        let constant = constants[history.len() - 1];
        (found + constant * naive(sequences, shorter, next, constants)) / (total + constant)
    }

    fn smoothed(sequences: &[Vec<u32>], constants: &[f64]) -> Smoothed {
        let mut counter = Counter::new(CLUSTERS, 3, Decay::new(0, None));
        for sequence in sequences {
            counter.add(0, &sequence.iter().map(|cluster| Step { cluster: *cluster, time_us: 0 }).collect::<Vec<_>>());
        }
        Smoothed::new(counter.finish(), &Constants::new(constants, 3))
    }

    fn key(history: &[u32]) -> u64 {
        history.iter().fold(0, |key, cluster| key * u64::from(CLUSTERS) + u64::from(*cluster))
    }

    proptest! {
        #[test]
        fn ranks_all_clusters_as_the_naive_formula(
            sequences in prop::collection::vec(prop::collection::vec(0..CLUSTERS, 2..9), 1..10),
            history in prop::collection::vec(0..CLUSTERS, 0..=3),
            constants in prop::collection::vec(0.5_f64..80.0, 3),
        ) {
            let smoothed = smoothed(&sequences, &constants);
            let ranking: Vec<(u32, f64)> = Ranking::new(&smoothed, history.len(), key(&history)).collect();
            prop_assert_eq!(ranking.len(), CLUSTERS as usize);
            prop_assert!(ranking.windows(2).all(|pair| smoothed.better(pair[0], pair[1]).is_lt()));
            for (cluster, score) in ranking {
                let expected = naive(&sequences, &history, cluster, &constants);
                prop_assert!((score - expected).abs() < 1e-12, "{cluster}: {score} {expected}");
                let direct = smoothed.probability(history.len(), key(&history), cluster);
                prop_assert!((score - direct).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn equal_scores_go_by_popularity_then_by_index() {
        let smoothed = smoothed(&[vec![0, 5], vec![0, 4], vec![4, 1]], &[50.0]);
        let order: Vec<u32> = Ranking::new(&smoothed, 0, 0).map(|(cluster, _)| cluster).collect();
        assert_eq!(order, [0, 4, 1, 5, 2, 3]);
    }
}
