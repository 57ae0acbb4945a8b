//! What came of a command, and how the reloader stands; nothing here moves anything.

use std::path::Path;
use std::sync::Weak;

use crate::clock::unix_s;
use crate::snapshot::gate::GateName;
use crate::snapshot::live::Share;
use crate::snapshot::manifest::Version;
use crate::snapshot::release::{Release, ReleaseError};
use crate::snapshot::store::StoreError;

/// What came of a command: who stood where before and after it, and whether it was done.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Before the command.
    pub before: Positions,
    /// After it; the same where it failed.
    pub after: Positions,
    /// What it did, or why nothing.
    pub result: Result<Effect, Failure>,
}

/// Which release holds which position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions {
    /// The one that serves.
    pub serving: Option<Version>,
    /// The one that a rollback goes to.
    pub previous: Option<Version>,
    /// The one that is resident beside the one that serves.
    pub staged: Option<Version>,
    /// The one that keeps its place.
    pub pinned: Option<Version>,
    /// The share of the questions that the staged one answers too.
    pub shadow: Share,
    /// The share of the callers that it answers.
    pub canary: Share,
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Another release serves now.
    Swapped(Version),
    /// What serves is what served before, and something else is as it was asked for.
    Changed,
    /// Everything was as asked for already.
    Unchanged,
}

/// Why a command, or the last look at the pointer, changed nothing.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The release that failed, if one was named.
    pub version: Option<Version>,
    /// Its class: that of its error for a load that failed, and for a command that is refused one of `pinned`,
    /// `quarantined`, `no_previous`, `declined`, `not_current`, `not_staged`, `superseded`.
    pub reason: &'static str,
    /// The gate that refused the release, if one did: such a refusal is no load that failed, and is counted as what it is.
    pub gate: Option<GateName>,
    /// What was expected, what came, and what to do.
    pub text: String,
    /// When, in seconds since 1970 UTC.
    pub at_unix_s: u64,
}

/// What the reloader is doing and how it last fared.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// The release that serves.
    pub serving: Option<Version>,
    /// When it was swapped in, in seconds since 1970 UTC.
    pub loaded_unix_s: Option<u64>,
    /// The staged release, where it is in memory. Weak: whoever looks into it must not keep it from being freed.
    pub staged: Option<Weak<Release>>,
    /// The releases in memory, each of which could serve at once: the one that serves, and what is kept beside it.
    pub resident: Vec<Version>,
    /// The release being loaded now.
    pub loading: Option<Version>,
    /// The last load that failed, until the pointer's release serves.
    pub failure: Option<Failure>,
}

impl Outcome {
    /// The release that serves since, where another one did before.
    pub fn swapped(&self) -> Option<&Version> {
        match &self.result {
            Ok(Effect::Swapped(version)) => Some(version),
            _ => None,
        }
    }

    /// Whether everything was as asked for already.
    pub fn is_unchanged(&self) -> bool {
        matches!(self.result, Ok(Effect::Unchanged))
    }

    /// Why nothing was done.
    pub fn failure(&self) -> Option<&Failure> {
        self.result.as_ref().err()
    }
}

impl Failure {
    /// A release that could not be loaded.
    pub(super) fn of_load(version: &Version, error: &ReleaseError) -> Self {
        Self { gate: error.gate(), ..Self::new(Some(version.clone()), error.reason(), error.to_string()) }
    }

    /// A change that the store refused.
    pub(super) fn refused(version: Option<Version>, error: &StoreError) -> Self {
        Self::new(version, error.reason(), error.to_string())
    }

    /// A pointer that names nothing.
    pub(super) fn no_pointer(dir: &Path) -> Self {
        let text = format!("the store {} points at no release; `segue activate VERSION` does", dir.display());
        Self::new(None, "missing", text)
    }

    /// An activation that a rollback overtook.
    pub(super) fn superseded(version: &Version) -> Self {
        let text = format!("release {version} was overtaken by another change; activate it again if it shall serve");
        Self::new(Some(version.clone()), "superseded", text)
    }

    fn new(version: Option<Version>, reason: &'static str, text: String) -> Self {
        Self { version, reason, gate: None, text, at_unix_s: unix_s() }
    }
}
