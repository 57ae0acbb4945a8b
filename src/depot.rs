//! A depot: where releases, models and channels lie for services to take, in a directory or an object store.
//!
//! ```text
//! models/VERSION/  releases/VERSION/   files, the manifest last; made once, never changed
//! channels/NAME.json                   the pointer; replaced only if it still is what its publisher read
//! ```
//!
//! Whoever reads the channel finds everything that it names. It must never replace what is published.

use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
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
pub use package::Papers;

use channel::CHANNEL_FORMAT;
use package::Package;

use crate::cloud::{Cloud, is_url};
use crate::snapshot::manifest::Version;
use crate::snapshot::parcel::{Address, Kind, Parcel};

/// Largest channel that is read; ours have some hundred bytes.
const CHANNEL_BYTES_MAX: u64 = 64 << 10;
/// Largest signature that is read; ours have 64 bytes.
const SIGNATURE_BYTES_MAX: u64 = 4 << 10;

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

    /// What says what a published release or model is; `None` where it is not there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn papers(&self, address: &Address) -> Result<Option<Papers>, DepotError> {
        match self {
            Self::Directory(directory) => directory.papers(address),
            Self::Bucket(bucket) => bucket.papers(address),
        }
    }

    /// The channel that names a release which is published here already.
    ///
    /// # Errors
    /// When it is not there, or cannot be read.
    pub fn channel_at(&self, release: &Version, previous: Option<Version>) -> Result<Channel, DepotError> {
        let address = Address::release(release.clone());
        let papers = self.papers(&address)?.ok_or_else(|| DepotError::Unpublished { address: address.clone() })?;
        let parcel = Parcel::from_json(Kind::Release, &papers.manifest)
            .map_err(|source| DepotError::Manifest { address, source: Box::new(source) })?;
        Ok(Channel::naming(&parcel, &papers, previous))
    }

    /// Bytes of a file of a published release or model; fewer where the file ends before. The range is held in memory.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn piece(&self, address: &Address, name: &str, range: Range<u64>) -> Result<Bytes, DepotError> {
        match self {
            Self::Directory(directory) => directory.piece(address, name, range).map(Bytes::from),
            Self::Bucket(bucket) => bucket.piece(address, name, range),
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
        Ok(Self::naming(&package.parcel, &package.papers, previous))
    }

    /// A channel at a release that is described so.
    fn naming(parcel: &Parcel, papers: &Papers, previous: Option<Version>) -> Self {
        Self {
            format: CHANNEL_FORMAT.to_owned(),
            release: parcel.address().version,
            model: parcel.needs().cloned(),
            manifest_blake3: blake3::hash(&papers.manifest).to_hex().to_string(),
            previous,
        }
    }
}

#[cfg(test)]
mod tests;
