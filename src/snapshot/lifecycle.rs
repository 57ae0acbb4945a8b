//! Where each release stands in its life, and which standings may follow which.
//!
//! The [`Book`] keeps it for people and metrics, in memory; it must never decide anything: what is durable stands in
//! the store's [`State`](super::state::State).

use std::fmt;

use serde::{Deserialize, Serialize};

mod book;
mod watch;

pub use book::Book;
pub(super) use book::ENDED_MAX;
pub use watch::Changes;

use super::manifest::Version;

/// Steps that an entry remembers; a life has about ten, and the latest tell most.
pub const STEPS_MAX: usize = 24;

/// Where a release stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Its files are arriving.
    Fetching,
    /// Every digest and checksum is being compared.
    Verifying,
    /// Its model is being loaded.
    Loading,
    /// Its records are being brought into memory.
    Warming,
    /// Its golden questions and the gates are being asked.
    Checking,
    /// It could serve at once.
    Staged,
    /// It answers a share of the questions beside the current one, and nobody sees it.
    Shadow,
    /// It answers a share of the callers.
    Canary,
    /// It serves.
    Current,
    /// It served before the current one; a rollback goes here.
    Previous,
    /// It serves no more; its files go in their time.
    Retired,
    /// It could not serve; a later attempt may.
    Failed,
    /// It may never serve again.
    Quarantined,
}

/// Why a release stands where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Its class, one of few: a metric's label.
    pub class: &'static str,
    /// What was expected, what came, and what to do.
    pub text: String,
}

/// How much of a release has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// Bytes that are here.
    pub bytes: u64,
    /// Bytes of all its files.
    pub bytes_total: u64,
}

/// When a release came to a standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Which.
    pub standing: Standing,
    /// When, in seconds since 1970 UTC.
    pub at_unix_s: u64,
}

/// What is known of a release's life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Which release.
    pub version: Version,
    /// Where it stands.
    pub standing: Standing,
    /// Since when, in seconds since 1970 UTC.
    pub since_unix_s: u64,
    /// Why, where it failed or is quarantined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// How much of it has arrived, where it was fetched by this process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetched: Option<Fetched>,
    /// How it came here, oldest first, the last [`STEPS_MAX`].
    pub steps: Vec<Step>,
}

impl Standing {
    /// Every standing, in the order of a life.
    pub const ALL: [Self; 13] = [
        Self::Fetching,
        Self::Verifying,
        Self::Loading,
        Self::Warming,
        Self::Checking,
        Self::Staged,
        Self::Shadow,
        Self::Canary,
        Self::Current,
        Self::Previous,
        Self::Retired,
        Self::Failed,
        Self::Quarantined,
    ];

    /// Its word, as documents and metrics spell it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fetching => "fetching",
            Self::Verifying => "verifying",
            Self::Loading => "loading",
            Self::Warming => "warming",
            Self::Checking => "checking",
            Self::Staged => "staged",
            Self::Shadow => "shadow",
            Self::Canary => "canary",
            Self::Current => "current",
            Self::Previous => "previous",
            Self::Retired => "retired",
            Self::Failed => "failed",
            Self::Quarantined => "quarantined",
        }
    }

    /// Whether it is resident beside the current one.
    pub const fn is_staged(self) -> bool {
        matches!(self, Self::Staged | Self::Shadow | Self::Canary)
    }

    /// Whether it serves, or could at once.
    pub const fn is_placed(self) -> bool {
        self.is_staged() || matches!(self, Self::Current | Self::Previous)
    }

    /// Whether a life may begin here, as far as this process has seen it: with a push, with a load from the disk, or
    /// with what the store says of releases that no longer serve.
    pub const fn begins(self) -> bool {
        self.is_ended() || matches!(self, Self::Fetching | Self::Verifying | Self::Previous)
    }

    /// Whether it is out of the way, for now or for good.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Retired | Self::Failed | Self::Quarantined)
    }

    /// Whether `next` may follow. Any load may fail, and any release may be quarantined; nothing follows quarantine.
    pub const fn leads_to(self, next: Self) -> bool {
        match self {
            Self::Quarantined => false,
            Self::Fetching => matches!(next, Self::Verifying | Self::Failed | Self::Quarantined),
            Self::Verifying => matches!(next, Self::Loading | Self::Failed | Self::Quarantined),
            Self::Loading => matches!(next, Self::Warming | Self::Failed | Self::Quarantined),
            Self::Warming => matches!(next, Self::Checking | Self::Failed | Self::Quarantined),
            Self::Checking => matches!(next, Self::Staged | Self::Previous | Self::Failed | Self::Quarantined),
            Self::Staged | Self::Shadow | Self::Canary => next.follows_staged(),
            Self::Current => matches!(next, Self::Previous | Self::Retired | Self::Quarantined),
            Self::Previous => {
                matches!(next, Self::Current | Self::Retired | Self::Verifying | Self::Staged | Self::Quarantined)
            }
            // It is the one to go back to again, where what stood between was quarantined.
            Self::Retired => next.follows_ended() || matches!(next, Self::Previous),
            Self::Failed => next.follows_ended(),
        }
    }

    const fn follows_ended(self) -> bool {
        self.is_ended() || matches!(self, Self::Fetching | Self::Verifying)
    }

    const fn follows_staged(self) -> bool {
        self.is_staged()
            || matches!(self, Self::Current | Self::Previous | Self::Verifying | Self::Retired | Self::Quarantined)
    }
}

impl Entry {
    /// Since when it is staged, whether or not it is on trial, in seconds since 1970 UTC; `None` where it is not.
    pub fn staged_since_unix_s(&self) -> Option<u64> {
        let staged = |step: &&Step| step.standing.is_staged();
        self.steps.iter().rev().take_while(staged).last().map(|step| step.at_unix_s)
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

#[cfg(test)]
mod tests;
