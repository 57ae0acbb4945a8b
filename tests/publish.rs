//! What a publish leaves on disk: a name that follows from the whole release, and files that another user's service
//! can read as far as the publisher's umask lets it.

mod support;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use segue::snapshot::format::Shape;
use segue::snapshot::manifest::{Provenance, Version};
use segue::snapshot::publish::{About, Published};
use segue::snapshot::store::{STATE, Store};
use support::table::{Case, catalogue, publish, some_rows};
use tempfile::TempDir;

const SHAPE: Shape = Shape { clusters: 5, depth: 2, width: 2 };

fn published(dir: &Path, about: About) -> Published {
    publish(dir, catalogue([3, 5, 8, 13, 21]), &Case { shape: SHAPE, rows: some_rows(SHAPE) }, about)
}

#[test]
fn a_derived_name_follows_from_all_that_a_manifest_says() {
    let cited = |citation: &str| Provenance { citation: Some(citation.to_owned()), ..Provenance::default() };
    let abouts = [
        About::default(),
        About { provenance: cited("one"), ..About::default() },
        About { provenance: cited("another"), ..About::default() },
        About { created_unix_s: Some(1), ..About::default() },
        About { model: "m1".parse().ok(), ..About::default() },
        About { quality: [("hit@5".to_owned(), 0.5)].into(), ..About::default() },
        About { expected_sources: [("table".to_owned(), 0.5)].into(), ..About::default() },
    ];
    let (first, second) = (TempDir::new().expect("a directory"), TempDir::new().expect("a directory"));
    // Twice into the first store: the same release again is no conflict.
    let names = [first.path(), first.path(), second.path()]
        .map(|dir| abouts.iter().map(|about| published(dir, about.clone()).manifest.version).collect::<Vec<Version>>());
    assert!(names.iter().all(|again| *again == names[0]), "{names:?}");
    assert_eq!(names[0].iter().collect::<BTreeSet<_>>().len(), abouts.len(), "{names:?}");
    let snapshots: BTreeSet<_> =
        abouts.into_iter().map(|about| published(first.path(), about).manifest.snapshot).collect();
    assert_eq!(snapshots.len(), 1, "the table is the same in all of them");
}

#[test]
fn only_the_umask_decides_who_can_read_a_store() {
    let dir = TempDir::new().expect("a directory");
    let release = published(dir.path(), About::default());
    let store = Store::open(dir.path());
    store.activate(&release.manifest.version).expect("the release is complete");
    let (plain_file, plain_dir) = (dir.path().join("file"), dir.path().join("dir"));
    File::create(&plain_file).expect("a file");
    fs::create_dir(&plain_dir).expect("a directory");
    let files = fs::read_dir(&release.path).expect("the release").map(|entry| entry.expect("a file").path());
    for file in files.chain([dir.path().join(STATE)]) {
        assert_eq!(mode(&file), mode(&plain_file), "{}", file.display());
    }
    for dir in [release.path, store.releases_dir()] {
        assert_eq!(mode(&dir), mode(&plain_dir), "{}", dir.display());
    }
}

fn mode(path: &PathBuf) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode()
}
