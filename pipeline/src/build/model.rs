//! The model that a release names: by its name, or by its directory, which is then looked at.

use std::path::Path;

use anyhow::{Context, ensure};
use segue::model::open::read_model_manifest;
use segue::snapshot::manifest::{MANIFEST, Version};

use super::output::Output;

impl Output<'_> {
    /// The name of a model. Where its directory is given, it must be of this release's catalogue.
    pub(super) fn model(&self, given: &str) -> anyhow::Result<Version> {
        let path = Path::new(given);
        if !path.join(MANIFEST).is_file() {
            return given.parse().context("--model: neither a model's directory nor the name of one");
        }
        let manifest = read_model_manifest(path).with_context(|| format!("{given} cannot be used"))?;
        let (expected, got) = (self.catalogue_version()?, manifest.catalogue);
        ensure!(
            expected == got,
            "model {} was trained for catalogue {got}, --catalogue is {expected}; give the model's catalogue, or train \
             it on this one",
            manifest.version
        );
        Ok(manifest.version)
    }
}
