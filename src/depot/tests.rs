//! A depot never changes what is published, lets one of two publishers win, and takes nothing that is damaged; a directory
//! and an object store alike.

use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::path::Path as Key;
use tempfile::TempDir;

use super::*;
use crate::snapshot::catalogue::{Catalogue, Cluster};
use crate::snapshot::manifest::{MANIFEST, TABLE};
use crate::snapshot::publish::{About, ReleaseWriter, WriteShape};
use crate::snapshot::release::Release;
use crate::snapshot::store::Store;

/// A store with releases of three clusters to publish from.
struct Made {
    dir: TempDir,
}

impl Made {
    fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    /// Writes a release that answers with a score.
    fn release(&self, name: &str, score: f32) -> PathBuf {
        let named = |id: u32| Cluster { id, name: format!("c{id}"), keywords: Vec::new(), parent: None };
        let catalogue = Catalogue::new((1..=3).map(named).collect()).unwrap();
        let shape = WriteShape { depth: 1, width: 2 };
        let mut writer = ReleaseWriter::create(self.dir.path(), catalogue, shape, 1 << 16).unwrap();
        writer.push(&[], &[(0, score)]).unwrap();
        writer.finish(About { version: Some(version(name)), ..About::default() }).unwrap().path
    }

    fn path(&self, name: &str) -> PathBuf {
        Store::open(self.dir.path()).release_path(&version(name))
    }
}

fn version(name: &str) -> Version {
    name.parse().unwrap()
}

fn address(name: &str) -> Address {
    Address::release(version(name))
}

fn bucket(store: &Arc<InMemory>, whole_bytes_max: u64) -> Depot {
    let cloud = Cloud::of(store.clone(), Key::from("some/prefix")).unwrap();
    Depot::Bucket(Bucket::new(cloud).with_whole_bytes_max(whole_bytes_max))
}

/// A depot of each kind, with a second publisher of it; the directory is held by the first value.
fn depots() -> (TempDir, [(Depot, Depot); 3]) {
    let dir = TempDir::new().unwrap();
    let directory = || Depot::Directory(Directory::new(dir.path()));
    let pair = |whole_bytes_max| {
        let store = Arc::new(InMemory::new());
        (bucket(&store, whole_bytes_max), bucket(&store, whole_bytes_max))
    };
    let all = [(directory(), directory()), pair(1 << 20), pair(100)];
    (dir, all)
}

fn put(depot: &Depot, name: &str, dir: &Path) -> Result<Put, DepotError> {
    depot.put(&address(name), dir, &|_| {})
}

#[test]
fn what_is_put_comes_back_and_is_put_once() {
    let made = Made::new();
    made.release("one", 0.5);
    let (_dir, depots) = depots();
    for (depot, _) in depots {
        assert!(depot.release(&version("one"), made.dir.path()).unwrap().is_none());
        assert!(put(&depot, "one", &made.path("one")).unwrap().new);
        assert!(!put(&depot, "one", &made.path("one")).unwrap().new);
        let into = TempDir::new().unwrap();
        let back = depot.release(&version("one"), into.path()).unwrap().unwrap();
        assert_eq!(Release::load(&back).unwrap().manifest().version, version("one"));
        assert_eq!(
            std::fs::read(back.join(MANIFEST)).unwrap(),
            std::fs::read(made.path("one").join(MANIFEST)).unwrap()
        );
    }
}

#[test]
fn a_name_is_never_taken_twice() {
    let (made, other) = (Made::new(), Made::new());
    made.release("one", 0.5);
    other.release("one", 0.25);
    let (_dir, depots) = depots();
    for (depot, _) in depots {
        put(&depot, "one", &made.path("one")).unwrap();
        let error = put(&depot, "one", &other.path("one")).unwrap_err();
        assert!(matches!(error, DepotError::Exists { .. }), "{error}");
    }
}

#[test]
fn what_a_killed_publisher_left_is_gone_on_with_or_refused() {
    let made = Made::new();
    made.release("one", 0.5);
    for (left, is_same) in [(std::fs::read(made.path("one").join(TABLE)).unwrap(), true), (b"other".to_vec(), false)] {
        let store = Arc::new(InMemory::new());
        let cloud = Cloud::of(store.clone(), Key::from("some/prefix")).unwrap();
        let key = cloud.key(&format!("releases/one/{TABLE}"));
        cloud.wait(object_store::ObjectStoreExt::put(&store, &key, left.into())).unwrap();
        assert_eq!(put(&bucket(&store, 1 << 20), "one", &made.path("one")).is_ok(), is_same);
    }
}

#[test]
fn a_damaged_file_is_not_published() {
    let made = Made::new();
    let path = made.release("one", 0.5).join(TABLE);
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let (_dir, depots) = depots();
    for (depot, _) in depots {
        let error = put(&depot, "one", &made.path("one")).unwrap_err();
        assert!(matches!(error, DepotError::Damaged { .. }), "{error}");
        assert!(depot.release(&version("one"), made.dir.path().join("back").as_path()).unwrap().is_none());
    }
}

#[test]
fn what_is_not_there_cannot_be_published() {
    let made = Made::new();
    made.release("one", 0.5);
    let (_dir, depots) = depots();
    for (depot, _) in depots {
        let error = put(&depot, "two", &made.path("one")).unwrap_err();
        assert!(matches!(error, DepotError::Missing { .. }), "{error}");
    }
}

#[test]
fn of_two_publishers_one_wins() {
    let made = Made::new();
    let at = |name: &str| Channel::at(&version(name), &made.release(name, 0.5), None).unwrap();
    let (one, two, three) = (at("one"), at("two"), at("three"));
    let name = version("main");
    let (_dir, depots) = depots();
    for (first, second) in depots {
        for (winner, loser) in [(&one, &two), (&three, &one)] {
            let before = first.channel(&name).unwrap();
            assert_eq!(before, second.channel(&name).unwrap());
            first.point(&name, &before, winner).unwrap();
            let error = second.point(&name, &before, loser).unwrap_err();
            assert!(error.to_string().contains(winner.release.as_str()), "{error}");
            assert_eq!(first.channel(&name).unwrap().channel.as_ref(), Some(winner));
            // Whoever was killed before they heard of it hears of it now.
            first.point(&name, &before, winner).unwrap();
        }
    }
}

#[test]
fn a_url_of_no_store_is_refused() {
    for place in ["ftp://host/path", "s3:///"] {
        assert!(Depot::open(place).is_err(), "{place}");
    }
    assert!(matches!(Depot::open("some/store").unwrap(), Depot::Directory(_)));
}
