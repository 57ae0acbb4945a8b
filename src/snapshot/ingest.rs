//! Receives a release that is pushed in pieces: its manifest first, then every file it lists, then the word to commit.
//!
//! Nothing that arrives is visible before all of it is there and has passed every check of a load; then one rename
//! makes it a release. It never serves anything, and nothing that is sent can leave its hidden directory: a version is
//! a [`Version`], and a file's name is one of [`FILES`].

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

mod error;
mod pushes;

pub use error::IngestError;

use pushes::{Push, Pushes};

use super::manifest::{FILES, MANIFEST, Manifest, ReleaseFile, Version};
use super::publish::{PARTIAL, Published, publish};
use super::release::{Release, read_manifest};
use super::store::Store;

/// Pushes that may be under way at once: a rollout sends one release, and an operator perhaps another.
pub const PUSHES_MAX: usize = 4;
/// Disk space that pushes leave free, for the pointer, for logs and for whatever shares the disk.
pub const FREE_BYTES_MIN: u64 = 64 << 20;

/// Stands between [`PARTIAL`] and the version; no other partial directory has a `-` there.
const PUSH: &str = "push-";
/// As the releases beside it, so that whoever may see those may see this one.
#[cfg(unix)]
const DIRECTORY_MODE: u32 = 0o755;

/// What one push may cost.
#[derive(Clone, Copy, Debug)]
pub struct IngestLimits {
    /// All files of a release together.
    pub bytes_max: u64,
    /// A push that nobody continued for so long is abandoned, and its files are removed.
    pub idle_max: Duration,
}

/// How a push stands once its manifest came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// These files are still to be sent: all of them, or what an earlier attempt left.
    Open(Vec<&'static str>),
    /// The store has this very release; there is nothing to send.
    Published,
}

/// Receives pushes into one store. A store belongs to one service.
#[derive(Debug)]
pub struct Ingest {
    store: Store,
    limits: IngestLimits,
    pushes: Mutex<Pushes>,
}

/// A file that is being written: marked as arriving until dropped, and removed unless it was received.
struct Arrival<'a> {
    ingest: &'a Ingest,
    version: &'a Version,
    name: &'static str,
    expected: ReleaseFile,
    path: PathBuf,
}

/// A release that is being checked and published, marked as such until dropped.
struct Commit<'a> {
    ingest: &'a Ingest,
    version: &'a Version,
}

impl Ingest {
    /// Opens a store for pushes, and removes what pushes left there when the process last ended.
    pub fn open(store: Store, limits: IngestLimits) -> Self {
        remove_leftovers(&store);
        Self { store, limits, pushes: Mutex::default() }
    }

    /// Opens a push by its manifest, or goes on with the one that has the same; `version` is the address it came to.
    ///
    /// Senders of one and the same manifest may take turns: a file counts only with the digest that all agree on.
    pub fn begin(&self, version: &Version, manifest: &[u8]) -> Result<Begun, IngestError> {
        let parsed = self.acceptable(version, manifest)?;
        let mut pushes = self.locked();
        pushes.remove_abandoned(self.limits.idle_max);
        if pushes.resumes(&parsed)? {
            return Ok(Begun::Open(pushes.touch(version)?.missing()));
        }
        if self.published(&parsed)? {
            return Ok(Begun::Published);
        }
        self.check_room(&pushes, &parsed)?;
        let push = Push::new(self.directory(version, manifest)?, parsed);
        let missing = push.missing();
        pushes.open(push);
        Ok(Begun::Open(missing))
    }

    /// Writes one file of an open push, as its bytes come. It counts only when all of them came and are those that the
    /// manifest lists; otherwise it is as if it had never been sent.
    pub fn receive(
        &self,
        version: &Version,
        name: &str,
        chunks: impl IntoIterator<Item: AsRef<[u8]>>,
    ) -> Result<(), IngestError> {
        let known = FILES.into_iter().find(|known| *known == name);
        let name = known.ok_or_else(|| IngestError::Name { got: name.to_owned() })?;
        let arrival = self.arrive(version, name)?;
        arrival.write(chunks)?;
        self.locked().touch(version)?.received(name);
        Ok(())
    }

    /// Checks a complete push as if it were to serve, and publishes it; one that is refused is gone. A second word for
    /// what is published is fine.
    pub fn commit(&self, version: &Version) -> Result<Published, IngestError> {
        let taken = self.locked().take(version);
        let push = match taken {
            Err(IngestError::NotOpen { .. }) => return self.committed_before(version),
            other => other?,
        };
        let _commit = Commit { ingest: self, version };
        Release::load_as(push.dir.path(), version)
            .map_err(|source| IngestError::Release { version: version.clone(), source: Box::new(source) })?;
        Ok(publish(&self.store, push.dir, push.manifest)?)
    }

    /// Removes pushes that nobody continued in the time allowed. Due now and then.
    pub fn remove_abandoned(&self) {
        self.locked().remove_abandoned(self.limits.idle_max);
    }

    /// The manifest, if it is one of this address that is not too large.
    fn acceptable(&self, version: &Version, manifest: &[u8]) -> Result<Manifest, IngestError> {
        let parsed = Manifest::from_json(manifest)?;
        if parsed.version != *version {
            return Err(IngestError::Version { expected: version.clone(), got: parsed.version });
        }
        let (got, max) = (parsed.bytes().saturating_add(manifest.len() as u64), self.limits.bytes_max);
        if got <= max { Ok(parsed) } else { Err(IngestError::TooLarge { max, got }) }
    }

