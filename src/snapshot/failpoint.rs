//! Names every moment between two steps of a durable change, so that a test can kill the process at each.
//!
//! It must never do anything in a build that serves: only the feature `failpoints`, which the tests turn on, gives it a
//! body.

/// A moment in publishing a model or a release or moving the pointer, named by what has just been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A model's hidden directory was made.
    ModelPartialMade,
    /// A model's configuration was written and synced.
    ConfigWritten,
    /// A model's weights were written and synced.
    WeightsWritten,
    /// A model's golden logits were written and synced.
    LogitsWritten,
    /// A model's manifest was written and synced.
    ModelManifestWritten,
    /// The names of a model's files were synced.
    ModelPartialSynced,
    /// A model's hidden directory got its name.
    ModelNamed,
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
    /// The hidden directory got its name.
    ReleaseNamed,
    /// The next pointer was written.
    StateWritten,
    /// The next pointer was synced.
    StateSynced,
    /// The next pointer took the place of the one before.
    StateNamed,
}

impl Moment {
    /// Every moment, in the order of a model's publish, a release's, and an activation.
    pub const ALL: [Self; 17] = [
        Self::ModelPartialMade,
        Self::ConfigWritten,
        Self::WeightsWritten,
        Self::LogitsWritten,
        Self::ModelManifestWritten,
        Self::ModelPartialSynced,
        Self::ModelNamed,
        Self::PartialMade,
        Self::TableWritten,
        Self::CatalogueWritten,
        Self::GoldenWritten,
        Self::ManifestWritten,
        Self::PartialSynced,
        Self::ReleaseNamed,
        Self::StateWritten,
        Self::StateSynced,
        Self::StateNamed,
    ];

    /// The failpoint's name.
    pub const fn label(self) -> &'static str {
        match self {
            Self::ModelPartialMade => "model_partial_made",
            Self::ConfigWritten => "config_written",
            Self::WeightsWritten => "weights_written",
            Self::LogitsWritten => "logits_written",
            Self::ModelManifestWritten => "model_manifest_written",
            Self::ModelPartialSynced => "model_partial_synced",
            Self::ModelNamed => "model_named",
            Self::PartialMade => "partial_made",
            Self::TableWritten => "table_written",
            Self::CatalogueWritten => "catalogue_written",
            Self::GoldenWritten => "golden_written",
            Self::ManifestWritten => "manifest_written",
            Self::PartialSynced => "partial_synced",
            Self::ReleaseNamed => "release_named",
            Self::StateWritten => "state_written",
            Self::StateSynced => "state_synced",
            Self::StateNamed => "state_named",
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
