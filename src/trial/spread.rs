//! How measured values spread over fixed bounds, counted in place; recording must never allocate, lock or wait.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Seconds, eight steps a decade: fine enough to tell two releases' percentiles apart, and the same that a scrape shows.
#[rustfmt::skip]
pub const DURATION_BOUNDS_S: &[f64] = &[
    0.000_001, 0.000_001_3, 0.000_001_8, 0.000_002_4, 0.000_003_2, 0.000_004_2, 0.000_005_6, 0.000_007_5,
    0.000_01, 0.000_013, 0.000_018, 0.000_024, 0.000_032, 0.000_042, 0.000_056, 0.000_075,
    0.000_1, 0.000_13, 0.000_18, 0.000_24, 0.000_32, 0.000_42, 0.000_56, 0.000_75,
    0.001, 0.001_3, 0.001_8, 0.002_4, 0.003_2, 0.004_2, 0.005_6, 0.007_5,
    0.01, 0.013, 0.018, 0.024, 0.032, 0.042, 0.056, 0.075,
    0.1, 0.13, 0.18, 0.24, 0.32, 0.42, 0.56, 0.75, 1.0,
];
/// Tenths: the part that two answers have in common.
pub const OVERLAP_BOUNDS: &[f64] = &[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
/// The units that values are counted in: billionths, so that the sum is exact.
const UNITS: f64 = 1e9;

/// Counts of values by the first bound that holds them.
#[derive(Debug)]
pub struct Spread {
    bounds: Box<[u64]>,
    /// One for each bound, and one for what is above them all; not yet cumulative.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// What a spread held at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpreadTotals {
    counts: Vec<u64>,
    sum: u64,
}

impl Spread {
    /// Nothing counted; the bounds ascend.
    pub fn new(bounds: &[f64]) -> Self {
        let bounds: Box<[u64]> = bounds.iter().map(|&bound| units(bound)).collect();
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    /// Counts a value in billionths: nanoseconds, where the bounds are seconds.
    pub fn record(&self, billionths: u64) {
        let bucket = self.bounds.partition_point(|&bound| bound < billionths);
        self.counts[bucket].fetch_add(1, Relaxed);
        self.sum.fetch_add(billionths, Relaxed);
    }

    /// What it holds now.
    pub fn totals(&self) -> SpreadTotals {
        SpreadTotals {
            counts: self.counts.iter().map(|count| count.load(Relaxed)).collect(),
            sum: self.sum.load(Relaxed),
        }
    }
}

impl SpreadTotals {
    /// The counts, one for each bound and one for what is above them all; not cumulative.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The sum in billionths.
    pub fn sum_billionths(&self) -> u64 {
        self.sum
    }

    /// Values counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their sum.
    pub fn sum(&self) -> f64 {
        self.sum as f64 / UNITS
    }

    /// Their mean; `None` where there are none.
    pub fn mean(&self) -> Option<f64> {
        let count = self.count();
        (count > 0).then(|| self.sum() / count as f64)
    }

    /// How many there are up to each bound, in the bounds' order.
    pub fn cumulative(&self) -> impl Iterator<Item = u64> {
        let below = self.counts.len().saturating_sub(1);
        self.counts[..below].iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        })
    }

    /// The least bound that at least this part of the values keeps to, and infinity where no bound does; `None` where there
    /// are no values.
    pub fn quantile(&self, part: f64, bounds: &[f64]) -> Option<f64> {
        let count = self.count();
        let wanted = (part * count as f64).ceil() as u64;
        let reached = self.cumulative().position(|below| below >= wanted);
        (count > 0).then(|| reached.and_then(|place| bounds.get(place).copied()).unwrap_or(f64::INFINITY))
    }

    /// How many values are for certain above a limit: those above the first bound that is not below it.
    pub fn above(&self, limit: f64, bounds: &[f64]) -> u64 {
        let first = bounds.partition_point(|&bound| bound < limit);
        self.counts.iter().skip(first + 1).sum()
    }

    /// Both together.
    pub fn plus(mut self, other: &Self) -> Self {
        self.counts.resize(self.counts.len().max(other.counts.len()), 0);
        self.counts.iter_mut().zip(&other.counts).for_each(|(total, count)| *total += count);
        Self { sum: self.sum + other.sum, ..self }
    }

    /// What came since an earlier moment.
    pub fn since(&self, earlier: &Self) -> Self {
        let before = earlier.counts.iter().copied().chain(std::iter::repeat(0));
        let counts = self.counts.iter().zip(before).map(|(now, before)| now.saturating_sub(before)).collect();
        Self { counts, sum: self.sum.saturating_sub(earlier.sum) }
    }
}

fn units(value: f64) -> u64 {
    (value * UNITS).round() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{DURATION_BOUNDS_S, OVERLAP_BOUNDS, Spread, units};

    proptest! {
        /// Against the values themselves: a quantile is the first bound that as many keep to; what is above is above.
        #[test]
        fn a_spread_tells_what_the_values_do(values in prop::collection::vec(0..3_000_000_000_u64, 0..60), part in 0.01..=1.0_f64) {
            let spread = Spread::new(DURATION_BOUNDS_S);
            values.iter().for_each(|value| spread.record(*value));
            let totals = spread.totals();
            let below = |bound: f64| values.iter().filter(|value| **value <= units(bound)).count();
            let wanted = (part * values.len() as f64).ceil() as usize;
            let bound = DURATION_BOUNDS_S.iter().copied().find(|bound| below(*bound) >= wanted).unwrap_or(f64::INFINITY);
            prop_assert_eq!(totals.quantile(part, DURATION_BOUNDS_S), (!values.is_empty()).then_some(bound));
            prop_assert_eq!((totals.count(), totals.sum_billionths()), (values.len() as u64, values.iter().sum::<u64>()));
            for &limit in DURATION_BOUNDS_S {
                prop_assert_eq!(totals.above(limit, DURATION_BOUNDS_S), (values.len() - below(limit)) as u64);
            }
        }
    }

    #[test]
    fn a_limit_between_bounds_counts_what_is_above_it_for_certain() {
        let spread = Spread::new(DURATION_BOUNDS_S);
        [1_200_000, 1_250_000, 1_400_000].into_iter().for_each(|value| spread.record(value));
        // 1.1 ms lies between 1 and 1.3: of what is up to 1.3, nothing is known.
        let above = |limit| spread.totals().above(limit, DURATION_BOUNDS_S);
        assert_eq!((above(0.001), above(0.001_1), above(0.001_3), above(2.0)), (3, 1, 1, 0));
    }

    #[test]
    fn moments_subtract_and_the_whole_is_above_nothing() {
        let spread = Spread::new(OVERLAP_BOUNDS);
        spread.record(units(0.25));
        let before = spread.totals();
        spread.record(units(1.0));
        let since = spread.totals().since(&before);
        assert_eq!((since.count(), since.mean(), before.mean()), (1, Some(1.0), Some(0.25)));
        assert_eq!(before.since(&before).mean(), None);
        assert_eq!(spread.totals(), before.plus(&since));
    }
}
