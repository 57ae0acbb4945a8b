//! Calendar months and weeks, in UTC; it must never depend on where the program runs.

use chrono::{DateTime, Datelike, Days, NaiveDate};

/// The spans of time that are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// Calendar months.
    #[default]
    Month,
    /// Weeks from Monday to Sunday.
    Week,
}

impl Period {
    /// The number of the period that a time in microseconds since 1970 lies in: ascending with time, without gaps.
    pub fn of(self, time_us: i64) -> i32 {
        let date = DateTime::from_timestamp_micros(time_us).unwrap_or_default().date_naive();
        match self {
            Self::Month => date.year() * 12 + date.month0().cast_signed(),
            Self::Week => date.num_days_from_ce().saturating_sub(1).div_euclid(7),
        }
    }

    /// What people call a period: `2011-03`, or the Monday `2011-03-07`.
    pub fn name(self, number: i32) -> String {
        match self {
            Self::Month => format!("{:04}-{:02}", number.div_euclid(12), number.rem_euclid(12) + 1),
            // The first day of the common era was a Monday.
            Self::Week => NaiveDate::from_num_days_from_ce_opt(number * 7 + 1).unwrap_or_default().to_string(),
        }
    }

    /// One of them.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Week => "week",
        }
    }
}

/// The date of a day, counted in days since 1970.
pub fn date_of_day(day: i32) -> String {
    let first = NaiveDate::default();
    let count = Days::new(u64::from(day.unsigned_abs()));
    let date = if day < 0 { first.checked_sub_days(count) } else { first.checked_add_days(count) };
    date.unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_US: i64 = 86_400_000_000;

    #[test]
    fn times_fall_into_their_periods() {
        // 2011-03-06 was a Sunday, the 15,039th day after 1970-01-01.
        let cases = [
            (15_039, "2011-03", "2011-02-28"),
            (15_040, "2011-03", "2011-03-07"),
            (15_065, "2011-04", "2011-03-28"),
            (0, "1970-01", "1969-12-29"),
            (-1, "1969-12", "1969-12-29"),
        ];
        for (day, month, week) in cases {
            for time_us in [day * DAY_US, (day + 1) * DAY_US - 1] {
                assert_eq!(Period::Month.name(Period::Month.of(time_us)), month, "{day}");
                assert_eq!(Period::Week.name(Period::Week.of(time_us)), week, "{day}");
            }
        }
    }

    #[test]
    fn periods_follow_without_gaps() {
        for period in [Period::Month, Period::Week] {
            let numbers: Vec<i32> = (0..800).map(|day| period.of(day * DAY_US)).collect();
            assert!(numbers.windows(2).all(|pair| (0..=1).contains(&(pair[1] - pair[0]))));
        }
    }

    #[test]
    fn days_have_dates() {
        assert_eq!([-1, 0, 15_040].map(date_of_day), ["1969-12-31", "1970-01-01", "2011-03-07"]);
    }
}
