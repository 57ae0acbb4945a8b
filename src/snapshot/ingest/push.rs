//! One push on the disk: its hidden directory, what has come of each file, and what is still to come.
//!
//! A file that is whole and has the manifest's digest bears its own name; one that is not yet bears that name with
//! [`PART`]. So the directory alone says where to go on, also after the process was killed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Missing;
use crate::snapshot::manifest::{MANIFEST, ReleaseFile, SIGNATURE, Version};
use crate::snapshot::parcel::{Address, Kind, Parcel};
use crate::snapshot::publish::PARTIAL;
use crate::snapshot::signature::{Signature, SignatureError};
use crate::snapshot::store::{Store, sync_dir};

/// Stands between [`PARTIAL`] and the version; no other partial directory has a `-` there.
const PUSH: &str = "push-";
/// Ends the name of a file of which a part has come.
const PART: &str = ".part";

/// A push, open or being committed. Dropping it leaves its files.
#[derive(Debug)]
pub(super) struct Push {
    /// Where its files are.
    pub dir: PathBuf,
    /// What they must be.
    pub parcel: Parcel,
}

impl Push {
    /// Begins a push: its directory, with the manifest in it, as it came.
    pub(super) fn create(store: &Store, parcel: Parcel, manifest: &[u8]) -> io::Result<Self> {
        let Address { kind, version } = parcel.address();
        let dir = kind.home(store).join(format!("{PARTIAL}{PUSH}{version}"));
        if dir.exists() {
            fs::remove_dir_all(&dir)?;
        }
        fs::create_dir(&dir)?;
        let mut file = File::create_new(dir.join(MANIFEST))?;
        file.write_all(manifest)?;
        file.sync_all()?;
        Ok(Self { dir, parcel })
    }

    /// The pushes that a store holds from before, and the directories of those that cannot go on.
    pub(super) fn left(store: &Store) -> (Vec<Self>, Vec<PathBuf>) {
        let found = Kind::ALL.into_iter().flat_map(|kind| directories(kind, store)).map(Self::resume);
        let (whole, broken): (Vec<_>, Vec<_>) = found.partition(Result::is_ok);
        (whole.into_iter().filter_map(Result::ok).collect(), broken.into_iter().filter_map(Result::err).collect())
    }

    fn resume((kind, version, dir): (Kind, Option<Version>, PathBuf)) -> Result<Self, PathBuf> {
        let parcel = Parcel::read(kind, &dir).filter(|parcel| Some(parcel.address().version) == version);
        match parcel {
            Some(parcel) => Ok(Self { dir, parcel }),
            None => Err(dir),
        }
    }

    /// The files that are still to come, whole or from an offset on.
    pub(super) fn missing(&self) -> Vec<Missing> {
        let lacking = |file: &&(&'static str, &ReleaseFile)| !self.path(file.0).exists();
        let missing = |(name, file): (&'static str, &ReleaseFile)| {
            let offset = size(&self.part(name)).min(file.bytes);
            Missing { name, offset, bytes: file.bytes }
        };
        let known = |file: &'static str| Some((file, self.listed(file)?));
        let files = self.parcel.address().kind.files().iter().copied().filter_map(known).collect::<Vec<_>>();
        files.iter().filter(lacking).copied().map(missing).collect()
    }

    /// The names of the files that are still to come.
    pub(super) fn lacks(&self) -> Vec<&'static str> {
        self.missing().into_iter().map(|missing| missing.name).collect()
    }

    /// Keeps the signature of its manifest, if there is one.
    pub(super) fn sign(&self, signature: Option<&Signature>) -> Result<(), SignatureError> {
        sign(&self.dir, signature)
    }

    /// Bytes that are still to come.
    pub(super) fn bytes_missing(&self) -> u64 {
        self.missing().iter().map(|missing| missing.bytes - missing.offset).fold(0, u64::saturating_add)
    }

    /// What the manifest says of a file.
    pub(super) fn listed(&self, name: &str) -> Option<&ReleaseFile> {
        self.parcel.files().iter().find(|file| file.name == name)
    }

    /// Where a file is once it has come whole.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Where it is until then.
    pub(super) fn part(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}{PART}"))
    }

    /// Removes its files.
    pub(super) fn remove(self) {
        remove(&self.dir);
    }
}

/// Puts a signature beside a manifest that has none; one that is there stays, since what is published never changes.
pub(super) fn sign(dir: &Path, signature: Option<&Signature>) -> Result<(), SignatureError> {
    let Some(signature) = signature.filter(|_| !dir.join(SIGNATURE).exists()) else { return Ok(()) };
    let (path, partial) = (dir.join(SIGNATURE), dir.join(format!(".{SIGNATURE}")));
    let write = || {
        let mut file = File::create(&partial)?;
        file.write_all(signature.as_bytes())?;
        file.sync_all()?;
        fs::rename(&partial, &path)?;
        sync_dir(dir)
    };
    write().map_err(|source| SignatureError::Io { path: path.clone(), source })
}

/// Removes what a push left; what cannot be removed costs only space.
pub(super) fn remove(dir: &Path) {
    if let Err(error) = fs::remove_dir_all(dir) {
        tracing::warn!(path = %dir.display(), "what a push left stays on disk: {error}");
    }
}

/// Bytes of a file; none where there is none.
pub(super) fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |about| about.len())
}

/// The directories of pushes of a kind. A store that cannot be listed still serves: pushes into it will say what is wrong.
fn directories(kind: Kind, store: &Store) -> Vec<(Kind, Option<Version>, PathBuf)> {
    let prefix = format!("{PARTIAL}{PUSH}");
    let entries = fs::read_dir(kind.home(store)).into_iter().flatten().flatten();
    let push = |entry: fs::DirEntry| {
        let name = entry.file_name();
        let version = name.to_str()?.strip_prefix(&prefix)?.parse().ok();
        Some((kind, version, entry.path()))
    };
    entries.filter_map(push).collect()
}
