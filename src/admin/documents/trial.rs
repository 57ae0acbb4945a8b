//! How the staged release fares against the current one, as the door says it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::snapshot::manifest::Version;

/// `GET /admin/v1/trial`: the comparison that is on; `null` where no release is staged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialBody {
    /// The staged release.
    pub release: Version,
    /// The share of live questions that both answer, from 0 to 1.
    pub shadow_share: f64,
    /// The share of traffic that the staged one answers, from 0 to 1.
    pub canary_share: f64,
    /// Answers to traffic while a canary is on: the current one's, then the staged one's.
    pub canary: Vec<ArmBody>,
    /// Answers to questions that both were asked: the current one's, then the staged one's.
    pub shadow: Vec<ArmBody>,
    /// Questions that both answered.
    pub compared: u64,
    /// The share of those with the same first candidate; none before the first.
    pub top1_agreement: Option<f64>,
    /// The mean share of candidates in common; none before the first.
    pub overlap: Option<f64>,
}

/// One side of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ArmBody {
    /// `current` or `trial`.
    pub arm: String,
    /// Answers given.
    pub answers: u64,
    /// Questions that got none.
    pub errors: u64,
    /// Answers that are degraded.
    pub degraded: u64,
    /// Answers by source.
    pub sources: BTreeMap<String, u64>,
    /// Seconds within which half of the answers were given; none before the first.
    pub duration_p50_s: Option<f64>,
    /// The same for 99 of 100.
    pub duration_p99_s: Option<f64>,
}
