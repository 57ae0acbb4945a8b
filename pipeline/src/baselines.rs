//! What anyone can predict by counting: the predictors that a model has to beat.
//!
//! They see the counts of the same refreshes as a model's contexts and nothing else.

use std::cmp::Reverse;

use crate::examples::{AsOf, Example};
use crate::measure::{Predictor, Rankings};
use crate::rank::Ranking;
use crate::smooth::Smoothed;

/// A way to predict by counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// The most popular clusters, whatever the history.
    Popularity,
    /// What most often followed the last cluster; then the most popular.
    LastCluster,
    /// What most often followed the last two clusters, and nothing else.
    Pair,
    /// What most often followed the last two; then what followed the last; then the most popular.
    BackOff,
    /// The smoothed probabilities, as a release ranks.
    Smoothed,
}

impl Baseline {
    /// All of them, the simplest first.
    pub const ALL: [Self; 5] = [Self::Popularity, Self::LastCluster, Self::Pair, Self::BackOff, Self::Smoothed];

    /// The name that reports carry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Popularity => "popularity",
            Self::LastCluster => "last cluster",
            Self::Pair => "pair",
            Self::BackOff => "back-off",
            Self::Smoothed => "smoothed",
        }
    }

    fn ranked(self, as_of: &AsOf<'_>, history: &[u32]) -> Vec<u32> {
        let smoothed = as_of.smoothed();
        match self {
            Self::Popularity => smoothed.popular.clone(),
            Self::LastCluster => together([followers(as_of, history, 1), smoothed.popular.clone()], smoothed.clusters),
            Self::Pair => followers(as_of, history, 2),
            Self::BackOff => together(
                [followers(as_of, history, 2), followers(as_of, history, 1), smoothed.popular.clone()],
                smoothed.clusters,
            ),
            Self::Smoothed => {
                let (suffix, key) = as_of.counted_suffix(history);
                Ranking::new(smoothed, suffix.len(), key).map(|(cluster, _)| cluster).collect()
            }
        }
    }
}

impl<E> Predictor<E> for Baseline {
    fn rank(&mut self, as_of: &AsOf<'_>, requests: &[Example<'_>], rankings: &mut Rankings) -> Result<(), E> {
        requests.iter().for_each(|request| rankings.push(self.ranked(as_of, request.history)));
        Ok(())
    }
}

/// The clusters that followed the last `length` clusters of a history, most often first, the more popular first where equal.
fn followers(as_of: &AsOf<'_>, history: &[u32], length: usize) -> Vec<u32> {
    let smoothed = as_of.smoothed();
    let (suffix, key) = as_of.counted_suffix(history);
    let level = length.checked_sub(1).filter(|_| suffix.len() >= length).and_then(|at| smoothed.levels.get(at));
    let Some(level) = level.map(|level| &level.level) else { return Vec::new() };
    let Some(row) = level.row_of(smoothed.without_oldest(key, length)) else { return Vec::new() };
    let mut places: Vec<usize> = level.places(row).collect();
    places.sort_by_key(|place| (Reverse(level.cells[*place].weight), popular_place(smoothed, level.nexts[*place])));
    places.into_iter().map(|place| level.nexts[place]).collect()
}

fn popular_place(smoothed: &Smoothed, cluster: u32) -> u32 {
    smoothed.places[cluster as usize]
}

/// Lists of clusters one after the other, each cluster where it first stands.
fn together<const N: usize>(lists: [Vec<u32>; N], clusters: u32) -> Vec<u32> {
    let mut taken = vec![false; clusters as usize];
    let first = |cluster: &u32| !std::mem::replace(&mut taken[*cluster as usize], true);
    lists.into_iter().flatten().filter(first).collect()
}