    /// Whether the store has this very release; an error where the name is taken by anything else.
    fn published(&self, manifest: &Manifest) -> Result<bool, IngestError> {
        let path = self.store.release_path(&manifest.version);
        match read_manifest(&path) {
            Ok(present) if present == *manifest => Ok(true),
            Err(_) if !path.exists() => Ok(false),
            _ => Err(IngestError::Exists { version: manifest.version.clone() }),
        }
    }

    fn committed_before(&self, version: &Version) -> Result<Published, IngestError> {
        let path = self.store.release_path(version);
        let manifest = read_manifest(&path).map_err(|_| IngestError::NotOpen { version: version.clone() })?;
        let bytes = manifest.bytes() + manifest.to_json().len() as u64;
        Ok(Published { path, manifest, bytes })
    }

    /// Refuses a push before its first byte is written, where it could not be finished.
    fn check_room(&self, pushes: &Pushes, manifest: &Manifest) -> Result<(), IngestError> {
        if pushes.count() >= PUSHES_MAX {
            return Err(IngestError::TooMany);
        }
        let releases = self.store.releases_dir();
        fs::create_dir_all(&releases)?;
        let disk = rustix::fs::statvfs(&releases).map_err(io::Error::from)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize).saturating_sub(FREE_BYTES_MIN);
        let needed = manifest.bytes().saturating_add(pushes.bytes_missing());
        if needed <= free { Ok(()) } else { Err(IngestError::NoRoom { needed, free }) }
    }

    /// The hidden directory of a push, with the manifest in it, as it came.
    fn directory(&self, version: &Version, manifest: &[u8]) -> io::Result<TempDir> {
        let name = format!("{PARTIAL}{PUSH}{version}");
        let leftover = self.store.releases_dir().join(&name);
        if leftover.exists() {
            fs::remove_dir_all(&leftover)?;
        }
        let dir = builder(&name).tempdir_in(self.store.releases_dir())?;
        let mut file = File::create_new(dir.path().join(MANIFEST))?;
        file.write_all(manifest)?;
        file.sync_all()?;
        Ok(dir)
    }

    fn arrive<'a>(&'a self, version: &'a Version, name: &'static str) -> Result<Arrival<'a>, IngestError> {
        let mut pushes = self.locked();
        let push = pushes.touch(version)?;
        let listed = push.manifest.files.iter().find(|file| file.name == name);
        let expected = listed.cloned().ok_or_else(|| IngestError::Name { got: name.to_owned() })?;
        if !push.arrives(name) {
            return Err(IngestError::Busy { version: version.clone() });
        }
        Ok(Arrival { ingest: self, version, name, expected, path: push.dir.path().join(name) })
    }

    fn locked(&self) -> MutexGuard<'_, Pushes> {
        self.pushes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Arrival<'_> {
    fn write(&self, chunks: impl IntoIterator<Item: AsRef<[u8]>>) -> Result<(), IngestError> {
        let written = File::create(&self.path).map_err(IngestError::from).and_then(|file| self.fill(file, chunks));
        if written.is_err() {
            // What is left lies in a directory that goes as a whole; and the error that matters is the one before.
            let _ = fs::remove_file(&self.path);
        }
        written
    }

    fn fill(&self, mut file: File, chunks: impl IntoIterator<Item: AsRef<[u8]>>) -> Result<(), IngestError> {
        let mut hasher = blake3::Hasher::new();
        for chunk in chunks {
            hasher.update(chunk.as_ref());
            // Before it is written, so that the disk never holds more than was agreed on.
            if hasher.count() > self.expected.bytes {
                return Err(self.wrong_size(hasher.count()));
            }
            file.write_all(chunk.as_ref())?;
        }
        if hasher.count() != self.expected.bytes {
            return Err(self.wrong_size(hasher.count()));
        }
        self.check_digest(&hasher.finalize())?;
        Ok(file.sync_all()?)
    }

    fn wrong_size(&self, got: u64) -> IngestError {
        IngestError::Size { name: self.name, expected: self.expected.bytes, got }
    }

    fn check_digest(&self, digest: &blake3::Hash) -> Result<(), IngestError> {
        let (expected, got) = (&self.expected.blake3, digest.to_hex());
        if got.as_str() == expected {
            return Ok(());
        }
        Err(IngestError::Digest { name: self.name, expected: expected.clone(), got: got.to_string() })
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        if let Ok(push) = self.ingest.locked().touch(self.version) {
            push.arrived(self.name);
        }
    }
}

impl Drop for Commit<'_> {
    fn drop(&mut self) {
        self.ingest.locked().committed(self.version);
    }
}

#[cfg(unix)]
fn builder(name: &str) -> tempfile::Builder<'_, 'static> {
    use std::os::unix::fs::PermissionsExt;
    let mut builder = tempfile::Builder::new();
    builder.prefix(name).rand_bytes(0).permissions(fs::Permissions::from_mode(DIRECTORY_MODE));
    builder
}

#[cfg(not(unix))]
fn builder(name: &str) -> tempfile::Builder<'_, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(name).rand_bytes(0);
    builder
}

/// A store that cannot be listed, or cleaned, still serves: pushes into it will say what is wrong.
fn remove_leftovers(store: &Store) {
    let prefix = format!("{PARTIAL}{PUSH}");
    for entry in fs::read_dir(store.releases_dir()).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(&prefix) {
            continue;
        }
        match fs::remove_dir_all(entry.path()) {
            Ok(()) => tracing::info!(path = %entry.path().display(), "what an interrupted push left was removed"),
            Err(error) => tracing::warn!(path = %entry.path().display(), "an interrupted push stays on disk: {error}"),
        }
    }
}
