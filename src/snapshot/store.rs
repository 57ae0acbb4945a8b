//! A store of releases and models on disk, and the durable pointer that says which one serves.
//!
//! The pointer moves in one rename that is synced before it is reported; whatever kills the process, it names either
//! the release before or the one after, never a mixture.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::failpoint::{Moment, reached};
use super::lifecycle::Reason;
use super::manifest::Version;
use super::release::{ReleaseError, read_manifest};
use super::state::Refusal;

use crate::clock::unix_s;

pub use super::state::State;

/// The pointer's file name.
pub const STATE: &str = "state.json";
/// The directory of releases in a store.
pub const RELEASES: &str = "releases";
/// The directory of models in a store.
pub const MODELS: &str = "models";
const LOCK: &str = ".lock";
/// Where the next pointer is written. One name for all: only the holder of the lock writes it, and the next holder
/// overwrites what a killed one left.
const STATE_PARTIAL: &str = ".state-partial";

/// Why the store could not do as told. The pointer is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The release is not one that could serve.
    #[error("release {version} cannot be activated: {source}")]
    Release {
        /// Which one.
        version: Version,
        /// Why.
        source: Box<ReleaseError>,
    },
    /// The change is against what the store remembers.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The pointer holds something else.
    #[error("{} is not a pointer: {source}; expected {{\"current\":\"VERSION\"}}; remove it, then `segue activate` a release", path.display())]
    State {
        /// The pointer's file.
        path: PathBuf,
        /// What the parser found.
        source: serde_json::Error,
    },
    /// The disk refused.
    #[error("{} cannot be used: {source}", path.display())]
    Io {
        /// What cannot be used.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl StoreError {
    /// Its class, as a failure's reason spells it.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Release { source, .. } => source.reason(),
            Self::Refused(refusal) => refusal.class(),
            Self::State { .. } | Self::Io { .. } => "io",
        }
    }
}

/// A directory with `releases/`, `models/` and `state.json`.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
}

impl Store {
    /// Names a store; nothing is read or made yet.
    pub fn open(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The store's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The directory that holds the releases.
    pub fn releases_dir(&self) -> PathBuf {
        self.dir.join(RELEASES)
    }

    /// The directory of a release, whether it is there or not.
    pub fn release_path(&self, version: &Version) -> PathBuf {
        self.releases_dir().join(version.as_str())
    }

    /// The directory that holds the models.
    pub fn models_dir(&self) -> PathBuf {
        self.dir.join(MODELS)
    }

    /// The directory of a model, whether it is there or not.
    pub fn model_path(&self, version: &Version) -> PathBuf {
        self.models_dir().join(version.as_str())
    }

    /// The names of all directories that may be releases, ascending.
    pub fn versions(&self) -> Result<Vec<Version>, StoreError> {
        versions_in(self.releases_dir())
    }

    /// The names of all directories that may be models, ascending.
    pub fn models(&self) -> Result<Vec<Version>, StoreError> {
        versions_in(self.models_dir())
    }

    /// What the pointer says; the default where there is none yet.
    pub fn state(&self) -> Result<State, StoreError> {
        let path = self.dir.join(STATE);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|source| StoreError::State { path, source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(State::default()),
            Err(source) => Err(StoreError::Io { path, source }),
        }
    }

    /// Points at a release that is complete; the one before becomes `previous`. Durable when it returns. Pointing at
    /// the current one again changes nothing.
    pub fn activate(&self, version: &Version) -> Result<State, StoreError> {
        self.activate_after(version, None)
    }

    /// The same, where another release served until now than the pointer says: that one becomes `previous`.
    pub fn activate_after(&self, version: &Version, served: Option<&Version>) -> Result<State, StoreError> {
        self.releasable(version)?;
        self.edit(|state| {
            state.activate(version)?;
            served.into_iter().for_each(|served| state.succeed(served));
            Ok(())
        })
    }

    /// Remembers a release that served, while the pointer names one that does not, as the one to go back to.
    pub fn succeed(&self, served: &Version) -> Result<State, StoreError> {
        self.edit(|state| {
            state.succeed(served);
            Ok(())
        })
    }

    /// Takes a release back that was staged.
    pub fn unstage(&self) -> Result<State, StoreError> {
        self.edit(|state| {
            state.unstage();
            Ok(())
        })
    }

    /// Remembers a complete release as the one that is resident beside the current one.
    pub fn stage(&self, version: &Version) -> Result<State, StoreError> {
        self.releasable(version)?;
        self.edit(|state| state.stage(version))
    }

    /// Points back at the release before.
    pub fn roll_back(&self) -> Result<State, StoreError> {
        self.edit(|state| state.roll_back().map(drop))
    }

    /// Lets no other release take the place of the current one.
    pub fn pin(&self, version: &Version) -> Result<State, StoreError> {
        self.edit(|state| state.pin(version))
    }

    /// Lets others take its place again.
    pub fn unpin(&self) -> Result<State, StoreError> {
        self.edit(|state| {
            state.unpin();
            Ok(())
        })
    }

    /// Bars a release for good; where it is the current one, points back at the one before first. Where nothing is left to
    /// go back to, what served before that and is complete becomes `previous`.
    pub fn quarantine(&self, version: &Version, reason: &Reason) -> Result<State, StoreError> {
        self.edit(|state| {
            state.quarantine(version, reason, unix_s())?;
            state.reach_back(|version| self.releasable(version).is_ok());
            Ok(())
        })
    }

    /// Changes what the store remembers: durable when it returns, and as before where it is refused.
    pub fn edit(&self, change: impl FnOnce(&mut State) -> Result<(), Refusal>) -> Result<State, StoreError> {
        let _lock = self.lock()?;
        let before = self.state()?;
        let mut state = before.clone();
        change(&mut state)?;
        // Where nothing changes, whoever wrote it may have been killed before it was durable.
        let written = if state == before { sync_dir(&self.dir) } else { self.replace_state(&state) };
        written.map_err(|source| StoreError::Io { path: self.dir.join(STATE), source })?;
        Ok(state)
    }

    fn releasable(&self, version: &Version) -> Result<(), StoreError> {
        let refuse = |source| StoreError::Release { version: version.clone(), source: Box::new(source) };
        read_manifest(&self.release_path(version)).map(drop).map_err(refuse)
    }

    /// Held while the pointer is read, changed and written, so that of two movers neither is lost.
    fn lock(&self) -> Result<File, StoreError> {
        let path = self.dir.join(LOCK);
        let locked = File::create(&path).and_then(|file| file.lock().map(|()| file));
        locked.map_err(|source| StoreError::Io { path, source })
    }

    fn replace_state(&self, state: &State) -> io::Result<()> {
        let partial = self.dir.join(STATE_PARTIAL);
        let mut file = File::create(&partial)?;
        file.write_all(&serde_json::to_vec_pretty(state)?)?;
        file.write_all(b"\n")?;
        reached(Moment::StateWritten);
        file.sync_all()?;
        reached(Moment::StateSynced);
        fs::rename(&partial, self.dir.join(STATE))?;
        reached(Moment::StateNamed);
        sync_dir(&self.dir)
    }
}

fn versions_in(path: PathBuf) -> Result<Vec<Version>, StoreError> {
    let entries = match fs::read_dir(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|source| StoreError::Io { path, source })?,
    };
    let named = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
    let mut versions: Vec<_> = entries.filter_map(named).collect();
    versions.sort();
    Ok(versions)
}

/// Makes the names in a directory durable: a rename is atomic, but not on disk before this.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
