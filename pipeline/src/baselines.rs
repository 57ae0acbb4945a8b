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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::build::CountSettings;
    use crate::event::Event;
    use crate::examples::{Counting, ExampleRules, Examples, Log, Refresh};
    use crate::measure::Trial;
    use crate::sequence::Mode;

    /// Four users before the refresh at 0, and one request after it: after 0, 1 came 2.
    fn log() -> Log {
        let sequences: [(i64, &[u32]); 5] =
            [(-9, &[0, 1, 3]), (-9, &[4, 1, 2]), (-9, &[5, 1, 2]), (-9, &[4, 5, 3]), (1, &[0, 1, 2])];
        let events = |(user, (from, sequence)): (u32, (i64, &'static [u32]))| {
            (from..).zip(sequence).map(move |(time_us, cluster)| Event { user, cluster: *cluster, time_us })
        };
        Log { events: (0..).zip(sequences).flat_map(events).collect(), clusters: 6 }
    }

    fn counting() -> Counting {
        let count = CountSettings {
            mode: Mode::Distinct,
            gap_days: None,
            window_days: None,
            half_life_days: None,
            smoothing: vec![1.0],
            seen_min: 1,
            users_min: 1,
            user_day_max: None,
        };
        Counting { count, depth: 2, width: 15 }
    }

    #[test]
    fn each_ranks_by_its_own_counts() {
        let (log, counting) = (log(), counting());
        let mut as_of = AsOf::new(&log, &counting);
        as_of.advance(0);
        // Met: 1 three times, 2, 3, 4 and 5 twice, 0 once. After 1: 2 twice, 3 once. After 0, 1: 3 once.
        for (baseline, expected) in [
            (Baseline::Popularity, &[1, 2, 3, 4, 5, 0][..]),
            (Baseline::LastCluster, &[2, 3, 1, 4, 5, 0]),
            (Baseline::Pair, &[3]),
            (Baseline::BackOff, &[3, 2, 1, 4, 5, 0]),
            // (1 + P(3|1)) / 2 before P(2|1) / 2, and the others by popularity.
            (Baseline::Smoothed, &[3, 2, 1, 4, 5, 0]),
        ] {
            assert_eq!(baseline.ranked(&as_of, &[5, 0, 1]), expected, "{}", baseline.name());
        }
        assert_eq!(Baseline::LastCluster.ranked(&as_of, &[]), [1, 2, 3, 4, 5, 0]);
        assert_eq!(Baseline::Pair.ranked(&as_of, &[1]), [0; 0]);
        assert_eq!(Baseline::BackOff.ranked(&as_of, &[3, 1]), [2, 3, 1, 4, 5, 0]);
    }

    #[test]
    fn a_trial_asks_all_alike_and_passes_over_the_history() {
        let (log, counting) = (log(), counting());
        let examples = Examples::new(&log, &ExampleRules { history_min: 2, ..ExampleRules::default() });
        let range = examples.place_at(0)..examples.len();
        let trial = Trial { examples: &examples, range, refresh: Refresh::default(), history_max: 16 };
        let mut baselines = Baseline::ALL;
        let mut predictors: Vec<&mut dyn Predictor<Infallible>> = Vec::new();
        predictors.extend(baselines.iter_mut().map(|baseline| baseline as &mut dyn Predictor<Infallible>));
        let Ok(outcomes) = trial.run(&mut AsOf::new(&log, &counting), &mut predictors);
        let ranks: Vec<Option<u32>> = outcomes.iter().flat_map(|outcomes| outcomes.ranks()).collect();
        // Of the popular list, 1 is in the history; it takes no place.
        assert_eq!(ranks, [Some(1), Some(1), None, Some(2), Some(2)]);
    }

    #[test]
    fn a_predictor_that_fails_ends_the_trial() {
        struct Failing;
        impl Predictor<&'static str> for Failing {
            fn rank(&mut self, _: &AsOf<'_>, _: &[Example<'_>], _: &mut Rankings) -> Result<(), &'static str> {
                Err("no")
            }
        }
        let (log, counting) = (log(), counting());
        let examples = Examples::new(&log, &ExampleRules::default());
        let range = 0..examples.len();
        let trial = Trial { examples: &examples, range, refresh: Refresh::default(), history_max: 16 };
        assert_eq!(trial.run(&mut AsOf::new(&log, &counting), &mut [&mut Failing]), Err("no"));
    }
}
