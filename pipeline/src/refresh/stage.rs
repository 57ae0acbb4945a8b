//! The stages of a run, and what each says of itself when it is done.

use serde::{Deserialize, Serialize};

use super::failpoint::Moment;

/// A stage; each leaves a directory and a marker of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// New partitions are counted.
    Count,
    /// Kept counts are added up, as of the last day.
    Merge,
    /// A release of fresh counts is written: the model's context.
    Retrieve,
    /// The answer as of before the held-out days is measured on them.
    Rehearse,
    /// The model is run over every history.
    Infer,
    /// Model and counts are blended.
    Blend,
    /// What was made is judged.
    Gate,
    /// The release is written.
    Release,
    /// It is put where services look.
    Publish,
}

/// What a stage did, and how long it took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageReport {
    /// Which one.
    pub stage: Stage,
    /// Rows that it took.
    pub rows_in: u64,
    /// Rows that it gave.
    pub rows_out: u64,
    /// How long it took, in the run that did it.
    pub seconds: f64,
    /// Whether an earlier, interrupted run did it.
    #[serde(default)]
    pub resumed: bool,
    /// What else is worth knowing.
    pub note: String,
}

/// What a stage's work gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Work {
    /// Rows taken.
    pub rows_in: u64,
    /// Rows given.
    pub rows_out: u64,
    /// What else is worth knowing.
    pub note: String,
}

impl Stage {
    /// Its name, also its directory's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Merge => "merge",
            Self::Retrieve => "retrieve",
            Self::Rehearse => "rehearse",
            Self::Infer => "infer",
            Self::Blend => "blend",
            Self::Gate => "gate",
            Self::Release => "release",
            Self::Publish => "publish",
        }
    }

    /// The moment after it.
    pub(super) const fn moment(self) -> Moment {
        match self {
            Self::Count => Moment::Counted,
            Self::Merge => Moment::Merged,
            Self::Retrieve => Moment::Retrieved,
            Self::Rehearse => Moment::Rehearsed,
            Self::Infer => Moment::Inferred,
            Self::Blend => Moment::Blended,
            Self::Gate => Moment::Judged,
            Self::Release => Moment::Released,
            Self::Publish => Moment::Published,
        }
    }

    /// Whether its work goes on with what an interrupted run left in its directory; others begin anew.
    pub(super) const fn goes_on(self) -> bool {
        matches!(self, Self::Infer | Self::Count)
    }
}
