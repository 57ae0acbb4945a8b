//! The split by time: a model is judged only on what came after all that it was trained and chosen on.
//!
//! Users are not kept apart: a user who comes back is what the service will meet too.

use std::ops::Range;

use crate::decay::US_PER_DAY;
use crate::examples::Examples;

/// How much of the end of the log is held out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Holdout {
    /// The last so many days.
    Days(f64),
    /// The last share of the examples, from 0 to 1, from the next new time on.
    Share(f64),
}

/// Three stretches of the examples, by their places in the order of time. No time stands in two of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// To learn from.
    pub train: Range<usize>,
    /// To choose by: when to stop, which settings.
    pub validation: Range<usize>,
    /// To report on, once.
    pub test: Range<usize>,
}

/// Why a log cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no example of {examples} is left {what}; hold out less, or give a longer log")]
pub struct SplitError {
    what: &'static str,
    examples: usize,
}

impl Split {
    /// Holds out the end of the log to test on, and the end of what is left to validate on.
    ///
    /// # Errors
    /// When a part that is asked for has no example.
    pub fn new(examples: &Examples, validation: Holdout, test: Holdout) -> Result<Self, SplitError> {
        let test_from = test.begins(examples, examples.len());
        let train_to = validation.begins(examples, test_from);
        let parts = [
            (0..train_to, true, "to train on"),
            (train_to..test_from, validation.wanted(), "to validate on"),
            (test_from..examples.len(), test.wanted(), "to test on"),
        ];
        if let Some((_, _, what)) = parts.iter().find(|(part, wanted, _)| *wanted && part.is_empty()) {
            return Err(SplitError { what, examples: examples.len() });
        }
        let [train, validation, test] = parts.map(|(part, _, _)| part);
        Ok(Self { train, validation, test })
    }
}

impl Holdout {
    fn wanted(self) -> bool {
        match self {
            Self::Days(amount) | Self::Share(amount) => amount > 0.0,
        }
    }

    /// Where the held out end of the first `to` examples begins.
    fn begins(self, examples: &Examples, to: usize) -> usize {
        let Some(last) = to.checked_sub(1).filter(|_| self.wanted()) else { return to };
        let from = match self {
            // The first microsecond after the whole days before it, so that one day holds out one day.
            Self::Days(days) => examples.get(last).time_us.saturating_sub((days * US_PER_DAY) as i64).saturating_add(1),
            Self::Share(share) => examples.get(to - ((to as f64 * share).round() as usize).clamp(1, to)).time_us,
        };
        examples.place_at(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::examples::{ExampleRules, Log};

    const DAY_US: i64 = US_PER_DAY as i64;

    /// One example at the end of each of the days given.
    fn examples(days: &[i64]) -> Examples {
        let event = |(user, day): (u32, &i64)| {
            [(0, 0), (1, DAY_US)].map(|(cluster, us)| Event { user, cluster, time_us: (day - 1) * DAY_US + us })
        };
        let events = (0..).zip(days).flat_map(event).collect();
        Examples::new(&Log { events, clusters: 2 }, &ExampleRules::default())
    }

    #[track_caller]
    fn check(days: &[i64], validation: Holdout, test: Holdout, expected: Option<[usize; 3]>) {
        let split = Split::new(&examples(days), validation, test).ok();
        let [train, validation, test] = expected.unwrap_or_default();
        let expected = expected.map(|_| Split {
            train: 0..train,
            validation: train..train + validation,
            test: train + validation..train + validation + test,
        });
        assert_eq!(split, expected);
    }

    #[test]
    fn the_end_is_held_out_by_days_or_by_share() {
        use Holdout::{Days, Share};
        let days: Vec<i64> = (1..=10).collect();
        check(&days, Days(2.0), Days(3.0), Some([5, 2, 3]));
        check(&days, Share(0.25), Share(0.2), Some([6, 2, 2]));
        check(&days, Days(0.0), Share(0.2), Some([8, 0, 2]));
        check(&days, Share(0.0), Days(0.0), Some([10, 0, 0]));
        check(&days, Days(8.0), Days(3.0), None);
        check(&[], Days(1.0), Days(1.0), None);
    }

    #[test]
    fn one_time_stands_on_one_side() {
        use Holdout::{Days, Share};
        check(&[1, 2, 3, 3, 3, 3], Days(0.0), Share(0.2), Some([2, 0, 4]));
        check(&[1, 2, 2, 2, 3, 3], Share(0.3), Days(1.0), Some([1, 3, 2]));
        // The validation gets what is left of its own time, which is all of it, and training nothing.
        check(&[2, 2, 2, 3], Share(0.1), Days(1.0), None);
    }

    #[test]
    fn a_log_too_short_says_what_is_missing() {
        let error = Split::new(&examples(&[1, 2]), Holdout::Days(5.0), Holdout::Days(1.0)).unwrap_err();
        assert_eq!(error.to_string(), "no example of 2 is left to train on; hold out less, or give a longer log");
    }
}
