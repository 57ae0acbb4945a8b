//! A depot that is a directory: a store as `segue serve` reads it, with channels beside its own pointer.
//!
//! Everything gets its name in one rename after it was synced, so that nobody meets half of it and no kill leaves half.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::channel::{CHANNELS, Channel};
use super::package::{Package, Papers};
use super::{DepotError, Pointed, Put};
use crate::snapshot::failpoint::{Moment, reached};
use crate::snapshot::manifest::{MANIFEST, SIGNATURE, Version};
use crate::snapshot::parcel::Address;
use crate::snapshot::publish::{give_name, start_in};
use crate::snapshot::store::{Store, sync_dir};

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
        let channel = match read(&path, super::CHANNEL_BYTES_MAX)? {
            Some(bytes) => Some(Channel::from_json(&path.to_string_lossy(), &bytes)?),
            None => None,
        };
        Ok(Pointed { channel, tag: None })
    }

    pub(super) fn put(&self, package: &Package, moved: &dyn Fn(u64)) -> Result<Put, DepotError> {
        let address = package.parcel.address();
        let place = address.path(&self.store);
        let is_same = |place: &Path| fs::read(place.join(MANIFEST)).is_ok_and(|there| there == package.papers.manifest);
        if is_same(&place) {
            self.sign(&place, package)?;
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
        self.sign(partial.path(), package)?;
        write_synced(&partial.path().join(MANIFEST), &package.papers.manifest)?;
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
        replace(&self.store.dir().join(Channel::path(name)), &to.to_json())
    }

    pub(super) fn release(&self, version: &Version) -> Option<PathBuf> {
        Some(self.store.release_path(version)).filter(|path| path.join(MANIFEST).is_file())
    }

    pub(super) fn papers(&self, address: &Address) -> Result<Option<Papers>, DepotError> {
        Papers::of(|name, bytes_max| read(&address.path(&self.store).join(name), bytes_max))
    }

    pub(super) fn piece(&self, address: &Address, name: &str, range: Range<u64>) -> Result<Vec<u8>, DepotError> {
        let path = address.path(&self.store).join(name);
        let mut bytes = Vec::with_capacity((range.end - range.start) as usize);
        let mut read = || {
            let mut file = File::open(&path)?;
            file.seek(SeekFrom::Start(range.start))?;
            file.take(range.end - range.start).read_to_end(&mut bytes)
        };
        read().map_err(io_error(&path))?;
        Ok(bytes)
    }

    /// Puts a signature where there is none yet.
    fn sign(&self, dir: &Path, package: &Package) -> Result<(), DepotError> {
        let path = dir.join(SIGNATURE);
        match (&package.papers.signature, read(&path, super::SIGNATURE_BYTES_MAX)?) {
            (Some(signature), Some(there)) if *signature != there => {
                Err(DepotError::Exists { what: path.to_string_lossy().into_owned() })
            }
            (Some(signature), None) => replace(&path, signature),
            _ => Ok(()),
        }
    }
}

/// What a small file holds; `None` where there is none.
pub(super) fn read(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, DepotError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(io_error(path))?,
    };
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(io_error(path))?;
    if bytes.len() as u64 <= bytes_max {
        return Ok(Some(bytes));
    }
    Err(DepotError::TooLarge { what: path.to_string_lossy().into_owned(), bytes_max })
}

/// Puts a file in the place of another, or of none, in one durable step.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), DepotError> {
    let (dir, name) = (path.parent().unwrap_or(path), path.file_name().unwrap_or_default());
    let partial = dir.join(format!(".{}-partial", name.to_string_lossy()));
    // A killed writer may have left one.
    let _ = fs::remove_file(&partial);
    write_synced(&partial, bytes)?;
    fs::rename(&partial, path).and_then(|()| sync_dir(dir)).map_err(io_error(path))
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
