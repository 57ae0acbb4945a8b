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

    fn interval(&self, users: &[(f64, Figures)]) -> Interval {
        if users.is_empty() || self.draws == 0 {
            let measured = mean(users.iter());
            return Interval { measured, low: measured, high: measured };
        }
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let drawn: Vec<[f64; 5]> = (0..self.draws)
            .map(|_| mean((0..users.len()).map(|_| &users[random.random_range(0..users.len())])).values())
            .collect();
        let sorted: [Vec<f64>; 5] = std::array::from_fn(|figure| {
            let mut sorted: Vec<f64> = drawn.iter().map(|values| values[figure]).collect();
            sorted.sort_by(f64::total_cmp);
            sorted
        });
        let at = |share: f64| Figures::from_values(std::array::from_fn(|figure| quantile(&sorted[figure], share)));
        Interval { measured: mean(users.iter()), low: at((1.0 - HELD) / 2.0), high: at((1.0 + HELD) / 2.0) }
    }
}

/// The mean over requests: every user weighs as much as its requests.
fn mean<'a>(users: impl Iterator<Item = &'a (f64, Figures)>) -> Figures {
    let (requests, sums) =
        users.fold((0.0, Figures::default()), |(requests, sums), user| (requests + user.0, sums.plus(&user.1)));
    sums.over(requests)
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
