//! The model that a refresh runs: the one named, or the newest of several that was trained for the catalogue.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use segue::model::manifest::ModelManifest;
use segue::model::open::read_model_manifest;
use segue::snapshot::manifest::{MANIFEST, Version};

/// A model on this machine.
#[derive(Clone, Debug)]
pub struct ChosenModel {
    /// Its directory.
    pub dir: PathBuf,
    /// What it is.
    pub manifest: ModelManifest,
}

/// The model of a directory: itself one, or the home of several, of which the newest of the catalogue is taken. A month's
/// training only has to put its model there.
///
/// # Errors
/// When there is none of this catalogue.
pub fn choose(dir: &Path, catalogue: &Version) -> anyhow::Result<ChosenModel> {
    if dir.join(MANIFEST).is_file() {
        let chosen = read(dir.to_owned()).with_context(|| format!("{} cannot be used", dir.display()))?;
        let (version, got) = (&chosen.manifest.version, &chosen.manifest.catalogue);
        ensure!(
            got == catalogue,
            "model {version} was trained for catalogue {got}, input.catalogue is {catalogue}; give the model's catalogue, or \
             train a model for this one"
        );
        return Ok(chosen);
    }
    let entries = std::fs::read_dir(dir).with_context(|| format!("model.dir: {} cannot be read", dir.display()))?;
    let models = entries.filter_map(|entry| read(entry.ok()?.path()).ok());
    let newest = models
        .filter(|model| model.manifest.catalogue == *catalogue)
        .max_by_key(|model| (model.manifest.created_unix_s, model.manifest.version.clone()));
    newest.with_context(|| {
        format!(
            "model.dir: {} holds no model of catalogue {catalogue}; train one, or leave model.dir out",
            dir.display()
        )
    })
}

fn read(dir: PathBuf) -> anyhow::Result<ChosenModel> {
    let manifest = read_model_manifest(&dir)?;
    Ok(ChosenModel { dir, manifest })
}
