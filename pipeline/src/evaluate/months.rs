//! The calendar months, in UTC, that are asked about: from the third of the log on, each with enough requests.
//!
//! A request belongs to the month of what came next. The first two months only fill the first tables.

use std::ops::Range;

use chrono::{NaiveDate, NaiveTime};

use crate::drift::Period;
use crate::drift::days::lot;
use crate::examples::{Example, Examples};

/// Months at the start of a log that are not asked about.
pub const MONTHS_UNASKED: i32 = 2;

/// The months of a log.
#[derive(Clone, Debug, Default)]
pub struct Months {
    /// Those that are asked about, ascending.
    pub asked: Vec<Month>,
    /// Those from the third on that have too few requests, with how many they have.
    pub left_out: Vec<(String, usize)>,
    /// The share of users whose requests are asked: all, unless a month has too many.
    users_share: f64,
}

/// How many requests a month may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// A month with fewer is left out.
    pub min: usize,
    /// Where a month has more, only a share of the users is asked, the same in all months.
    pub max: usize,
}

/// One month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Month {
    /// Such as `2011-03`.
    pub name: String,
    /// Its first moment, in microseconds since 1970.
    pub start_us: i64,
    /// The places of its examples; those of the users asked are requests.
    pub range: Range<usize>,
    /// How many requests it has.
    pub requests: usize,
    /// The places of the month's before.
    pub before: Range<usize>,
}

impl Months {
    /// The months of examples.
    pub fn new(examples: &Examples, bounds: Bounds) -> Self {
        let Some(last) = examples.len().checked_sub(1) else { return Self::default() };
        let number = |at: usize| Period::Month.of(examples.get(at).time_us);
        let months = (number(0) + MONTHS_UNASKED..=number(last)).map(|number| Month::new(examples, number));
        let (asked, few): (Vec<_>, Vec<_>) = months.partition(|month| month.range.len() >= bounds.min.max(1));
        let largest = asked.iter().map(|month| month.range.len()).max().unwrap_or_default();
        let left_out = few.into_iter().map(|month| (month.name, month.range.len())).collect();
        let users_share = (bounds.max as f64 / largest.max(1) as f64).min(1.0);
        let mut months = Self { asked: Vec::new(), left_out, users_share };
        months.asked = asked.into_iter().map(|month| months.counted(examples, month)).collect();
        months
    }

    /// How many requests all months have.
    pub fn requests(&self) -> usize {
        self.asked.iter().map(|month| month.requests).sum()
    }

    /// Whether an example is a request: its user is one of those asked.
    pub fn asks(&self, example: &Example<'_>) -> bool {
        f64::from(lot(example.user, 0)) <= self.users_share * f64::from(u32::MAX)
    }

    fn counted(&self, examples: &Examples, month: Month) -> Month {
        let requests = examples.iter(month.range.clone()).filter(|example| self.asks(example)).count();
        Month { requests, ..month }
    }
}

impl Month {
    fn new(examples: &Examples, number: i32) -> Self {
        let place = |number: i32| examples.place_at(start_us(number));
        Self {
            name: Period::Month.name(number),
            start_us: start_us(number),
            range: place(number)..place(number + 1),
            requests: 0,
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
        let months = Months::new(&examples(&[3, 40, 59, 89, 120, 150]), Bounds { min: 2, max: 9 });
        let found: Vec<_> = months.asked.iter().map(|month| (month.name.as_str(), month.range.clone())).collect();
        assert_eq!(found, [("1970-03", 2..4), ("1970-05", 4..6)]);
        assert_eq!(months.asked[0].before, 1..2);
        assert_eq!(months.asked[1].before, 4..4);
        assert_eq!(months.left_out, [("1970-04".to_owned(), 0)]);
        assert_eq!(months.asked[0].start_us, 59 * 86_400_000_000);
        assert_eq!(months.requests(), 4);
        assert!(Months::new(&examples(&[]), Bounds { min: 1, max: 9 }).asked.is_empty());
    }

    #[test]
    fn too_many_requests_leave_a_share_of_the_users() {
        let days: Vec<i64> = [vec![3], vec![70; 1000], vec![100; 500]].concat();
        let examples = examples(&days);
        let months = Months::new(&examples, Bounds { min: 1, max: 200 });
        let requests: Vec<usize> = months.asked.iter().map(|month| month.requests).collect();
        // A fifth of the users, whoever they are.
        assert!(requests[0].abs_diff(200) < 40 && requests[1].abs_diff(100) < 30, "{requests:?}");
        let asked = |month: &Month| examples.iter(month.range.clone()).filter(|one| months.asks(one)).count();
        assert_eq!(months.asked.iter().map(asked).collect::<Vec<_>>(), requests);
    }
}
