//! A depot on the disk, with releases that are made as they are named, and the ways to damage it; it must hold no test.

use std::fs;
use std::path::{Path, PathBuf};

use segue::depot::{Channel, Depot, Pointed};
use segue::snapshot::catalogue::{Catalogue, Cluster};
use segue::snapshot::manifest::{FILES, Manifest, Version};
use segue::snapshot::parcel::Address;
use segue::snapshot::publish::{About, ReleaseWriter, WriteShape};
use segue::snapshot::store::Store;
use tempfile::TempDir;

use crate::s3::S3;
use crate::support::model;
use crate::support::release::version;

/// The channel that services follow unless told else.
pub(crate) const CHANNEL: &str = "production";
/// Bytes of keywords in a large release's catalogue: some pieces of the smallest size.
const LARGE_BYTES: usize = 600_000;

/// What may be wrong with what is published.
pub(crate) enum Damage {
    /// A file ends in its middle.
    Cut(&'static str),
    /// A file begins with another byte.
    Flip(&'static str),
    /// A file is not there.
    Gone(&'static str),
    /// The channel says something else than it should, or is not there.
    Channel(fn(&str) -> Option<String>),
}

/// Releases that were made, and a depot that they are published in.
pub(crate) struct Made {
    store: TempDir,
    depot: TempDir,
}

impl Made {
    /// Publishes small releases, one after the other.
    pub(crate) fn new(names: &[&str]) -> Self {
        let made = Self::empty();
        names.iter().for_each(|name| made.publish(name));
        made
    }

    /// Makes a release whose catalogue comes in several pieces; it is not published yet.
    pub(crate) fn large(name: &str) -> Self {
        let made = Self::empty();
        made.make((name, None), LARGE_BYTES);
        made
    }

    /// Publishes a release with its model.
    pub(crate) fn with_model(name: &str) -> Self {
        let made = Self::empty();
        let catalogue = made.make(("scratch", None), 1).catalogue;
        let model = model::publish(made.store.path(), &catalogue, 3, 1).manifest.version;
        made.make((name, Some(model.clone())), 1);
        let path = Store::open(made.store.path()).model_path(&model);
        made.depot().put(&Address::model(model), &path, &|_| {}).expect("it is sound");
        made.publish(name);
        made
    }

    fn empty() -> Self {
        let dir = || TempDir::new().expect("a temporary directory");
        Self { store: dir(), depot: dir() }
    }

    /// Where services pull from.
    pub(crate) fn path(&self) -> &Path {
        self.depot.path()
    }

    /// Makes a release of that name, if there is none, publishes it, and points the channel at it.
    pub(crate) fn publish(&self, name: &str) {
        self.put(&self.depot(), name);
        self.point(&self.depot(), name);
    }

    /// The same with the release damaged before the channel names it, or with a channel that says something else.
    pub(crate) fn publish_damaged(&self, name: &str, damage: &Damage) {
        self.put(&self.depot(), name);
        match damage {
            Damage::Cut(file) => self.change(name, file, |bytes| bytes.truncate(bytes.len() / 2)),
            Damage::Flip(file) => self.change(name, file, |bytes| bytes[0] ^= 1),
            Damage::Gone(file) => fs::remove_file(self.published(name).join(file)).expect("it was put"),
            Damage::Channel(_) => {}
        }
        match damage {
            Damage::Channel(change) => {
                let channel = Channel::at(&version(name), &self.made(name), None).expect("it is complete");
                let text = String::from_utf8(channel.to_json()).expect("it is text");
                self.write_channel(change(&text).as_deref());
            }
            _ => self.point(&self.depot(), name),
        }
    }

    /// Changes a file of a published release.
    pub(crate) fn change(&self, name: &str, file: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.published(name).join(file);
        let mut bytes = fs::read(&path).expect("it was put");
        change(&mut bytes);
        fs::write(&path, bytes).expect("it can be written");
    }

    /// What a file of a release was when it was made.
    pub(crate) fn read(&self, name: &str, file: &str) -> Vec<u8> {
        fs::read(self.made(name).join(file)).expect("it was made")
    }

    /// Bytes of all files that a release's manifest lists.
    pub(crate) fn bytes(&self, name: &str) -> u64 {
        FILES.map(|file| self.read(name, file).len() as u64).iter().sum()
    }

    /// Publishes to a server.
    pub(crate) fn publish_to(&self, s3: &S3, name: &str) {
        self.put(&s3.depot(), name);
        self.point(&s3.depot(), name);
    }

    /// Replaces the channel in one step, or removes it.
    fn write_channel(&self, text: Option<&str>) {
        let path = self.depot.path().join(format!("channels/{CHANNEL}.json"));
        let partial = path.with_extension("partial");
        match text {
            None => fs::remove_file(&path).expect("it is there"),
            Some(text) => {
                fs::write(&partial, text).and_then(|()| fs::rename(&partial, &path)).expect("the depot can be written")
            }
        }
    }

    fn published(&self, name: &str) -> PathBuf {
        Store::open(self.depot.path()).release_path(&version(name))
    }

    fn depot(&self) -> Depot {
        Depot::open(&self.depot.path().to_string_lossy()).expect("a directory")
    }

    fn put(&self, depot: &Depot, name: &str) {
        if !self.made(name).exists() {
            self.make((name, None), 1);
        }
        depot.put(&Address::release(version(name)), &self.made(name), &|_| {}).expect("it is sound");
    }

    fn point(&self, depot: &Depot, name: &str) {
        let from = depot.channel(&version(CHANNEL)).unwrap_or_else(|_| {
            self.write_channel(None);
            Pointed::default()
        });
        let to = Channel::at(&version(name), &self.made(name), None).expect("it is complete");
        depot.point(&version(CHANNEL), &from, &to).expect("nobody else publishes");
    }

    fn made(&self, name: &str) -> PathBuf {
        Store::open(self.store.path()).release_path(&version(name))
    }

    /// Makes a release whose catalogue has about so many bytes of keywords.
    fn make(&self, (name, model): (&str, Option<Version>), bytes: usize) -> Manifest {
        let keywords = |id: u32| vec![format!("k{id}").repeat(bytes.div_ceil(6))];
        let cluster = |id| Cluster { id, name: format!("c{id}"), keywords: keywords(id), parent: None };
        let catalogue = Catalogue::new((1..=3).map(cluster).collect()).expect("distinct ids");
        let shape = WriteShape { depth: 1, width: 2 };
        let mut writer = ReleaseWriter::create(self.store.path(), catalogue, shape, 1 << 16).expect("a place");
        writer.push(&[], &[(0, 0.5)]).expect("a row");
        let about = About { version: Some(version(name)), model, ..About::default() };
        writer.finish(about).expect("room on the disk").manifest
    }
}
