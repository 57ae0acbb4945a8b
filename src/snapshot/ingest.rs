//! Receives a release or a model that is pushed in pieces: its manifest first, then every file it lists, then the word
//! to commit.
//!
//! Nothing that arrives is visible before all of it is there and has passed every check of a load; then one rename
//! publishes it. It never serves anything, and nothing that is sent can leave its hidden directory: a version is a
//! [`Version`](super::manifest::Version), and a file's name is one of its kind's.

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

use super::failpoint::{Moment, reached};
use super::manifest::{MANIFEST, ReleaseFile};
use super::pair::check_pair;
use super::parcel::{Address, Kind, Parcel};
use super::publish::{PARTIAL, give_name};
use super::release::ReleaseError;
use super::store::Store;
use crate::config::MissingModel;
use crate::model::engine::Precision;
use crate::model::open::Opened;

/// Pushes that may be under way at once: a rollout sends one release, and an operator perhaps another.
pub const PUSHES_MAX: usize = 4;
/// Disk space that pushes leave free, for the pointer, for logs and for whatever shares the disk.
pub const FREE_BYTES_MIN: u64 = 64 << 20;

/// Stands between [`PARTIAL`] and the version; no other partial directory has a `-` there.
const PUSH: &str = "push-";
/// As the releases beside it, so that whoever may see those may see this one.
#[cfg(unix)]
const DIRECTORY_MODE: u32 = 0o755;

/// What a push may cost, and what it must be.
#[derive(Clone, Copy, Debug)]
pub struct IngestRules {
    /// All files of a release or a model together.
    pub bytes_max: u64,
    /// A push that nobody continued for so long is abandoned, and its files are removed.
    pub idle_max: Duration,
    /// The arithmetic in which a model is asked its golden prompts.
    pub precision: Precision,
    /// Whether a release may be published before its model.
    pub model_missing: MissingModel,
}

/// How a push stands once its manifest came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// These files are still to be sent: all of them, or what an earlier attempt left.
    Open(Vec<&'static str>),
    /// The store has this very release or model; there is nothing to send.
    Published,
}

/// What a push has become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its name.
    pub address: Address,
    /// Bytes of all its files, the manifest's included.
    pub bytes: u64,
}

/// Receives pushes into one store. A store belongs to one service.
#[derive(Debug)]
pub struct Ingest {
    store: Store,
    rules: IngestRules,
    pushes: Mutex<Pushes>,
}

/// A file that is being written: marked as arriving until dropped, and removed unless it was received.
struct Arrival<'a> {
    ingest: &'a Ingest,
    address: &'a Address,
    name: &'static str,
    expected: ReleaseFile,
    path: PathBuf,
}

/// A push that is being checked and published, marked as such until dropped.
struct Commit<'a> {
    ingest: &'a Ingest,
    address: &'a Address,
}

impl Ingest {
    /// Opens a store for pushes, and removes what pushes left there when the process last ended.
    pub fn open(store: Store, rules: IngestRules) -> Self {
        remove_leftovers(&store);
        Self { store, rules, pushes: Mutex::default() }
    }

    /// Opens a push by its manifest, or goes on with the one that has the same; `address` is where it came to.
    ///
    /// Senders of one and the same manifest may take turns: a file counts only with the digest that all agree on.
    pub fn begin(&self, address: &Address, manifest: &[u8]) -> Result<Begun, IngestError> {
        let parcel = self.acceptable(address, manifest)?;
        let mut pushes = self.locked();
        pushes.remove_abandoned(self.rules.idle_max);
        if pushes.resumes(&parcel)? {
            return Ok(Begun::Open(pushes.touch(address)?.missing()));
        }
        if self.published(&parcel)? {
            return Ok(Begun::Published);
        }
        self.check_room(&pushes, &parcel)?;
        let push = Push::new(self.directory(address, manifest)?, parcel);
        reached(Moment::PartialMade);
        let missing = push.missing();
        pushes.open(push);
        Ok(Begun::Open(missing))
    }

    /// Writes one file of an open push, as its bytes come. It counts only when all of them came and are those that the
    /// manifest lists; otherwise it is as if it had never been sent.
    pub fn receive(
        &self,
        address: &Address,
        name: &str,
        chunks: impl IntoIterator<Item: AsRef<[u8]>>,
    ) -> Result<(), IngestError> {
        let known = address.kind.files().iter().find(|known| **known == name);
        let name = *known.ok_or_else(|| IngestError::Name { kind: address.kind, got: name.to_owned() })?;
        let arrival = self.arrive(address, name)?;
        arrival.write(chunks)?;
        reached(Moment::FileReceived);
        self.locked().touch(address)?.received(name);
        Ok(())
    }

    /// Checks a complete push as if it were to serve, and publishes it; one that is refused is gone, but for a release
    /// that only lacks its model. A second word for what is published is fine.
    pub fn commit(&self, address: &Address) -> Result<Committed, IngestError> {
        self.check_needs(address)?;
        let taken = self.locked().take(address);
        let push = match taken {
            Err(IngestError::NotOpen { .. }) => return self.committed_before(address),
            other => other?,
        };
        let _commit = Commit { ingest: self, address };
        push.parcel.check(push.dir.path(), self.rules.precision)?;
        self.check_pair(&push.parcel)?;
        let committed = committed(&push.parcel);
        give_name(push.dir, &address.path(&self.store), |_| address.read(&self.store).as_ref() == Some(&push.parcel))
            .map_err(|error| named(error, address))?;
        Ok(committed)
    }

