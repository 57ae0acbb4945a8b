//! The table of gates: what each measures, where its limit lies, and how it puts a verdict.
//!
//! A gate that compares two contestants refuses only beyond doubt: where even the upper end of the difference's 95 % interval lies below
//! what is allowed. The other way round, a week with few requests would refuse every release.

use super::{Gate, Gates, Ruling, Verdict};
use crate::quality::Quality;

/// One gate's rule.
pub(super) struct Rule {
    /// Its name in the configuration.
    name: &'static str,
    gate: fn(&Gates) -> Gate,
    /// Its limit unless it is given.
    limit: f64,
    side: Side,
    /// What is compared with the limit; `None` where there is nothing.
    got: fn(&Quality) -> Option<f64>,
    /// What that is, in words.
    what: &'static str,
    /// What to do when it refuses.
    next: &'static str,
    /// Limits that make sense.
    allowed: (f64, f64),
}

/// On which side of its limit a figure must lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    AtLeast,
    AtMost,
    /// At least the limit below zero: a loss that is allowed.
    NoWorse,
}

/// The gates in the order of [`Gates`]'s fields.
pub(super) const RULES: [Rule; 8] = [
    Rule {
        name: "match_rate",
        gate: |gates| gates.match_rate,
        // The method halts a run below it.
        limit: 0.90,
        side: Side::AtLeast,
        got: |quality| quality.made.map(|made| made.match_rate),
        what: "the share of the model's candidates that the catalogue has",
        next: "is the model of this catalogue?",
        allowed: (0.0, 1.0),
    },
    Rule {
        name: "requests",
        gate: |gates| gates.requests,
        // A share of 0.2 is then known to within 0.08.
        limit: 100.0,
        side: Side::AtLeast,
        got: |quality| Some(quality.requests as f64),
        what: "held-out requests",
        next: "hold out more days, or wait for more events",
        allowed: (0.0, f64::INFINITY),
    },
    Rule {
        name: "recall",
        gate: |gates| gates.recall,
        // The method fails a run below it; its model gives one cluster, so that recall is hit@1.
        limit: 0.015,
        side: Side::AtLeast,
        got: |quality| measured(quality, quality.release.figures.measured.hit_1),
        what: "the share of held-out requests whose next cluster is ranked first",
        next: "look at the counts and the model behind it",
        allowed: (0.0, 1.0),
    },
    Rule {
        name: "popularity",
        gate: |gates| gates.popularity,
        limit: 0.0,
        side: Side::NoWorse,
        got: |quality| measured(quality, quality.over_popularity.high.hit_5),
        what: "the upper end of hit@5 less the popular list's",
        next: "histories say nothing here: look at the counts and the model",
        allowed: (0.0, 1.0),
    },
    Rule {
        name: "previous",
        gate: |gates| gates.previous,
        limit: 0.0,
        side: Side::NoWorse,
        got: |quality| quality.over_previous.map(|over| over.high.hit_5),
        what: "the upper end of hit@5 less the previous release's",
        next: "keep the previous release, and look at what changed: the window, the half-life, the model",
        allowed: (0.0, 1.0),
    },
    Rule {
        name: "coverage",
        gate: |gates| gates.coverage,
        // One cluster of history is enough to be covered: below this, histories and table hardly speak of the same clusters.
        limit: 0.90,
        side: Side::AtLeast,
        got: |quality| measured(quality, quality.release.coverage.measured),
        what: "the share of held-out requests that the table answers by any part of the history",
        next: "count more days, or lower the least number of users",
        allowed: (0.0, 1.0),
    },
    Rule {
        name: "shrink",
        gate: |gates| gates.shrink,
        // Half of the histories gone is half of a log gone, or a model that was left out.
        limit: 0.5,
        side: Side::AtLeast,
        got: |quality| quality.made.and_then(|made| Some(made.histories as f64 / made.previous_histories? as f64)),
        what: "histories, as a share of the previous release's",
        next: "is a part of the log missing, or the model?",
        allowed: (0.0, 1.0),
    },
    Rule {
        name: "bytes",
        gate: |gates| gates.bytes,
        // A table is held in memory twice during a swap.
        limit: 8e9,
        side: Side::AtMost,
        got: |quality| quality.made.map(|made| made.table_bytes as f64),
        what: "bytes of the table",
        next: "lower the depth or the width, or give the service more memory and the gate a higher limit",
        allowed: (0.0, f64::INFINITY),
    },
];

impl Rule {
    pub(super) fn judge(&self, quality: &Quality, gates: &Gates) -> Verdict {
        let gate = (self.gate)(gates);
        let limit = gate.limit.unwrap_or(self.limit);
        let got = (self.got)(quality);
        let ruling = match got {
            _ if !gate.on => Ruling::Off,
            None => Ruling::NotJudged,
            Some(got) if self.side.keeps(got, limit) => Ruling::Passed,
            Some(_) => Ruling::Refused,
        };
        Verdict { gate: self.name.to_owned(), ruling, got, limit, reason: self.reason(ruling, got, limit) }
    }

    /// What is wrong with a gate's limit.
    pub(super) fn problem(&self, gates: &Gates) -> Option<String> {
        let (low, high) = self.allowed;
        let limit = (self.gate)(gates).limit.filter(|limit| !(low..=high).contains(limit))?;
        Some(format!("{}: the limit is {limit}, expected {low} to {high}", self.name))
    }

    fn reason(&self, ruling: Ruling, got: Option<f64>, limit: f64) -> String {
        let bound = self.side.bound(limit);
        match (ruling, got) {
            (Ruling::Off, _) => "off".to_owned(),
            (Ruling::Refused, Some(got)) => format!("{}: {}, expected {bound}; {}", self.what, shown(got), self.next),
            (_, Some(got)) => format!("{}: {}, {bound} asked for", self.what, shown(got)),
            (_, None) => format!("{}: there is nothing to compare", self.what),
        }
    }
}

impl Side {
    /// A figure that is no number keeps nothing.
    fn keeps(self, got: f64, limit: f64) -> bool {
        match self {
            Self::AtLeast => got >= limit,
            Self::AtMost => got <= limit,
            Self::NoWorse => got >= -limit,
        }
    }

    fn bound(self, limit: f64) -> String {
        match self {
            Self::AtLeast => format!("at least {}", shown(limit)),
            Self::AtMost => format!("at most {}", shown(limit)),
            Self::NoWorse => format!("at least {}", shown(0.0 - limit)),
        }
    }
}

/// A figure, where there was a request to measure it on.
fn measured(quality: &Quality, figure: f64) -> Option<f64> {
    (quality.requests > 0).then_some(figure)
}

/// Counts without decimals, shares with four.
fn shown(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.4}") }
}
