//! Finds the release or model that an operator means by a path; it must never guess between several.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::model::manifest::MODEL_FORMAT;
use crate::snapshot::manifest::{MANIFEST, Version};
use crate::snapshot::release::Release;
use crate::snapshot::store::{RELEASES, Store};

/// Opens the release at `path`: its own directory, or a store for the store's current release.
pub(super) fn open(path: &Path) -> anyhow::Result<Release> {
    let found = find(path)?;
    Release::open(&found).with_context(|| format!("{} cannot be opened", found.display()))
}

/// The absolute directory of the release at `path`, with a manifest in it. Absolute, because a release's directory
/// must have its version's name and `.` has none.
pub(super) fn find(path: &Path) -> anyhow::Result<PathBuf> {
    let path = fs::canonicalize(path).with_context(|| format!("{} cannot be found", path.display()))?;
    let found = if path.join(RELEASES).is_dir() { current(&Store::open(&path))? } else { path };
    let hint = "expected the directory of a release, or a store";
    ensure!(found.join(MANIFEST).is_file(), "{} holds no {MANIFEST}; {hint}", found.display());
    Ok(found)
}

/// The absolute directory of a release's model, whether it is there or not: `given`, or else its place in the store
/// around the release. None where none is given and the release names none.
pub(super) fn model(release: &Release, given: Option<&Path>) -> anyhow::Result<Option<PathBuf>> {
    if let Some(given) = given {
        return fs::canonicalize(given).map(Some).with_context(|| format!("{} cannot be found", given.display()));
    }
    let store = release.path().ancestors().nth(2).map(Store::open);
    let place = |(store, model): (Store, &Version)| store.model_path(model);
    Ok(store.zip(release.manifest().model.as_ref()).map(place))
}

/// Whether a directory that holds a manifest is a model's, as far as the manifest's format tells.
pub(super) fn is_model(path: &Path) -> bool {
    let manifest = fs::read(path.join(MANIFEST)).unwrap_or_default();
    let format = serde_json::from_slice::<Format>(&manifest);
    format.is_ok_and(|Format { format }| format == MODEL_FORMAT)
}

/// What the manifests of releases and models have in common.
#[derive(Deserialize)]
struct Format {
    format: String,
}

fn current(store: &Store) -> anyhow::Result<PathBuf> {
    let current = store.state()?.current;
    let dir = store.dir().display();
    let current = current.with_context(|| format!("{dir} has no current release; name one of {dir}/{RELEASES}"))?;
    Ok(store.release_path(&current))
}
