//! Whether a release may be published: each gate with its limit, its verdict and its reason.
//!
//! It only compares figures; it never measures.

use serde::{Deserialize, Serialize};

use crate::quality::Quality;

/// The gates, as a configuration's section has them: every one is on unless it says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gates {
    /// The least share of the given candidates that the catalogue must have.
    pub match_rate: Gate,
    /// The fewest held-out requests that figures may rest on.
    pub requests: Gate,
    /// The least share of held-out requests whose next cluster must be ranked first.
    pub recall: Gate,
    /// By how much hit@5 may be below the popular list's.
    pub popularity: Gate,
    /// By how much hit@5 may be below the previous release's.
    pub previous: Gate,
    /// The least share of held-out requests whose very history the table must hold.
    pub coverage: Gate,
    /// The least size, as a share of the previous release's histories.
    pub shrink: Gate,
    /// The most bytes of the table.
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
    let _ = (quality, gates);
    Vec::new()
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
