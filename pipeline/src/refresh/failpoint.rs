//! Names every moment between two steps of a refresh, so that a test can kill it at each.
//!
//! It must never do anything in a build that is used: only the feature `failpoints`, which the tests turn on, gives it a
//! body.

use segue::snapshot::failpoint::Moment as Put;

/// A moment in a refresh, named by what has just been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The run's directory was begun.
    RunBegun,
    /// New partitions were counted.
    Counted,
    /// Counts were merged.
    Merged,
    /// The release of fresh counts was written.
    Retrieved,
    /// The answer was measured as of before the held-out days.
    Rehearsed,
    /// The model was run.
    Inferred,
    /// Model and counts were blended.
    Blended,
    /// The gates let it pass.
    Judged,
    /// The release was written.
    Released,
    /// A file was put in the depot; the service's library, which puts it, comes by here.
    FilePut,
    /// A release or model is complete in the depot; likewise.
    ManifestPut,
    /// The channel points at the release.
    ChannelMoved,
    /// The store's own pointer does.
    Activated,
    /// Publishing is done.
    Published,
    /// The report was written.
    Reported,
}

impl Moment {
    /// All, in order.
    pub const ALL: [Self; 15] = [
        Self::RunBegun,
        Self::Counted,
        Self::Merged,
        Self::Retrieved,
        Self::Rehearsed,
        Self::Inferred,
        Self::Blended,
        Self::Judged,
        Self::Released,
        Self::FilePut,
        Self::ManifestPut,
        Self::ChannelMoved,
        Self::Activated,
        Self::Published,
        Self::Reported,
    ];

    /// The failpoint's name.
    pub const fn label(self) -> &'static str {
        match self {
            Self::RunBegun => "run_begun",
            Self::Counted => "counted",
            Self::Merged => "merged",
            Self::Retrieved => "retrieved",
            Self::Rehearsed => "rehearsed",
            Self::Inferred => "inferred",
            Self::Blended => "blended",
            Self::Judged => "judged",
            Self::Released => "released",
            Self::FilePut => Put::FilePut.label(),
            Self::ManifestPut => Put::ManifestPut.label(),
            Self::ChannelMoved => "channel_moved",
            Self::Activated => "activated",
            Self::Published => "published",
            Self::Reported => "reported",
        }
    }
}

/// The moment has come.
#[cfg(feature = "failpoints")]
pub(crate) fn reached(moment: Moment) {
    fail::fail_point!(moment.label());
}

/// The moment has come.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub(crate) fn reached(_: Moment) {}
