//! The calendar months, in UTC, that are asked about: from the third of the log on, each with enough requests.
//!
//! A request belongs to the month of what came next. The first two months only fill the first tables.

use std::ops::Range;

use chrono::{NaiveDate, NaiveTime};

use crate::drift::Period;
use crate::examples::Examples;

/// Months at the start of a log that are not asked about.
pub const MONTHS_UNASKED: i32 = 2;

/// The months of a log.
#[derive(Clone, Debug, Default)]
pub struct Months {
    /// Those that are asked about, ascending.
    pub asked: Vec<Month>,
    /// Those from the third on that have too few requests, with how many they have.
    pub left_out: Vec<(String, usize)>,
}

/// One month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Month {
    /// Such as `2011-03`.
    pub name: String,
    /// Its first moment, in microseconds since 1970.
    pub start_us: i64,
    /// The places of its requests among the examples.
    pub range: Range<usize>,
    /// The places of the month's before.
    pub before: Range<usize>,
}

impl Months {
    /// The months of examples.
    pub fn new(examples: &Examples, requests_min: usize) -> Self {
        let Some(last) = examples.len().checked_sub(1) else { return Self::default() };
        let number = |at: usize| Period::Month.of(examples.get(at).time_us);
        let months = (number(0) + MONTHS_UNASKED..=number(last)).map(|number| Month::new(examples, number));
        let (asked, few): (Vec<_>, Vec<_>) = months.partition(|month| month.range.len() >= requests_min.max(1));
        Self { asked, left_out: few.into_iter().map(|month| (month.name, month.range.len())).collect() }
    }

    /// The places of all requests, in order.
    pub fn requests(&self) -> usize {
        self.asked.iter().map(|month| month.range.len()).sum()
    }
}

impl Month {
    fn new(examples: &Examples, number: i32) -> Self {
        let place = |number: i32| examples.place_at(start_us(number));
        Self {
            name: Period::Month.name(number),
            start_us: start_us(number),
            range: place(number)..place(number + 1),
            before: place(number - 1)..place(number),
        }
    }
}

/// When a month begins; the end of time for one that no calendar has.
fn start_us(number: i32) -> i64 {
    let month = number.rem_euclid(12).cast_unsigned() + 1;
    let first = NaiveDate::from_ymd_opt(number.div_euclid(12), month, 1);
    first.map_or(i64::MAX, |day| day.and_time(NaiveTime::MIN).and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::examples::{ExampleRules, Log};

    /// An example at noon of each of these days since 1970.
    fn examples(days: &[i64]) -> Examples {
        let event = |(user, day): (u32, &i64)| {
            [0, 1].map(|at| Event { user, cluster: at, time_us: (day * 24 + 12) * 3_600_000_000 + i64::from(at) })
        };
        let events = (0..).zip(days).flat_map(event).collect();
        Examples::new(&Log { events, clusters: 2 }, &ExampleRules::default())
    }

    #[test]
    fn months_begin_with_the_third_and_need_enough() {
        // January, February, two in March, none in April, one on the first and one on the last of May.
        let months = Months::new(&examples(&[3, 40, 59, 89, 120, 150]), 2);
        let found: Vec<_> = months.asked.iter().map(|month| (month.name.as_str(), month.range.clone())).collect();
        assert_eq!(found, [("1970-03", 2..4), ("1970-05", 4..6)]);
        assert_eq!(months.asked[0].before, 1..2);
        assert_eq!(months.asked[1].before, 4..4);
        assert_eq!(months.left_out, [("1970-04".to_owned(), 0)]);
        assert_eq!(months.asked[0].start_us, 59 * 86_400_000_000);
        assert!(Months::new(&examples(&[]), 1).asked.is_empty());
    }
}