    /// Removes pushes that nobody continued in the time allowed. Due now and then.
    pub fn remove_abandoned(&self) {
        self.locked().remove_abandoned(self.rules.idle_max);
    }

    /// What a manifest describes, if that is of this address and not too large.
    fn acceptable(&self, address: &Address, manifest: &[u8]) -> Result<Parcel, IngestError> {
        let parcel = Parcel::from_json(address.kind, manifest)?;
        if parcel.address() != *address {
            return Err(IngestError::Version { expected: address.clone(), got: parcel.address() });
        }
        let (got, max) = (parcel.bytes().saturating_add(manifest.len() as u64), self.rules.bytes_max);
        if got <= max { Ok(parcel) } else { Err(IngestError::TooLarge { kind: address.kind, max, got }) }
    }

    /// Whether the store has this very release or model; an error where the name is taken by anything else.
    fn published(&self, parcel: &Parcel) -> Result<bool, IngestError> {
        let address = parcel.address();
        match address.read(&self.store) {
            Some(present) if present == *parcel => Ok(true),
            None if !address.path(&self.store).exists() => Ok(false),
            _ => Err(IngestError::Exists { address }),
        }
    }

    fn committed_before(&self, address: &Address) -> Result<Committed, IngestError> {
        let present = address.read(&self.store);
        present.as_ref().map(committed).ok_or_else(|| IngestError::NotOpen { address: address.clone() })
    }

    /// Refuses to publish a release whose model is not there, while its push stays open: the model may still come.
    fn check_needs(&self, address: &Address) -> Result<(), IngestError> {
        let needed = self.locked().find(address).and_then(|push| push.parcel.needs().cloned());
        let lacked = needed.filter(|model| !self.store.model_path(model).join(MANIFEST).exists());
        match lacked.filter(|_| self.rules.model_missing == MissingModel::Refuse) {
            Some(model) => Err(IngestError::NeedsModel { release: address.version.clone(), model }),
            None => Ok(()),
        }
    }

    /// Refuses a release that was not made for the model that it names, where that is there.
    fn check_pair(&self, parcel: &Parcel) -> Result<(), IngestError> {
        let Parcel::Release(release) = parcel else { return Ok(()) };
        let model = release.model.as_ref().map(|model| self.store.model_path(model)).filter(|path| path.exists());
        let Some(path) = model else { return Ok(()) };
        let paired = Opened::open(&path)
            .map_err(ReleaseError::from)
            .and_then(|model| Ok(check_pair(release, &model.manifest, &model.config)?));
        paired.map_err(|source| IngestError::Release { version: release.version.clone(), source: Box::new(source) })
    }

    /// Refuses a push before its first byte is written, where it could not be finished.
    fn check_room(&self, pushes: &Pushes, parcel: &Parcel) -> Result<(), IngestError> {
        if pushes.count() >= PUSHES_MAX {
            return Err(IngestError::TooMany);
        }
        let home = parcel.address().kind.home(&self.store);
        fs::create_dir_all(&home)?;
        let disk = rustix::fs::statvfs(&home).map_err(io::Error::from)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize).saturating_sub(FREE_BYTES_MIN);
        let needed = parcel.bytes().saturating_add(pushes.bytes_missing());
        if needed <= free { Ok(()) } else { Err(IngestError::NoRoom { needed, free }) }
    }

    /// The hidden directory of a push, with the manifest in it, as it came.
    fn directory(&self, address: &Address, manifest: &[u8]) -> io::Result<TempDir> {
        let name = format!("{PARTIAL}{PUSH}{}", address.version);
        let home = address.kind.home(&self.store);
        let leftover = home.join(&name);
        if leftover.exists() {
            fs::remove_dir_all(&leftover)?;
        }
        let dir = builder(&name).tempdir_in(home)?;
        let mut file = File::create_new(dir.path().join(MANIFEST))?;
        file.write_all(manifest)?;
        file.sync_all()?;
        Ok(dir)
    }

    fn arrive<'a>(&'a self, address: &'a Address, name: &'static str) -> Result<Arrival<'a>, IngestError> {
        let mut pushes = self.locked();
        let push = pushes.touch(address)?;
        let listed = push.parcel.files().iter().find(|file| file.name == name);
        let unlisted = || IngestError::Name { kind: address.kind, got: name.to_owned() };
        let expected = listed.cloned().ok_or_else(unlisted)?;
        if !push.arrives(name) {
            return Err(IngestError::Busy { address: address.clone() });
        }
        Ok(Arrival { ingest: self, address, name, expected, path: push.dir.path().join(name) })
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
        if let Ok(push) = self.ingest.locked().touch(self.address) {
            push.arrived(self.name);
        }
    }
}

impl Drop for Commit<'_> {
    fn drop(&mut self) {
        self.ingest.locked().committed(self.address);
    }
}

fn committed(parcel: &Parcel) -> Committed {
    Committed { address: parcel.address(), bytes: parcel.bytes() + parcel.to_json().len() as u64 }
}

fn named(error: io::Error, address: &Address) -> IngestError {
    match error.kind() {
        io::ErrorKind::AlreadyExists => IngestError::Exists { address: address.clone() },
        _ => error.into(),
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
    let homes = Kind::ALL.map(|kind| fs::read_dir(kind.home(store)));
    for entry in homes.into_iter().flatten().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(&prefix) {
            continue;
        }
        match fs::remove_dir_all(entry.path()) {
            Ok(()) => tracing::info!(path = %entry.path().display(), "what an interrupted push left was removed"),
            Err(error) => tracing::warn!(path = %entry.path().display(), "an interrupted push stays on disk: {error}"),
        }
    }
}
