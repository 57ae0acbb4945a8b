//! How sure a figure is: the log drawn again and again from its own users.
//!
//! Users are drawn, not requests: the requests of one user are not independent, and to draw them alone would make every interval too
//! narrow. The interval is the percentile interval of Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::measure::{Figures, Outcomes};

/// How often the users are drawn again, unless asked otherwise.
pub const DRAWS: usize = 1000;

/// The share of draws that an interval holds.
const HELD: f64 = 0.95;

/// How the users are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// How often.
    pub draws: usize,
    /// The same seed gives the same intervals.
    pub seed: u64,
}

/// 95 % of the draws lie in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// What was measured on all users.
    pub measured: Figures,
    /// The lower end, each figure by itself.
    pub low: Figures,
    /// The upper end, each figure by itself.
    pub high: Figures,
}

/// One mean over requests; 95 % of the draws lie between its ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// What was measured on all users.
    pub measured: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { draws: DRAWS, seed: 0 }
    }
}

impl Bootstrap {
    /// The intervals of one predictor's figures.
    pub fn figures(&self, outcomes: &Outcomes) -> Interval {
        self.interval(&outcomes.by_user())
    }

    /// The intervals of `outcomes` less `baseline`, both on the same draws of users: an interval above 0 is a difference.
    ///
    /// # Panics
    /// When the two are not of the same requests.
    pub fn difference(&self, outcomes: &Outcomes, baseline: &Outcomes) -> Interval {
        assert!(outcomes.same_requests(baseline), "a difference is of the same requests");
        let pairs = outcomes.by_user().into_iter().zip(baseline.by_user());
        let differences: Vec<_> = pairs.map(|((requests, left), (_, right))| (requests, left.minus(&right))).collect();
        self.interval(&differences)
    }

    /// The intervals of means over requests, from each user's number of requests and sums over them.
    pub fn means<const N: usize>(&self, users: &[(f64, [f64; N])]) -> [Mean; N] {
        let measured = means(users.iter());
        if users.is_empty() || self.draws == 0 {
            return measured.map(|measured| Mean { measured, low: measured, high: measured });
        }
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let drawn: Vec<[f64; N]> = (0..self.draws)
            .map(|_| means((0..users.len()).map(|_| &users[random.random_range(0..users.len())])))
            .collect();
        std::array::from_fn(|at| {
            let mut sorted: Vec<f64> = drawn.iter().map(|values| values[at]).collect();
            sorted.sort_by(f64::total_cmp);
            let quantile = |share: f64| quantile(&sorted, share);
            Mean { measured: measured[at], low: quantile((1.0 - HELD) / 2.0), high: quantile((1.0 + HELD) / 2.0) }
        })
    }

    fn interval(&self, users: &[(f64, Figures)]) -> Interval {
        let values: Vec<(f64, [f64; 5])> = users.iter().map(|(requests, sums)| (*requests, sums.values())).collect();
        let means = self.means(&values);
        let of = |end: fn(&Mean) -> f64| Figures::from_values(std::array::from_fn(|at| end(&means[at])));
        Interval { measured: of(|mean| mean.measured), low: of(|mean| mean.low), high: of(|mean| mean.high) }
    }
}

/// The means over requests: every user weighs as much as its requests.
fn means<'a, const N: usize>(users: impl Iterator<Item = &'a (f64, [f64; N])>) -> [f64; N] {
    let (requests, sums) = users.fold((0.0, [0.0; N]), |(requests, sums), (more, values)| {
        (requests + more, std::array::from_fn(|at| sums[at] + values[at]))
    });
    sums.map(|sum| if requests > 0.0 { sum / requests } else { 0.0 })
}

/// The nearest value to a share of the sorted values.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::Example;
    use crate::measure::Rankings;
    use crate::sequence::Mode;

    /// Requests of users, each with the rank of its true cluster.
    fn outcomes(rows: impl IntoIterator<Item = (u32, u32)>) -> Outcomes {
        let mut outcomes = Outcomes::new(9);
        for (user, rank) in rows {
            let mut rankings = Rankings::default();
            rankings.push((1..9).map(|place| if place == rank { 0 } else { place }));
            outcomes.extend(&[Example { user, time_us: 0, history: &[], next: 0 }], &rankings, Mode::Raw);
        }
        outcomes
    }

    fn hit_1(interval: &Interval) -> [f64; 3] {
        [interval.low, interval.measured, interval.high].map(|figures| figures.hit_1)
    }

    #[test]
    fn users_are_drawn_whole() {
        // One user is always right and one never: a draw holds the first 0, 1 or 2 times, so the ends are 0 and 1, however many
        // requests each made.
        let two = outcomes((0..1000).map(|at| (at % 2, 1 + at % 2)));
        assert_eq!(hit_1(&Bootstrap::default().figures(&two)), [0.0, 0.5, 1.0]);
        let one = outcomes([(0, 1), (0, 2), (0, 2)]);
        assert_eq!(hit_1(&Bootstrap::default().figures(&one)), [1.0 / 3.0; 3]);
    }

    #[test]
    fn intervals_are_as_wide_as_the_normal_law_says() {
        // 400 users with one request each, half of them right: 0.5 +- 1.96 x 0.5 / 20.
        let [low, measured, high] =
            hit_1(&Bootstrap::default().figures(&outcomes((0..400).map(|at| (at, 1 + at % 2)))));
        assert_eq!(measured, 0.5);
        assert!((low - 0.451).abs() < 0.006 && (high - 0.549).abs() < 0.006, "{low} {high}");
    }

    #[test]
    fn a_difference_is_paired() {
        let bootstrap = Bootstrap { draws: 500, seed: 3 };
        let baseline = outcomes((0..100).map(|at| (at / 2, 1 + at % 3)));
        assert_eq!(bootstrap.difference(&baseline, &baseline), Interval::default());
        // Better by the same on every user, however much the users differ: no doubt is left.
        let (left, right) = (outcomes([(0, 1), (0, 2), (1, 1), (1, 1)]), outcomes([(0, 2), (0, 2), (1, 1), (1, 2)]));
        assert_eq!(hit_1(&bootstrap.difference(&left, &right)), [0.5; 3]);
        assert_eq!(hit_1(&bootstrap.difference(&right, &left)), [-0.5; 3]);
    }

    #[test]
    fn the_seed_decides_the_draws() {
        let some = outcomes((0..50).map(|at| (at, 1 + at % 7)));
        let mrr = |seed| Bootstrap { draws: 20, seed }.figures(&some).low.mrr;
        assert_eq!(mrr(1), mrr(1));
        assert_ne!(mrr(1), mrr(2));
    }

    #[test]
    fn nothing_drawn_is_what_was_measured() {
        assert_eq!(Bootstrap::default().figures(&outcomes([])), Interval::default());
        let once = Bootstrap { draws: 0, seed: 0 }.figures(&outcomes([(0, 1)]));
        assert_eq!(hit_1(&once), [1.0; 3]);
    }

    #[test]
    #[should_panic(expected = "same requests")]
    fn other_requests_have_no_difference() {
        Bootstrap::default().difference(&outcomes([(0, 1)]), &outcomes([(1, 1)]));
    }
}
