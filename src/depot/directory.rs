//! A depot that is a directory: a store as `segue serve` reads it, with channels beside its own pointer.
//!
//! Everything gets its name in one rename after it was synced, so that nobody meets half of it and no kill leaves half.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::snapshot::manifest::{MANIFEST, Version};
use crate::snapshot::parcel::Address;
use crate::snapshot::publish::{give_name, start_in};
use crate::snapshot::store::{Store, sync_dir};

use super::channel::{CHANNELS, Channel};
use super::package::Package;
use super::{DepotError, Pointed, Put};
use crate::snapshot::failpoint::{Moment, reached};

/// Held while a channel is compared and replaced.
const LOCK: &str = ".lock";

/// A store on a disk.
#[derive(Clone, Debug)]
pub struct Directory {
    store: Store,
}

impl Directory {
    /// Names a store; nothing is read or made yet.
    pub fn new(dir: &Path) -> Self {
        Self { store: Store::open(dir) }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn channel(&self, name: &Version) -> Result<Pointed, DepotError> {
        let path = self.store.dir().join(Channel::path(name));
        let channel = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            other => Some(super::parse(&path.to_string_lossy(), &other.map_err(io_error(&path))?)?),
        };
        Ok(Pointed { channel, tag: None })
    }

    pub(super) fn put(&self, package: &Package, moved: &dyn Fn(u64)) -> Result<Put, DepotError> {
        let address = package.parcel.address();
        let place = address.path(&self.store);
        let is_same = |place: &Path| fs::read(place.join(MANIFEST)).is_ok_and(|there| there == package.manifest);
        if is_same(&place) {
            return Ok(Put { bytes: package.bytes(), new: false });
        }
        let home = address.kind.home(&self.store);
        let partial = start_in(&home).map_err(io_error(&home))?;
        for file in package.parcel.files() {
            let path = partial.path().join(&file.name);
            let mut to = File::create_new(&path).map_err(io_error(&path))?;
            package.copy(file, &mut to, moved)?;
            to.sync_all().map_err(io_error(&path))?;
            reached(Moment::FilePut);
        }
        write_synced(&partial.path().join(MANIFEST), &package.manifest)?;
        give_name(partial, &place, is_same).map_err(|error| taken(&address, &place, error))?;
        reached(Moment::ManifestPut);
        Ok(Put { bytes: package.bytes(), new: true })
    }

    /// Replaces a channel if it still says what it did.
    pub(super) fn point(&self, name: &Version, from: &Pointed, to: &Channel) -> Result<(), DepotError> {
        let dir = self.store.dir().join(CHANNELS);
        fs::create_dir_all(&dir).map_err(io_error(&dir))?;
        let lock = dir.join(LOCK);
        let _lock = File::create(&lock).and_then(|file| file.lock().map(|()| file)).map_err(io_error(&lock))?;
        let now = self.channel(name)?;
        if now.channel.as_ref() == Some(to) {
            return Ok(());
        }
        now.check_unmoved(name, from)?;
        let (path, partial) = (self.store.dir().join(Channel::path(name)), dir.join(format!(".{name}-partial")));
        // A killed writer may have left one.
        let _ = fs::remove_file(&partial);
        write_synced(&partial, &to.to_json())?;
        fs::rename(&partial, &path).and_then(|()| sync_dir(&dir)).map_err(io_error(&path))
    }

    pub(super) fn release(&self, version: &Version) -> Option<PathBuf> {
        Some(self.store.release_path(version)).filter(|path| path.join(MANIFEST).is_file())
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), DepotError> {
    let write = || {
        let mut file = File::create_new(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(io_error(path))
}

fn taken(address: &Address, place: &Path, error: io::Error) -> DepotError {
    match error.kind() {
        io::ErrorKind::AlreadyExists => DepotError::Exists { what: address.to_string() },
        _ => io_error(place)(error),
    }
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> DepotError {
    |source| DepotError::Io { path: path.to_owned(), source }
}
