//! Whether a release may be published: each gate with its limit, its verdict and its reason.
//!
//! It only compares figures; it never measures.

use serde::{Deserialize, Serialize};

use crate::quality::Quality;

mod rules;

/// The gates, as a configuration's section has them: every one is on unless it says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gates {
    /// The least share of the model's candidates that the catalogue must have; 0.9.
    pub match_rate: Gate,
    /// The fewest held-out requests that figures may rest on; 100.
    pub requests: Gate,
    /// The least share of held-out requests whose next cluster must be ranked first; 0.015.
    pub recall: Gate,
    /// By how much hit@5 may be below the popular list's, beyond doubt; 0.
    pub popularity: Gate,
    /// By how much hit@5 may be below the previous release's, beyond doubt; 0.
    pub previous: Gate,
    /// The least share of held-out requests that the table must answer, by the history or a shorter part of it; 0.9.
    pub coverage: Gate,
    /// The least number of histories, as a share of the previous release's; 0.5.
    pub shrink: Gate,
    /// The most bytes of the table; 8 GB.
    pub bytes: Gate,
}

/// One gate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gate {
    /// Whether it judges.
    pub on: bool,
    /// Its limit; the gate's own where it is not given.
    pub limit: Option<f64>,
}

/// What a gate found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The gate, as in the configuration.
    pub gate: String,
    /// What it says.
    pub ruling: Ruling,
    /// What was measured; `None` where there was nothing to measure.
    pub got: Option<f64>,
    /// The limit.
    pub limit: f64,
    /// The verdict in words.
    pub reason: String,
}

/// What a gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// The release may pass.
    Passed,
    /// It may not.
    Refused,
    /// There was nothing to judge by.
    NotJudged,
    /// The gate is off.
    Off,
}

/// Every gate's verdict, in the order of [`Gates`]'s fields. One [`Ruling::Refused`] keeps the release from being published.
pub fn judge(quality: &Quality, gates: &Gates) -> Vec<Verdict> {
    rules::RULES.iter().map(|rule| rule.judge(quality, gates)).collect()
}

impl Gates {
    /// What is wrong with the limits, each with what to do.
    pub fn problems(&self) -> Vec<String> {
        rules::RULES.iter().filter_map(|rule| rule.problem(self)).collect()
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self { on: true, limit: None }
    }
}

impl Verdict {
    /// Whether it keeps the release from being published.
    pub fn refuses(&self) -> bool {
        self.ruling == Ruling::Refused
    }
}

#[cfg(test)]
mod tests;
