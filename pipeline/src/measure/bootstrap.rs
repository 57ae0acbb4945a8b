//! How sure a figure is: the log drawn again and again from its own users.
//!
//! Users are drawn, not requests: the requests of one user are not independent, and to draw them alone would make every interval too
//! narrow. The interval is the percentile interval of Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

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
#[derive(Clone, Copy, Debug, Default, PartialEq)]
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
