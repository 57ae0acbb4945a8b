//! How a refresh ended, and what a scheduler is told of it.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};

/// Every end but a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A release is where it should be, and the channel points at it.
    Published,
    /// What there is was published before.
    NothingToDo,
    /// A gate refused; nothing was published.
    Refused,
    /// Another run holds the state; nothing was done.
    Busy,
    /// Only told what a run would do.
    Planned,
}

impl Outcome {
    /// What the process exits with; a failure exits with 1, a wrong configuration with 2.
    pub const fn code(self) -> u8 {
        match self {
            Self::Published | Self::Planned => 0,
            Self::NothingToDo => 3,
            Self::Refused => 4,
            Self::Busy => 5,
        }
    }

    /// The words for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::NothingToDo => "nothing to do",
            Self::Refused => "a gate refused; nothing was published",
            Self::Busy => "another run is at work here",
            Self::Planned => "dry run; nothing was changed",
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome.code())
    }
}
