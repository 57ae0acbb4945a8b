//! What comparisons say, each figure beside its nulls and with how sure it is.
//!
//! Drift is what is left of the null: the mean overlap with users' periods swapped, less the overlap as it was. Its interval is the delete-a-group
//! jackknife over users (Kott, "The delete-a-group jackknife", Journal of Official Statistics, 2001): users are left out, never drawn twice,
//! because a user who counts twice would make short lists alike by itself.

use serde::Serialize;

use crate::drift::compare::{Compared, Found};
use crate::drift::nulls::GROUPS;
use crate::drift::overlap::Overlap;
use crate::measure;

/// The share of draws that an interval holds.
const HELD: f64 = 0.95;

/// The share of swaps that gave so low an overlap below which it is not put down to chance.
const P_MAX: f64 = 0.05;

/// The 0.975 quantile of Student's law with 19 degrees of freedom, one less than [`GROUPS`].
const STUDENT: f64 = 2.093;

/// A figure with the ends of its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Sure {
    /// The figure.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// How alike periods are, and how alike they would be without drift.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Histories that were met in both periods.
    pub histories: u32,
    /// The mean Jaccard index of their successors; the interval says how much depends on which users were there.
    pub overlap: Sure,
    /// The variance of the index over histories.
    pub variance: f64,
    /// The same mean with the triples' periods shuffled, and what 95 % of the shuffles gave.
    pub triples_null: Sure,
    /// The same mean with users' periods swapped, and what 95 % of the shuffles gave.
    pub users_null: Sure,
    /// `users_null` less `overlap`: how much less alike the periods are than chance makes them.
    pub drift: Sure,
    /// How often chance alone would give so low an overlap: the share of swaps that did.
    pub p: f64,
}

impl Sure {
    /// Whether the whole interval lies above a bound.
    pub fn is_above(&self, bound: f64) -> bool {
        self.low > bound
    }

    /// The mean of draws and what 95 % of them lie in.
    pub fn of_draws(mut draws: Vec<f64>) -> Self {
        if draws.is_empty() {
            return Self::default();
        }
        let value = draws.iter().sum::<f64>() / draws.len() as f64;
        draws.sort_by(f64::total_cmp);
        let at = |share: f64| draws[((draws.len() - 1) as f64 * share).round() as usize];
        Self { value, low: at((1.0 - HELD) / 2.0), high: at((1.0 + HELD) / 2.0) }
    }

    /// One figure of a bootstrap's interval.
    pub fn of_interval(interval: &measure::Interval, figure: impl Fn(&measure::Figures) -> f64) -> Self {
        let [value, low, high] = [interval.measured, interval.low, interval.high].map(|figures| figure(&figures));
        Self { value, low, high }
    }

    /// A value with the interval that leaving groups out gives it.
    fn jackknifed(value: f64, without: &[f64]) -> Self {
        let groups = without.len() as f64;
        let mean = without.iter().sum::<f64>() / groups;
        let squares: f64 = without.iter().map(|one| (one - mean).powi(2)).sum();
        let half = STUDENT * ((groups - 1.0) / groups * squares).sqrt();
        Self { value, low: value - half, high: value + half }
    }
}

impl Figures {
    /// Whether the drift is surely above a bound, and chance seldom gives so low an overlap.
    pub fn is_above(&self, bound: f64) -> bool {
        self.drift.is_above(bound) && self.p <= P_MAX
    }

    /// The figures of a comparison.
    pub fn new(compared: &Compared) -> Self {
        let observed = compared.observed.all;
        let users = means(compared.users_null.iter().map(|found| found.all));
        let without = means(compared.without.iter().copied());
        let null_without = means(compared.users_null_without.iter().copied());
        debug_assert_eq!(without.len(), GROUPS as usize, "one for each group");
        let drift_without: Vec<f64> = null_without.iter().zip(&without).map(|(null, one)| null - one).collect();
        let users_null = Sure::of_draws(users.clone());
        Self {
            histories: observed.histories,
            overlap: Sure::jackknifed(observed.mean(), &without),
            variance: observed.variance(),
            triples_null: Sure::of_draws(means(compared.triples_null.iter().copied())),
            users_null,
            drift: Sure::jackknifed(users_null.value - observed.mean(), &drift_without),
            p: share_below(&users, observed.mean()),
        }
    }
}

/// Overlap and nulls of a part of the histories: without an interval of its own, for its null has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Part {
    /// Histories that were met in both periods.
    pub histories: u32,
    /// Their mean overlap.
    pub overlap: f64,
    /// The same with users' periods swapped, and what 95 % of the shuffles gave.
    pub users_null: Sure,
    /// How much less alike than chance makes them.
    pub drift: f64,
    /// The share of swaps that gave so low an overlap.
    pub p: f64,
}

impl Part {
    /// The figures of a part of what was found.
    pub fn new(compared: &Compared, part: impl Fn(&Found) -> Overlap) -> Self {
        let observed = part(&compared.observed);
        let draws = means(compared.users_null.iter().map(part));
        let p = share_below(&draws, observed.mean());
        let users_null = Sure::of_draws(draws);
        Self {
            histories: observed.histories,
            overlap: observed.mean(),
            users_null,
            drift: users_null.value - observed.mean(),
            p,
        }
    }
}

fn means(overlaps: impl Iterator<Item = Overlap>) -> Vec<f64> {
    overlaps.map(|overlap| overlap.mean()).collect()
}

/// The share of draws at or below a value, the value itself being one of them: a permutation test's p.
fn share_below(draws: &[f64], value: f64) -> f64 {
    let below = draws.iter().filter(|draw| **draw <= value).count();
    (1 + below) as f64 / (1 + draws.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jackknifed_mean_has_the_textbook_error() {
        // For a mean, leaving one of n out gives exactly the standard error s / sqrt(n).
        let values: Vec<f64> = (0..20).map(f64::from).collect();
        let total: f64 = values.iter().sum();
        let without: Vec<f64> = values.iter().map(|value| (total - value) / 19.0).collect();
        let sure = Sure::jackknifed(total / 20.0, &without);
        let error = (35.0_f64 / 20.0).sqrt();
        assert!((sure.high - sure.value - STUDENT * error).abs() < 1e-9, "{sure:?}");
        assert!(sure.is_above(0.0) && !sure.is_above(9.5));
    }

    #[test]
    fn draws_hold_the_middle() {
        let sure = Sure::of_draws((0..=200).rev().map(f64::from).collect());
        assert_eq!(sure, Sure { value: 100.0, low: 5.0, high: 195.0 });
        assert_eq!(share_below(&[1.0, 2.0, 3.0], 1.5), 0.5);
    }
}
