//! How much an old event still counts.
//!
//! Weights are whole numbers of a fixed small unit, because sums of integers do not depend on their order: the same log in another order
//! must give the same bytes.

/// What one event at the end of the log weighs. A single event is still seen after 24 half-lives.
pub const WEIGHT_ONE: u64 = 1 << 24;

/// Microseconds in a day.
pub const US_PER_DAY: f64 = 86_400e6;

/// Halves the weight of events with every half-life of age, or leaves all alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decay {
    last_us: i64,
    half_life_us: Option<f64>,
}

impl Decay {
    /// Ages are counted back from `last_us`, the time of the log's last event.
    pub fn new(last_us: i64, half_life_days: Option<f64>) -> Self {
        Self { last_us, half_life_us: half_life_days.map(|days| days * US_PER_DAY) }
    }

    /// The weight of an event, at least one unit: an event may fade but not vanish, for its history is in the table.
    pub fn weight(&self, time_us: i64) -> u64 {
        let Some(half_life_us) = self.half_life_us else { return WEIGHT_ONE };
        let age_us = self.last_us.saturating_sub(time_us) as f64;
        (WEIGHT_ONE as f64 * (-age_us / half_life_us).exp2()).round().max(1.0) as u64
    }
}

/// A sum of weights as a number of events.
pub fn events(weight: u64) -> f64 {
    weight as f64 / WEIGHT_ONE as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_with_each_half_life_and_never_reaches_zero() {
        let decay = Decay::new(10 * US_PER_DAY as i64, Some(2.0));
        let day = |days: f64| decay.weight((days * US_PER_DAY) as i64);
        assert_eq!((day(10.0), day(8.0), day(6.0)), (WEIGHT_ONE, WEIGHT_ONE / 2, WEIGHT_ONE / 4));
        assert_eq!(day(-1000.0), 1);
        assert_eq!(Decay::new(0, None).weight(i64::MIN), WEIGHT_ONE);
    }
}
