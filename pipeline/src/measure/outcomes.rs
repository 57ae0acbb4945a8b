//! Where in its ranking each request's true next cluster stood, and the figures that follow from it.
//!
//! One cluster is right for each request. The ranks alone decide every figure but the coverage.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::examples::Example;
use crate::measure::Rankings;
use crate::sequence::Mode;

/// How many best clusters the figures that end in 10 look at.
pub const TOP: usize = 10;

/// What one predictor did on a list of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcomes {
    /// Whose request it was.
    users: Vec<u32>,
    /// The true cluster's rank from 1, beside `users`; 0 where it was not ranked.
    ranks: Vec<u32>,
    /// Which clusters stood among the best ten of any request.
    offered: Vec<bool>,
}

/// Means over requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// The share of requests whose true cluster was ranked first.
    pub hit_1: f64,
    /// Among the first five.
    pub hit_5: f64,
    /// Among the first ten.
    pub hit_10: f64,
    /// The mean of 1 / rank; 0 where it was not ranked.
    pub mrr: f64,
    /// The mean of 1 / log2(rank + 1) up to rank 10, else 0: with one right cluster the ideal list has 1 (Järvelin and Kekäläinen,
    /// "Cumulated gain-based evaluation of IR techniques", 2002).
    pub ndcg_10: f64,
}

impl Outcomes {
    /// No request yet, over so many clusters.
    pub fn new(clusters: u32) -> Self {
        Self { users: Vec::new(), ranks: Vec::new(), offered: vec![false; clusters as usize] }
    }

