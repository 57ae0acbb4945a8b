//! Finds the release that an operator means by a path; it must never guess between several.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::snapshot::manifest::MANIFEST;
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

fn current(store: &Store) -> anyhow::Result<PathBuf> {
    let current = store.state()?.current;
    let dir = store.dir().display();
    let current = current.with_context(|| format!("{dir} has no current release; name one of {dir}/{RELEASES}"))?;
    Ok(store.release_path(&current))
}
