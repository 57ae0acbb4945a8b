//! The popular list of a release whose candidates file has none: the mean score of each cluster over all rows.
//!
//! Sums are whole numbers, so that the order of the rows cannot matter.

use crate::candidates::Candidates;

/// Scores are summed in units of 2^-32, finer than an `f32` score needs.
const UNIT: f64 = 4_294_967_296.0;

/// Sums the scores of each cluster.
#[derive(Clone, Debug)]
pub struct PopularSums {
    sums: Vec<u128>,
    rows: u64,
}

impl PopularSums {
    /// Sums for `clusters` clusters.
    pub fn new(clusters: usize) -> Self {
        Self { sums: vec![0; clusters], rows: 0 }
    }

    /// Adds a row's candidates.
    pub fn add(&mut self, row: &Candidates) {
        self.rows += 1;
        for (cluster, score) in &row.candidates {
            self.sums[*cluster as usize] += (f64::from(*score) * UNIT) as u128;
        }
    }

    /// The clusters with the highest mean scores, at most `width`; of equal ones the smaller index first.
    pub fn list(&self, width: u8) -> Candidates {
        let mut clusters: Vec<u32> =
            (0..).zip(&self.sums).filter(|(_, sum)| **sum > 0).map(|(cluster, _)| cluster).collect();
        clusters.sort_by_key(|cluster| std::cmp::Reverse(self.sums[*cluster as usize]));
        clusters.truncate(usize::from(width));
        let mean = |cluster: u32| (self.sums[cluster as usize] as f64 / UNIT / self.rows as f64) as f32;
        Candidates {
            history: Vec::new(),
            candidates: clusters.into_iter().map(|cluster| (cluster, mean(cluster))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_the_highest_means_first() {
        let mut sums = PopularSums::new(4);
        let row = |candidates: &[(u32, f32)]| Candidates { history: vec![0], candidates: candidates.to_vec() };
        sums.add(&row(&[(3, 1.0), (1, 0.5)]));
        sums.add(&row(&[(1, 0.5), (2, 0.5)]));
        assert_eq!(sums.list(10).candidates, [(1, 0.5), (3, 0.5), (2, 0.25)]);
        assert_eq!(sums.list(1).candidates, [(1, 0.5)]);
    }
}