    /// Adds requests with their rankings. Clusters that can never come next, by the mode and the history shown, are passed over, whoever
    /// ranked them.
    ///
    /// # Panics
    /// When there is not one ranking for each request.
    pub fn extend(&mut self, requests: &[Example<'_>], rankings: &Rankings, mode: Mode) {
        assert_eq!(requests.len(), rankings.len(), "one ranking for each request");
        for (request, ranked) in requests.iter().zip(rankings.iter()) {
            self.add(request, ranked, mode.barred(request.history));
        }
    }

    /// Adds what the same predictor did on the requests that follow.
    pub fn append(&mut self, other: &Self) {
        self.users.extend_from_slice(&other.users);
        self.ranks.extend_from_slice(&other.ranks);
        self.offered.iter_mut().zip(&other.offered).for_each(|(offered, other)| *offered |= other);
    }

    /// How many requests there were.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The ranks of the true clusters, from 1, in the order of the requests; `None` where it was not ranked.
    pub fn ranks(&self) -> impl Iterator<Item = Option<u32>> {
        self.ranks.iter().map(|rank| (*rank > 0).then_some(*rank))
    }

    /// The means.
    pub fn figures(&self) -> Figures {
        let sums = self.ranks.iter().fold(Figures::default(), |sums, rank| sums.plus(&Figures::of_rank(*rank)));
        sums.over(self.len() as f64)
    }

    /// The share of the catalogue that stood among the best ten of any request.
    pub fn coverage_10(&self) -> f64 {
        self.offered.iter().filter(|offered| **offered).count() as f64 / self.offered.len().max(1) as f64
    }

    /// Each user's number of requests and sums of figures, ascending by user.
    pub(super) fn by_user(&self) -> Vec<(f64, Figures)> {
        let mut users = BTreeMap::<u32, (f64, Figures)>::new();
        for (user, rank) in self.users.iter().zip(&self.ranks) {
            let (requests, sums) = users.entry(*user).or_default();
            *requests += 1.0;
            *sums = sums.plus(&Figures::of_rank(*rank));
        }
        users.into_values().collect()
    }

    /// Whether both are of the same requests.
    pub(super) fn same_requests(&self, other: &Self) -> bool {
        self.users == other.users
    }

    fn add(&mut self, request: &Example<'_>, ranked: &[u32], barred: &[u32]) {
        let mut rank = 0;
        for (place, cluster) in (1..).zip(ranked.iter().filter(|cluster| !barred.contains(cluster))) {
            if place <= TOP as u32 {
                self.offered[*cluster as usize] = true;
            }
            if *cluster == request.next {
                rank = place;
            }
            if rank > 0 && place >= TOP as u32 {
                break;
            }
        }
        self.users.push(request.user);
        self.ranks.push(rank);
    }
}

impl Figures {
    /// The names of the figures, in the order of [`Figures::values`].
    pub const NAMES: [&'static str; 5] = ["hit@1", "hit@5", "hit@10", "MRR", "NDCG@10"];

    /// The figures, in the order of [`Figures::NAMES`].
    pub fn values(&self) -> [f64; 5] {
        [self.hit_1, self.hit_5, self.hit_10, self.mrr, self.ndcg_10]
    }

    /// What one request gives, by the rank of its true cluster from 1; 0 is not ranked.
    fn of_rank(rank: u32) -> Self {
        if rank == 0 {
            return Self::default();
        }
        let within = |top: u32| f64::from(u8::from(rank <= top));
        let ndcg_10 = within(TOP as u32) / (f64::from(rank) + 1.0).log2();
        Self { hit_1: within(1), hit_5: within(5), hit_10: within(10), mrr: 1.0 / f64::from(rank), ndcg_10 }
    }

    pub(super) fn from_values([hit_1, hit_5, hit_10, mrr, ndcg_10]: [f64; 5]) -> Self {
        Self { hit_1, hit_5, hit_10, mrr, ndcg_10 }
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        let (left, right) = (self.values(), other.values());
        Self::from_values(std::array::from_fn(|at| left[at] + right[at]))
    }

    pub(super) fn minus(&self, other: &Self) -> Self {
        let (left, right) = (self.values(), other.values());
        Self::from_values(std::array::from_fn(|at| left[at] - right[at]))
    }

    /// Divided by a number of requests; nothing where there is none.
    pub(super) fn over(&self, requests: f64) -> Self {
        Self::from_values(self.values().map(|sum| if requests > 0.0 { sum / requests } else { 0.0 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(mode: Mode, rows: &[(&[u32], u32, &[u32])]) -> Outcomes {
        let mut outcomes = Outcomes::new(20);
        for (history, next, ranked) in rows {
            let mut rankings = Rankings::default();
            rankings.push(ranked.iter().copied());
            outcomes.extend(&[Example { user: 0, time_us: 0, history, next: *next }], &rankings, mode);
        }
        outcomes
    }

    #[test]
    fn clusters_that_cannot_come_next_take_no_place() {
        let all: &[u32] = &[1, 2, 3, 4];
        for (mode, next, rank) in [
            (Mode::Distinct, 3, Some(1)),
            (Mode::Distinct, 4, Some(2)),
            (Mode::Distinct, 5, None),
            (Mode::Changes, 3, Some(2)),
            (Mode::Changes, 1, Some(1)),
            (Mode::Raw, 4, Some(4)),
            (Mode::Raw, 2, Some(2)),
        ] {
            let outcomes = outcomes(mode, &[(&[1, 2], next, all)]);
            assert_eq!(outcomes.ranks().collect::<Vec<_>>(), [rank], "{mode:?} {next}");
        }
    }

    #[test]
    fn figures_follow_from_the_ranks() {
        let log2 = |number: f64| number.log2();
        for (rank, [hit_1, hit_5, hit_10, mrr, ndcg_10]) in [
            (1, [1.0, 1.0, 1.0, 1.0, 1.0]),
            (2, [0.0, 1.0, 1.0, 0.5, 1.0 / log2(3.0)]),
            (3, [0.0, 1.0, 1.0, 1.0 / 3.0, 0.5]),
            (5, [0.0, 1.0, 1.0, 0.2, 1.0 / log2(6.0)]),
            (6, [0.0, 0.0, 1.0, 1.0 / 6.0, 1.0 / log2(7.0)]),
            (10, [0.0, 0.0, 1.0, 0.1, 1.0 / log2(11.0)]),
            (11, [0.0, 0.0, 0.0, 1.0 / 11.0, 0.0]),
            (0, [0.0, 0.0, 0.0, 0.0, 0.0]),
        ] {
            let expected = Figures { hit_1, hit_5, hit_10, mrr, ndcg_10 };
            assert_eq!(Figures::of_rank(rank), expected, "rank {rank}");
        }
    }

    #[test]
    fn figures_are_means_over_requests() {
        let rows: [(&[u32], u32, &[u32]); 4] =
            [(&[], 7, &[7]), (&[], 8, &[7, 8]), (&[], 9, &[7, 8]), (&[], 3, &[0, 1, 2, 3])];
        let outcomes = outcomes(Mode::Raw, &rows);
        let figures = outcomes.figures();
        assert_eq!((figures.hit_1, figures.hit_5, figures.hit_10), (0.25, 0.75, 0.75));
        assert!((figures.mrr - (1.0 + 0.5 + 0.25) / 4.0).abs() < 1e-12);
        assert!((figures.ndcg_10 - (1.0 + 1.0 / 3f64.log2() + 1.0 / 5f64.log2()) / 4.0).abs() < 1e-12);
        assert_eq!(outcomes.coverage_10(), 6.0 / 20.0);
        assert_eq!(Outcomes::new(3).figures(), Figures::default());
    }

    #[test]
    fn only_ten_are_offered_and_the_rank_goes_on() {
        let all: Vec<u32> = (0..20).collect();
        let outcomes = outcomes(Mode::Distinct, &[(&[0], 15, &all)]);
        assert_eq!(outcomes.ranks().collect::<Vec<_>>(), [Some(15)]);
        assert_eq!(outcomes.coverage_10(), 0.5);
    }
}
