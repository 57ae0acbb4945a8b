//! How much an old event still counts.
//!
//! Weights are whole numbers of a fixed small unit, because sums of integers do not depend on their order: the same log in another order
//! must give the same bytes. Ages are whole days, so that counts kept by day fade to the very sums that a whole log gives.

/// What one event on the last day of the log weighs. A single event is still seen after 24 half-lives.
pub const WEIGHT_ONE: u64 = 1 << 24;

/// Microseconds in a day.
pub const US_PER_DAY: f64 = 86_400e6;

/// The UTC day of a time in microseconds since 1970, in days since 1970.
pub const fn day(time_us: i64) -> i32 {
    // Every time in microseconds is within 107 million days of 1970.
    time_us.div_euclid(86_400_000_000) as i32
}

/// Halves the weight of events with every half-life of age, or leaves all alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decay {
    last_day: i32,
    half_life_days: Option<f64>,
}

impl Decay {
    /// Ages are counted back from the UTC day of `last_us`, the time of the log's last event.
    pub fn new(last_us: i64, half_life_days: Option<f64>) -> Self {
        Self::from_day(day(last_us), half_life_days)
    }

    /// Ages are counted back from `last_day`, in days since 1970.
    pub fn from_day(last_day: i32, half_life_days: Option<f64>) -> Self {
        Self { last_day, half_life_days }
    }

    /// After how many days an event counts half; `None` when all count alike.
    pub fn half_life_days(&self) -> Option<f64> {
        self.half_life_days
    }

    /// The weight of an event at a time.
    pub fn weight(&self, time_us: i64) -> u64 {
        self.weight_of_day(day(time_us))
    }

    /// The weight of an event of a day, at least one unit: an event may fade but not vanish, for its history is in the table.
    pub fn weight_of_day(&self, day: i32) -> u64 {
        let Some(half_life_days) = self.half_life_days else { return WEIGHT_ONE };
        let age_days = f64::from(self.last_day) - f64::from(day);
        (WEIGHT_ONE as f64 * (-age_days / half_life_days).exp2()).round().max(1.0) as u64
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
        let weight = |days: f64| decay.weight((days * US_PER_DAY) as i64);
        assert_eq!((weight(10.0), weight(8.0), weight(6.0)), (WEIGHT_ONE, WEIGHT_ONE / 2, WEIGHT_ONE / 4));
        assert_eq!(weight(-1000.0), 1);
        assert_eq!(Decay::new(0, None).weight(i64::MIN), WEIGHT_ONE);
    }

    #[test]
    fn all_of_a_utc_day_weighs_alike() {
        let cases = [(0, 0), (86_399_999_999, 0), (86_400_000_000, 1), (-1, -1), (-86_400_000_000, -1)];
        for (time_us, expected) in cases {
            assert_eq!(day(time_us), expected, "{time_us}");
        }
        let decay = Decay::new(86_400_000_000, Some(1.0));
        assert_eq!((decay.weight(0), decay.weight(86_399_999_999)), (WEIGHT_ONE / 2, WEIGHT_ONE / 2));
        assert_eq!(Decay::new(i64::MAX, Some(1.0)).weight(i64::MIN), 1);
    }
}
