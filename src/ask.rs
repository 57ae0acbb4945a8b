//! A question, as both doors read it, and the check that turns it into one that can be answered.
//!
//! Every limit on what a caller may send stands here; nothing is cut silently.

use std::time::Duration;

mod unit;

pub use unit::Unit;

use crate::config;
use crate::error::Error;
use crate::snapshot::live::{Lot, Seed};
use crate::snapshot::table::Score;

/// A question as it came: from JSON, a query string or a gRPC message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Question {
    /// The user's recent cluster ids, oldest first, most recent last.
    pub history: Vec<u32>,
    /// How many candidates are wanted; the configured default if absent.
    pub limit: Option<u64>,
    /// Cluster ids that must not come back.
    pub exclude: Vec<u32>,
    /// Novel clusters only: none of the history's own.
    pub exclude_history: bool,
    /// Lowest score wanted.
    pub min_score: Option<f32>,
    /// Whether each candidate carries its cluster's name.
    pub names: bool,
    /// The caller's deadline, from when the request came; the configured default if absent.
    pub timeout_ms: Option<u64>,
    /// The caller's stable key, by which a canary is chosen; the history if absent.
    pub unit: Option<Unit>,
}

/// A question that can be answered: every limit kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The user's recent cluster ids, oldest first, most recent last.
    pub history: Vec<u32>,
    /// Most candidates to give, at least 1.
    pub limit: usize,
    /// Cluster ids that must not come back, ascending.
    pub exclude: Vec<u32>,
    /// Novel clusters only: none of the history's own.
    pub exclude_history: bool,
    /// Lowest score to give.
    pub min_score: Score,
    /// Whether each candidate carries its cluster's name.
    pub names: bool,
    /// The caller's stable key, where it has one.
    pub unit: Option<Unit>,
}

/// What a caller may ask for at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskLimits {
    /// Clusters in a history.
    pub history_max: usize,
    /// Clusters excluded by name.
    pub exclude_max: usize,
    /// Candidates where the question names no limit.
    pub limit_default: usize,
    /// Candidates.
    pub limit_max: usize,
    /// Questions in a batch.
    pub batch_max: usize,
    /// Bytes of a unit.
    pub unit_bytes_max: usize,
    /// Time for a request that names none.
    pub deadline_default: Duration,
    /// Time for any request: a longer wish is shortened to it.
    pub deadline_max: Duration,
}

impl From<&config::Request> for AskLimits {
    fn from(request: &config::Request) -> Self {
        Self {
            history_max: request.history_max,
            exclude_max: request.exclude_max,
            limit_default: request.limit_default,
            limit_max: request.limit_max,
            batch_max: request.batch_max,
            unit_bytes_max: request.unit_bytes_max,
            deadline_default: request.deadline_default,
            deadline_max: request.deadline_max,
        }
    }
}

impl Default for Ask {
    fn default() -> Self {
        let (history, exclude) = (Vec::new(), Vec::new());
        Self { history, limit: 1, exclude, exclude_history: false, min_score: Score(0), names: false, unit: None }
    }
}

impl Question {
    /// Checks the question against the limits.
    pub fn check(self, limits: &AskLimits) -> Result<Ask, Error> {
        list_within("history", &self.history, limits.history_max)?;
        list_within("exclude", &self.exclude, limits.exclude_max)?;
        let mut exclude = self.exclude;
        exclude.sort_unstable();
        Ok(Ask {
            history: self.history,
            limit: limit_within(self.limit, limits)?,
            exclude,
            exclude_history: self.exclude_history,
            min_score: floor(self.min_score.unwrap_or(0.0))?,
            names: self.names,
            unit: unit_within(self.unit, limits)?,
        })
    }
}

impl Ask {
    /// The caller's lot in a trial: by its unit or, where it has none, by its history.
    pub fn lot(&self, seed: Seed) -> Lot {
        match &self.unit {
            Some(unit) => Lot::of(unit.as_bytes(), seed),
            None => Lot::of_ids(&self.history, seed),
        }
    }
}

