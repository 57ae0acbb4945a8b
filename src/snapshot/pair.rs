//! Whether a release and a model belong together; it must never look further than what both say of themselves.

use super::manifest::{Manifest, Version};
use crate::model::config::ModelConfig;
use crate::model::manifest::ModelManifest;

/// Why a release and a model do not belong together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unpaired {
    /// The release names another model, or none.
    #[error("the release names model {}, got {got}; a release serves with its own", expected.as_ref().map_or("none", Version::as_str))]
    Name {
        /// What the release's manifest says.
        expected: Option<Version>,
        /// What the model's manifest says.
        got: Version,
    },
    /// The model's tokens stand for other clusters.
    #[error(
        "model {model} was trained for catalogue {got}, the release has {expected}; train the model on this catalogue, \
         or build the release with a model of it"
    )]
    Catalogue {
        /// The model.
        model: Version,
        /// The release's catalogue.
        expected: Version,
        /// The model's.
        got: Version,
    },
    /// The model has more or fewer clusters than its catalogue.
    #[error("model {model} knows {got} clusters, its catalogue {expected}; its writer is at fault")]
    Clusters {
        /// The model.
        model: Version,
        /// Clusters in the release's catalogue.
        expected: u32,
        /// Clusters that the model has tokens for.
        got: u32,
    },
}

/// Checks that a model is the one that a release names, and was made for the release's catalogue.
pub fn check_pair(release: &Manifest, model: &ModelManifest, config: &ModelConfig) -> Result<(), Unpaired> {
    if release.model.as_ref() != Some(&model.version) {
        return Err(Unpaired::Name { expected: release.model.clone(), got: model.version.clone() });
    }
    if release.catalogue != model.catalogue {
        let (expected, got) = (release.catalogue.clone(), model.catalogue.clone());
        return Err(Unpaired::Catalogue { model: model.version.clone(), expected, got });
    }
    let (expected, got) = (release.table.clusters, config.segue.clusters);
    if got == expected { Ok(()) } else { Err(Unpaired::Clusters { model: model.version.clone(), expected, got }) }
}
