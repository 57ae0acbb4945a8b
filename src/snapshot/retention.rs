//! Removes the files of releases that served long ago, and of models that only they named; it must never touch what
//! serves, what a rollback goes to, or what is staged.
//!
//! A directory is hidden by a rename before the store forgets it, and its files are removed at leisure. Whatever kills the
//! process in between, the next sweep ends it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::failpoint::{Moment, reached};
use super::manifest::Version;
use super::parcel::Kind;
use super::release::read_manifest;
use super::state::State;
use super::store::{Store, StoreError};

/// Prefix of the hidden directories; no version name starts with a dot.
const EXPIRED: &str = ".expired-";

/// Hides what served long ago, but for the latest `retired_max` and what serves, and forgets it. [`sweep`] removes it.
pub fn expire(store: &Store, retired_max: usize, serving: &Version) -> Result<State, StoreError> {
    store.edit(|state| {
        let mut gone: Vec<_> =
            state.expired(retired_max).iter().filter(|version| *version != serving).cloned().collect();
        let models: BTreeSet<_> = gone.iter().filter_map(|version| model_of(store, version)).collect();
        gone.retain(|version| hide(&store.release_path(version)));
        for orphaned in models.iter().filter(|model| !is_named(store, model)) {
            // One that stays costs only space.
            let _ = hide(&store.model_path(orphaned));
        }
        reached(Moment::Hidden);
        state.forget(&gone);
        Ok(())
    })
}

/// Removes all that is hidden; gives how many releases that were.
pub fn sweep(store: &Store) -> usize {
    let swept = Kind::ALL.map(|kind| hidden(&kind.home(store)).into_iter().filter(|path| remove(path)).count());
    swept[0]
}

fn hidden(home: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(home).into_iter().flatten().flatten();
    let expired = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(EXPIRED));
    expired.map(|entry| entry.path()).collect()
}

fn remove(path: &Path) -> bool {
    let removed = fs::remove_dir_all(path);
    reached(Moment::Removed);
    match &removed {
        Ok(()) => tracing::info!(path = %path.display(), "what served long ago was removed"),
        Err(error) => tracing::warn!(path = %path.display(), "what served long ago stays on disk: {error}"),
    }
    removed.is_ok()
}

/// Whether a directory is out of the way now.
fn hide(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match fs::rename(path, path.with_file_name(format!("{EXPIRED}{name}"))) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn model_of(store: &Store, version: &Version) -> Option<Version> {
    read_manifest(&store.release_path(version)).ok()?.model
}

/// Whether a release of the store names this model. One that cannot be read may.
fn is_named(store: &Store, model: &Version) -> bool {
    let Ok(versions) = store.versions() else { return true };
    versions.iter().any(|version| {
        let manifest = read_manifest(&store.release_path(version));
        manifest.map_or(true, |manifest| manifest.model.as_ref() == Some(model))
    })
}
