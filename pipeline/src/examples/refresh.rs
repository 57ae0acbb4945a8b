//! When contexts are refreshed: what a request could have known at its time.
//!
//! A refresh sees only what came strictly before it. Nothing else decides what a context may hold, so nothing else can leak.

use std::ops::Range;

use crate::decay::US_PER_DAY;
use crate::examples::{AsOf, Examples};

/// Days between two refreshes, unless asked otherwise.
pub const REFRESH_DAYS: f64 = 7.0;

/// How contexts are refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// Microseconds from one refresh to the next. Refreshes lie at whole multiples of it since 1970, whatever the log.
    period_us: i64,
    /// How old what a refresh sees is.
    pub freshness: Freshness,
}

/// How old what a refresh sees is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Freshness {
    /// Everything before the refresh.
    #[default]
    Fresh,
    /// Everything until so many microseconds before the refresh: what a forgotten refresh would serve.
    Stale(i64),
    /// Nothing.
    Empty,
}

impl Freshness {
    /// Stale by days.
    pub fn stale_days(days: f64) -> Self {
        Self::Stale((days * US_PER_DAY) as i64)
    }
}

impl Refresh {
    /// Fresh refreshes every so many days.
    pub fn every_days(days: f64) -> Self {
        // A microsecond at least: no time passes between two refreshes otherwise.
        Self { period_us: ((days * US_PER_DAY) as i64).max(1), freshness: Freshness::Fresh }
    }

    /// The same refreshes of other data.
    #[must_use]
    pub fn with(self, freshness: Freshness) -> Self {
        Self { freshness, ..self }
    }

    /// The refresh that serves a request at a time: the last one not after it.
    pub fn start_us(&self, time_us: i64) -> i64 {
        time_us.saturating_sub(time_us.rem_euclid(self.period_us))
    }

    /// The end of what the refresh at `start_us` sees: only what came strictly before counts.
    pub fn sees_until_us(&self, start_us: i64) -> i64 {
        match self.freshness {
            Freshness::Fresh => start_us,
            Freshness::Stale(age_us) => start_us.saturating_sub(age_us),
            Freshness::Empty => i64::MIN,
        }
    }

    /// Walks examples in order of time, refresh by refresh, with the counts as each refresh sees them.
    ///
    /// # Errors
    /// Those of `visit`, which ends the walk.
    pub fn walk<E>(
        &self,
        (examples, range): (&Examples, Range<usize>),
        as_of: &mut AsOf<'_>,
        mut visit: impl FnMut(&AsOf<'_>, Range<usize>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut from = range.start;
        while from < range.end {
            let start_us = self.start_us(examples.get(from).time_us);
            let to = examples.place_at(start_us.saturating_add(self.period_us)).clamp(from + 1, range.end);
            as_of.advance(self.sees_until_us(start_us));
            visit(as_of, from..to)?;
            from = to;
        }
        Ok(())
    }
}

impl Default for Refresh {
    fn default() -> Self {
        Self::every_days(REFRESH_DAYS)
    }
}
