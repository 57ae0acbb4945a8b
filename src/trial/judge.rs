//! Whether a canary keeps to its bounds, from counts alone; it must never look at a clock or change anything.
//!
//! A bound is left only where chance does not explain it: a share counts as above its bound once it is three standard
//! errors above, of its own and of what it is compared with.

use super::spread::DURATION_BOUNDS_S;
use super::tally::ArmTotals;
use crate::config;

/// Standard errors that must lie between a share and its bound. Looks are many, and one that is wrong takes a good release
/// away for good.
const ERRORS_MIN: f64 = 3.0;
/// The part of the answers whose time is judged, and the part that may take longer.
const LATENCY_PART: f64 = 0.99;

/// The bounds of canaries, as configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// Answers of either release below which nothing is compared.
    samples_min: u64,
    fallback: f64,
    degraded: f64,
    errors: f64,
    latency_ratio: f64,
    latency_floor_s: f64,
}

/// A bound that a canary can leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Bound {
    /// The share of answers from elsewhere than the table.
    Fallback,
    /// The share of answers that the model should have given.
    Degraded,
    /// The share of answers that came too late, or not at all.
    Errors,
    /// The time to an answer.
    Latency,
}

/// A bound that a canary has left, and how far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Which.
    pub bound: Bound,
    /// What was expected, and what came.
    pub text: String,
}

/// Some of several.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    some: u64,
    all: u64,
}

impl Bounds {
    /// As configured.
    pub fn new(config: &config::Canary) -> Self {
        Self {
            samples_min: config.samples_min,
            fallback: config.fallback_excess_max,
            degraded: config.degraded_excess_max,
            errors: config.error_excess_max,
            latency_ratio: config.latency_percent_max as f64 / 100.0,
            latency_floor_s: config.latency_floor_us as f64 / 1e6,
        }
    }

    /// Whether the canary answered often enough to be judged.
    pub fn is_enough(&self, trial: &ArmTotals) -> bool {
        trial.answers() + trial.errors >= self.samples_min
    }

    /// The first bound that the canary has left, if it has left any.
    pub fn judge(&self, current: &ArmTotals, trial: &ArmTotals) -> Option<Breach> {
        let both = [current, trial];
        if !self.is_enough(trial) {
            return None;
        }
        self.excess(Bound::Errors, both.map(errors), self.errors)
            .or_else(|| self.excess(Bound::Degraded, both.map(degraded), self.degraded))
            .or_else(|| self.excess(Bound::Fallback, both.map(fallback), self.fallback))
            .or_else(|| self.latency(current, trial))
    }

    /// Where nearly all callers are the canary's, there is nothing to compare a share with, and it may be no more than its
    /// excess; but how many answers the table gives is then unknown.
    fn excess(&self, bound: Bound, [current, trial]: [Part; 2], excess_max: f64) -> Option<Breach> {
        let current = if current.all < self.samples_min { Part { some: 0, all: 0 } } else { current };
        if bound == Bound::Fallback && current.all == 0 {
            return None;
        }
        trial.is_above(current, excess_max).then(|| Breach { bound, text: told(bound, [current, trial], excess_max) })
    }

    fn latency(&self, current: &ArmTotals, trial: &ArmTotals) -> Option<Breach> {
        let (compared, timed) = (current.durations.count(), trial.durations.count());
        if compared < self.samples_min || timed < self.samples_min {
            return None;
        }
        let usual_s = current.durations.quantile(LATENCY_PART, DURATION_BOUNDS_S)?;
        let limit_s = (usual_s * self.latency_ratio).max(self.latency_floor_s);
        let slow = Part { some: trial.durations.above(limit_s, DURATION_BOUNDS_S), all: timed };
        let text = || {
            format!(
                "{slow} of its answers took longer than {} us, expected at most 1 %: the current release's 99th percentile \
                 is {} us (canary.latency_percent_max, canary.latency_floor_us)",
                micros(limit_s),
                micros(usual_s)
            )
        };
        slow.is_above(Part { some: 0, all: 0 }, 1.0 - LATENCY_PART)
            .then(|| Breach { bound: Bound::Latency, text: text() })
    }
}

impl Part {
    /// Whether it is more than an excess above another, by more than chance. Of nothing, the share is zero and certain.
    fn is_above(self, other: Self, excess: f64) -> bool {
        let error = (self.variance() + other.variance()).sqrt();
        self.share() - other.share() - excess > ERRORS_MIN * error
    }

    fn share(self) -> f64 {
        if self.all == 0 { 0.0 } else { self.some as f64 / self.all as f64 }
    }

    /// The variance of the share, with one of each added so that it is never zero.
    fn variance(self) -> f64 {
        if self.all == 0 {
            return 0.0;
        }
        let share = (self.some as f64 + 1.0) / (self.all as f64 + 2.0);
        share * (1.0 - share) / (self.all as f64 + 2.0)
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} of {} ({:.2} %)", self.some, self.all, 100.0 * self.share())
    }
}

impl Bound {
    /// Every bound, in the order of its discriminant.
    pub const ALL: [Self; 4] = [Self::Fallback, Self::Degraded, Self::Errors, Self::Latency];

    /// The word for it in reasons and metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Fallback => "fallback",
            Self::Degraded => "degraded",
            Self::Errors => "errors",
            Self::Latency => "latency",
        }
    }

    /// What is counted, and the key that bounds it.
    const fn counted(self) -> (&'static str, &'static str) {
        match self {
            Self::Fallback => ("were not from the table", "canary.fallback_excess_max"),
            Self::Degraded => ("were the model's to give and another rung's", "canary.degraded_excess_max"),
            Self::Errors => ("came too late or for nobody", "canary.error_excess_max"),
            Self::Latency => ("were slow", "canary.latency_percent_max"),
        }
    }
}

fn errors(arm: &ArmTotals) -> Part {
    Part { some: arm.errors, all: arm.answers() + arm.errors }
}

fn degraded(arm: &ArmTotals) -> Part {
    Part { some: arm.degraded, all: arm.answers() }
}

fn fallback(arm: &ArmTotals) -> Part {
    let table = arm.sources[crate::answer::Source::Table as usize];
    Part { some: arm.answers() - table.min(arm.answers()), all: arm.answers() }
}

fn told(bound: Bound, [current, trial]: [Part; 2], excess_max: f64) -> String {
    let (counted, key) = bound.counted();
    format!(
        "{trial} of its answers {counted}, and {current} of the current release's; expected at most {:.2} points more ({key})",
        100.0 * excess_max
    )
}

fn micros(seconds: f64) -> f64 {
    (seconds * 1e6).round()
}

#[cfg(test)]
mod tests;
