//! Names every moment between two steps of a durable change, so that a test can kill the process at each.
//!
//! It must never do anything in a build that serves: only the feature `failpoints`, which the tests turn on, gives it a
//! body.

/// A moment in publishing a release or a model, in moving the pointer, or in a release's life, named by what has just been
/// done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The hidden directory was made.
    PartialMade,
    /// The table was written and synced.
    TableWritten,
    /// The catalogue was written and synced.
    CatalogueWritten,
    /// The golden questions were written and synced.
    GoldenWritten,
    /// The manifest was written and synced.
    ManifestWritten,
    /// The names of the files were synced.
    PartialSynced,
    /// A file of a push was written and synced.
    FileReceived,
    /// A file was put in a depot.
    FilePut,
    /// A release or a model is complete in a depot.
    ManifestPut,
    /// A model's configuration was written and synced.
    ConfigWritten,
    /// A model's weights were written and synced.
    WeightsWritten,
    /// A model's golden logits were written and synced.
    LogitsWritten,
    /// The hidden directory got its name.
    Named,
    /// The next pointer was written.
    StateWritten,
    /// The next pointer was synced.
    StateSynced,
    /// The next pointer took the place of the one before.
    StateNamed,
    /// A release was opened, to be loaded.
    Opened,
    /// Every byte of it was verified.
    Verified,
    /// It got its model.
    Completed,
    /// Its table was read once.
    Warmed,
    /// It passed every check.
    Checked,
    /// It is in the hands of who decides what becomes of it.
    Loaded,
    /// The pointer names it, or what takes its place, and it does not serve yet.
    Pointed,
    /// It serves, and nobody was told yet.
    Swapped,
    /// What served long ago was hidden, and the store has not forgotten it.
    Hidden,
    /// What served long ago was removed.
    Removed,
}

impl Moment {
    /// Every moment of publishing a release and pointing at it, in order.
    pub const RELEASE: [Self; 10] = [
        Self::PartialMade,
        Self::TableWritten,
        Self::CatalogueWritten,
        Self::GoldenWritten,
        Self::ManifestWritten,
        Self::PartialSynced,
        Self::Named,
        Self::StateWritten,
        Self::StateSynced,
        Self::StateNamed,
    ];

    /// Every moment of writing a model, in order.
    pub const MODEL: [Self; 7] = [
        Self::PartialMade,
        Self::ConfigWritten,
        Self::WeightsWritten,
        Self::LogitsWritten,
        Self::ManifestWritten,
        Self::PartialSynced,
        Self::Named,
    ];

    /// Every moment of a push, in order.
    pub const PUSH: [Self; 4] = [Self::PartialMade, Self::FileReceived, Self::PartialSynced, Self::Named];

    /// Every moment in the life of a release that the running service moves, from the load to the removal.
    pub const LIFE: [Self; 13] = [
        Self::Opened,
        Self::Verified,
        Self::Completed,
        Self::Warmed,
        Self::Checked,
        Self::Loaded,
        Self::StateWritten,
        Self::StateSynced,
        Self::StateNamed,
        Self::Pointed,
        Self::Swapped,
        Self::Hidden,
        Self::Removed,
    ];

    /// The failpoint's name.
    pub const fn label(self) -> &'static str {
        match self {
            Self::PartialMade => "partial_made",
            Self::TableWritten => "table_written",
            Self::CatalogueWritten => "catalogue_written",
            Self::GoldenWritten => "golden_written",
            Self::ManifestWritten => "manifest_written",
            Self::PartialSynced => "partial_synced",
            Self::FileReceived => "file_received",
            Self::FilePut => "file_put",
            Self::ManifestPut => "manifest_put",
            Self::ConfigWritten => "config_written",
            Self::WeightsWritten => "weights_written",
            Self::LogitsWritten => "logits_written",
            Self::Named => "named",
            Self::StateWritten => "state_written",
            Self::StateSynced => "state_synced",
            Self::StateNamed => "state_named",
            Self::Opened => "opened",
            Self::Verified => "verified",
            Self::Completed => "completed",
            Self::Warmed => "warmed",
            Self::Checked => "checked",
            Self::Loaded => "loaded",
            Self::Pointed => "pointed",
            Self::Swapped => "swapped",
            Self::Hidden => "hidden",
            Self::Removed => "removed",
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