impl AskLimits {
    /// The time a request gets: what it asks for, at most the configured maximum.
    pub fn deadline(&self, asked: Option<Duration>) -> Duration {
        asked.unwrap_or(self.deadline_default).min(self.deadline_max)
    }

    /// Checks the size of a batch.
    pub fn check_batch<T>(&self, questions: &[T]) -> Result<(), Error> {
        list_within("requests", questions, self.batch_max)
    }
}

fn list_within<T>(field: &'static str, list: &[T], max: usize) -> Result<(), Error> {
    if list.len() <= max { Ok(()) } else { Err(Error::ListTooLong { field, max, got: list.len() }) }
}

fn limit_within(asked: Option<u64>, limits: &AskLimits) -> Result<usize, Error> {
    let max = limits.limit_max;
    match asked {
        None => Ok(limits.limit_default),
        Some(got) => match usize::try_from(got) {
            Ok(limit) if (1..=max).contains(&limit) => Ok(limit),
            _ => Err(Error::LimitOutOfRange { max, got }),
        },
    }
}

/// An empty unit is none: callers who all send it are not one caller.
fn unit_within(unit: Option<Unit>, limits: &AskLimits) -> Result<Option<Unit>, Error> {
    let unit = unit.filter(|unit| !unit.as_bytes().is_empty());
    let (max, got) = (limits.unit_bytes_max, unit.as_ref().map_or(0, |unit| unit.as_bytes().len()));
    if got <= max { Ok(unit) } else { Err(Error::UnitTooLong { max, got }) }
}

fn floor(min_score: f32) -> Result<Score, Error> {
    Score::nearest(min_score).ok_or(Error::MinScoreOutOfRange { got: min_score })
}

#[cfg(test)]
mod tests {
    use super::{AskLimits, Question};
    use crate::error::Error;
    use std::time::Duration;

    const LIMITS: AskLimits = AskLimits {
        history_max: 3,
        exclude_max: 2,
        limit_default: 10,
        limit_max: 20,
        batch_max: 2,
        unit_bytes_max: 4,
        deadline_default: Duration::from_millis(100),
        deadline_max: Duration::from_millis(500),
    };

    #[test]
    fn every_limit_is_kept() {
        let question = |limit, history: &[u32], exclude: &[u32], min_score| Question {
            limit,
            history: history.to_vec(),
            exclude: exclude.to_vec(),
            min_score,
            ..Question::default()
        };
        let rows = [
            (question(None, &[1, 2, 3], &[2, 1], None), Ok(10)),
            (question(Some(20), &[], &[], Some(1.0)), Ok(20)),
            (question(Some(0), &[], &[], None), Err(Error::LimitOutOfRange { max: 20, got: 0 })),
            (question(Some(21), &[], &[], None), Err(Error::LimitOutOfRange { max: 20, got: 21 })),
            (question(None, &[1; 4], &[], None), Err(Error::ListTooLong { field: "history", max: 3, got: 4 })),
            (question(None, &[], &[1; 3], None), Err(Error::ListTooLong { field: "exclude", max: 2, got: 3 })),
            (question(None, &[], &[], Some(1.5)), Err(Error::MinScoreOutOfRange { got: 1.5 })),
        ];
        for (asked, expected) in rows {
            assert_eq!(asked.clone().check(&LIMITS).map(|ask| ask.limit), expected, "{asked:?}");
        }
        assert_eq!(LIMITS.check_batch(&[(); 3]), Err(Error::ListTooLong { field: "requests", max: 2, got: 3 }));
        assert_eq!(LIMITS.deadline(None), Duration::from_millis(100));
        assert_eq!(LIMITS.deadline(Some(Duration::from_secs(9))), Duration::from_millis(500));
    }
}
