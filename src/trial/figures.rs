//! What a trial showed so far, for people: shares, percentiles and agreement; it must never hold what a caller sent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::spread::{DURATION_BOUNDS_S, SpreadTotals};
use super::tally::{ArmTotals, Totals};
use crate::answer::Source;
use crate::snapshot::live::{Arm, Lineup, Share, Trial};
use crate::snapshot::manifest::Version;

/// A trial and what it showed since it began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialFigures {
    /// The release on trial.
    pub release: Version,
    /// The release that serves beside it.
    pub current: Version,
    /// When the trial began, in seconds since 1970 UTC.
    pub since_unix_s: u64,
    /// Its canary; none while no caller is answered by it.
    pub canary: Option<CanaryFigures>,
    /// Its shadow; none while no question is sampled.
    pub shadow: Option<ShadowFigures>,
}

/// What callers were answered while a canary was on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CanaryFigures {
    /// The share of callers that the release on trial answers.
    pub share: Share,
    /// Answers of the release that serves.
    pub current: ArmFigures,
    /// Answers of the one on trial.
    pub trial: ArmFigures,
    /// Seconds since its share was last changed.
    pub baked_s: u64,
    /// Seconds after which it is promoted by itself; none where that is an operator's to do.
    pub bake_s: Option<u64>,
}

/// What both releases answered to the same questions, for nobody to see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShadowFigures {
    /// The share of questions that is sampled.
    pub share: Share,
    /// Questions sampled.
    pub sampled: u64,
    /// Sampled questions that were not answered: too many waited.
    pub dropped: u64,
    /// Questions that both releases answered.
    pub compared: u64,
    /// Mean part of the candidates that both gave, from 0 to 1.
    pub overlap: Option<f64>,
    /// Part of the answers that begin with the same candidate, from 0 to 1.
    pub top1_agreement: Option<f64>,
    /// Answers of the release that serves.
    pub current: ArmFigures,
    /// Answers of the one on trial.
    pub trial: ArmFigures,
}

/// What one release answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ArmFigures {
    /// Answers.
    pub answers: u64,
    /// Parts of the answers by the source of their first candidate; absent where nothing was answered.
    pub sources: BTreeMap<String, f64>,
    /// Part of the answers that the model should have given and another rung gave.
    pub degraded: f64,
    /// Answers that came too late, or for which the caller did not stay.
    pub errors: u64,
    /// Median time to an answer, in seconds, up to the resolution of the metric's buckets; none above a second.
    pub p50_s: Option<f64>,
    /// As `p50_s`, for 99 answers of 100.
    pub p99_s: Option<f64>,
    /// As `p50_s`, for 999 answers of 1000.
    pub p999_s: Option<f64>,
}

impl TrialFigures {
    /// The figures of the trial in a lineup, by what is counted `now`.
    pub fn of(lineup: &Lineup, now: &Totals) -> Option<Self> {
        let trial = lineup.trial.as_ref()?;
        let began = trial.began()?;
        let since = now.since(&began.totals);
        Some(Self {
            release: trial.version().clone(),
            current: lineup.current.manifest().version.clone(),
            since_unix_s: began.at_unix_s,
            canary: CanaryFigures::of(trial, &since),
            shadow: ShadowFigures::of(trial, &since),
        })
    }
}

impl CanaryFigures {
    fn of(trial: &Trial, since: &Totals) -> Option<Self> {
        let [current, tried] = Arm::ALL.map(|arm| ArmFigures::of(&since.canary[arm as usize]));
        let baked_s = trial.began()?.changed.elapsed().as_secs();
        let shown = !trial.canary.is_none() || current.answers + tried.answers > 0;
        shown.then_some(Self { share: trial.canary, current, trial: tried, baked_s, bake_s: None })
    }
}

impl ShadowFigures {
    fn of(trial: &Trial, since: &Totals) -> Option<Self> {
        let [current, tried] = Arm::ALL.map(|arm| ArmFigures::of(&since.shadow[arm as usize]));
        let shown = !trial.shadow.is_none() || since.sampled > 0;
        shown.then(|| Self {
            share: trial.shadow,
            sampled: since.sampled,
            dropped: since.dropped,
            compared: since.compared,
            overlap: since.overlap.mean(),
            top1_agreement: part(since.top1_agreed, since.compared),
            current,
            trial: tried,
        })
    }
}

impl ArmFigures {
    fn of(totals: &ArmTotals) -> Self {
        let answers = totals.answers();
        let share = |source: Source| Some((source.label().to_owned(), part(totals.sources[source as usize], answers)?));
        Self {
            answers,
            sources: Source::ALL.into_iter().filter_map(share).collect(),
            degraded: part(totals.degraded, answers).unwrap_or_default(),
            errors: totals.errors,
            p50_s: quantile(&totals.durations, 0.5),
            p99_s: quantile(&totals.durations, 0.99),
            p999_s: quantile(&totals.durations, 0.999),
        }
    }
}

fn part(some: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| some as f64 / all as f64)
}

fn quantile(durations: &SpreadTotals, part: f64) -> Option<f64> {
    durations.quantile(part, DURATION_BOUNDS_S).filter(|bound| bound.is_finite())
}
