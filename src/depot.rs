//! A depot: where releases, models and channels lie for services to take, in a directory or an object store.
//!
//! ```text
//! models/VERSION/  releases/VERSION/   files, the manifest last; made once, never changed
//! channels/NAME.json                   the pointer; replaced only if it still is what its publisher read
//! ```
//!
//! Whoever reads the channel finds everything that it names. It must never replace what is published.

use std::path::{Path, PathBuf};

use crate::snapshot::manifest::Version;
use crate::snapshot::parcel::Address;
use object_store::UpdateVersion;

pub mod bucket;
pub mod channel;
pub mod directory;
pub mod error;
mod package;

pub use bucket::Bucket;
pub use channel::Channel;
pub use directory::Directory;
pub use error::DepotError;

use channel::CHANNEL_FORMAT;
use package::Package;

use crate::cloud::{Cloud, is_url};

/// Where services look.
#[derive(Debug)]
pub enum Depot {
    /// A store on a disk.
    Directory(Directory),
    /// A prefix of an object store.
    Bucket(Bucket),
}

/// What a channel said when it was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pointed {
    /// `None` where there is no such channel yet.
    pub channel: Option<Channel>,
    /// What the object store knows this state of it by.
    pub tag: Option<UpdateVersion>,
}

/// What putting did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Put {
    /// Bytes of all its files.
    pub bytes: u64,
    /// Whether it was not there before.
    pub new: bool,
}

impl Depot {
    /// The depot that a path or a URL names; nothing is asked of it yet.
    ///
    /// # Errors
    /// When it is a URL of no store.
    pub fn open(place: &str) -> Result<Self, DepotError> {
        Ok(if is_url(place) {
            Self::Bucket(Bucket::new(Cloud::open(place)?))
        } else {
            Self::Directory(Directory::new(Path::new(place)))
        })
    }

    /// What a channel says.
    ///
    /// # Errors
    /// When it cannot be read, or is none.
    pub fn channel(&self, name: &Version) -> Result<Pointed, DepotError> {
        match self {
            Self::Directory(directory) => directory.channel(name),
            Self::Bucket(bucket) => bucket.channel(name),
        }
    }

    /// Puts the release or model that lies in `dir`, unless it is there already; tells `moved` of the bytes.
    ///
    /// # Errors
    /// When it is not complete, when its name is taken by something else, or when the depot refuses.
    pub fn put(&self, address: &Address, dir: &Path, moved: &dyn Fn(u64)) -> Result<Put, DepotError> {
        let package = Package::open(address, dir)?;
        match self {
            Self::Directory(directory) => directory.put(&package, moved),
            Self::Bucket(bucket) => bucket.put(&package, moved),
        }
    }

    /// Moves a channel, if it still says what it did.
    ///
    /// # Errors
    /// When it was moved by someone else, or when the depot refuses.
    pub fn point(&self, name: &Version, from: &Pointed, to: &Channel) -> Result<(), DepotError> {
        match self {
            Self::Directory(directory) => directory.point(name, from, to),
            Self::Bucket(bucket) => bucket.point(name, from, to),
        }
    }

    /// A directory with a published release, brought to `into` if it is not on this machine; `None` where it is not there.
    ///
    /// # Errors
    /// When it cannot be brought.
    pub fn release(&self, version: &Version, into: &Path) -> Result<Option<PathBuf>, DepotError> {
        match self {
            Self::Directory(directory) => Ok(directory.release(version)),
            Self::Bucket(bucket) => bucket.release(version, into),
        }
    }
}

impl Pointed {
    /// The release that it names.
    pub fn release(&self) -> Option<&Version> {
        self.channel.as_ref().map(|channel| &channel.release)
    }

    fn check_unmoved(&self, name: &Version, expected: &Self) -> Result<(), DepotError> {
        if self.channel == expected.channel { Ok(()) } else { Err(self.moved(name, expected)) }
    }

    fn moved(&self, name: &Version, expected: &Self) -> DepotError {
        let (expected, got) = (expected.release().cloned(), self.release().cloned());
        DepotError::Moved { channel: name.clone(), expected, got }
    }
}

impl Channel {
    /// A channel at the release that lies in a directory.
    ///
    /// # Errors
    /// When there is none.
    pub fn at(release: &Version, dir: &Path, previous: Option<Version>) -> Result<Self, DepotError> {
        let package = Package::open(&Address::release(release.clone()), dir)?;
        Ok(Self {
            format: CHANNEL_FORMAT.to_owned(),
            release: release.clone(),
            model: package.parcel.needs().cloned(),
            manifest_blake3: blake3::hash(&package.manifest).to_hex().to_string(),
            previous,
        })
    }
}

fn parse(what: &str, bytes: &[u8]) -> Result<Channel, DepotError> {
    serde_json::from_slice(bytes).map_err(|source| DepotError::Channel { what: what.to_owned(), source })
}

#[cfg(test)]
mod tests;
