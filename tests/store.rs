//! Publishing and pointing, as long as nobody dies: what is refused, what may be repeated, and who may read it.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use segue::snapshot::format::Shape;
use segue::snapshot::manifest::{Provenance, Version};
use segue::snapshot::publish::{About, ReleaseWriter, WriteShape};
use segue::snapshot::release::{ReleaseError, read_manifest};
use segue::snapshot::store::{STATE, State, Store, StoreError};
use support::table::{Case, catalogue, publish, some_rows, variant, variants};
use tempfile::TempDir;

const SHAPE: Shape = Shape { clusters: 3, depth: 1, width: 2 };

fn case() -> Case {
    Case { shape: SHAPE, rows: some_rows(SHAPE) }
}

fn about(version: &str) -> About {
    About { version: version.parse().ok(), ..About::default() }
}

fn writer(dir: &Path) -> ReleaseWriter {
    let mut writer =
        ReleaseWriter::create(dir, catalogue(0..3), WriteShape { depth: 1, width: 2 }, 4096).expect("a store");
    writer.push(&[], &[(0, 0.5)]).expect("a good row");
    writer
}

fn store() -> TempDir {
    TempDir::new().expect("a temporary directory")
}

fn version(name: &str) -> Version {
    name.parse().expect("a version name")
}

fn versions(dir: &Path) -> Vec<String> {
    Store::open(dir).versions().expect("the store can be listed").into_iter().map(String::from).collect()
}

#[test]
fn nothing_shows_before_the_end() {
    let dir = store();
    let unfinished = writer(dir.path());
    assert_eq!(versions(dir.path()), [""; 0]);
    drop(unfinished);
    assert_eq!(fs::read_dir(dir.path().join("releases")).expect("made by the writer").count(), 0);
    writer(dir.path()).finish(about("v1")).expect("nothing is in the way");
    assert_eq!(versions(dir.path()), ["v1"]);
}

#[test]
fn the_same_content_gets_the_same_name_and_may_be_published_again() {
    let dir = store();
    let publish = |about| publish(dir.path(), catalogue(0..3), &case(), about);
    let (first, again) = (publish(About::default()), publish(About::default()));
    assert_eq!((&first.path, &first.manifest, first.bytes), (&again.path, &again.manifest, again.bytes));
    let other = publish(about("named"));
    assert_eq!(other.manifest.snapshot, first.manifest.snapshot);
    let on_disk = fs::read_dir(&first.path).expect("published").filter_map(Result::ok);
    assert_eq!(on_disk.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum::<u64>(), first.bytes);
    assert_eq!(versions(dir.path()), [first.manifest.version.as_str(), "named"]);
}

#[test]
fn a_derived_name_follows_from_all_that_the_manifest_says() {
    let dir = store();
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
    let name = |about: &About| publish(dir.path(), catalogue(0..3), &case(), about.clone()).manifest.version;
    let (first, again) = (abouts.each_ref().map(name), abouts.each_ref().map(name));
    assert_eq!(first, again);
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), abouts.len(), "{first:?}");
}

#[test]
fn every_publish_error_is_tripped_by_its_cause() {
    let dir = store();
    writer(dir.path()).finish(about("taken")).expect("nothing is in the way");
    let mut other = writer(dir.path());
    other.push(&[1], &[(0, 0.5)]).expect("a good row");
    let exists = other.finish(about("taken")).expect_err("the name holds something else");
    let row = writer(dir.path()).push(&[], &[(0, 0.5)]).expect_err("a row that comes twice");
    let file = dir.path().join("file");
    fs::write(&file, "").expect("its place is free");
    let shape = WriteShape { depth: 1, width: 1 };
    let io = ReleaseWriter::create(&file, catalogue(0..3), shape, 4096).expect_err("a file is no store");
    // No test has memory for 2^32 clusters.
    let mut seen: BTreeSet<_> = ["Clusters".to_owned()].into();
    for (error, words) in
        [(exists, "release taken exists with other content"), (row, "or twice"), (io, "nothing was published")]
    {
        assert!(error.to_string().contains(words), "{error}");
        seen.insert(variant(&error));
    }
    assert_eq!(seen, variants("src/snapshot/publish.rs", "PublishError"));
    assert_eq!(versions(dir.path()), ["taken"]);
}

#[test]
fn the_pointer_moves_and_remembers_one_step() {
    let dir = store();
    for name in ["a", "b", "c"] {
        publish(dir.path(), catalogue(0..3), &case(), about(name));
    }
    let store = Store::open(dir.path());
    assert_eq!(store.state().expect("no pointer is no error"), State::default());
    let steps =
        [("a", None, ""), ("b", Some("a"), ""), ("b", Some("a"), ""), ("c", Some("b"), "a"), ("b", Some("c"), "a")];
    for (name, previous, retired) in steps {
        let retired = retired.split_terminator(',').map(version).collect();
        let expected =
            State { current: Some(version(name)), previous: previous.map(version), retired, ..State::default() };
        assert_eq!(store.activate(&version(name)).expect("it is complete"), expected);
        assert_eq!(store.state().expect("just written"), expected);
    }
}

#[test]
fn the_pointer_and_the_release_can_be_read_by_whom_the_umask_allows() {
    let dir = store();
    let path = publish(dir.path(), catalogue(0..3), &case(), about("v1")).path;
    Store::open(dir.path()).activate(&version("v1")).expect("it is complete");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    let (plain_file, plain_dir) = (dir.path().join("file"), dir.path().join("dir"));
    fs::write(&plain_file, "").and_then(|()| fs::create_dir(&plain_dir)).expect("their places are free");
    assert_eq!(mode(&dir.path().join(STATE)), mode(&plain_file));
    assert_eq!(mode(&path.join("table.segue")), mode(&plain_file));
    assert_eq!(mode(&path), mode(&plain_dir));
}

#[test]
fn every_store_error_is_tripped_by_its_cause() {
    let dir = store();
    let store = Store::open(dir.path());
    let missing = store.activate(&version("v1")).expect_err("nothing is published");
    assert!(matches!(&missing, StoreError::Release { source, .. } if matches!(**source, ReleaseError::Missing { .. })));
    writer(dir.path()).finish(about("v1")).expect("nothing is in the way");
    let pointer = dir.path().join(STATE);
    let mut seen = BTreeSet::from([variant(&missing)]);
    for text in ["", "{", "{\"current\":\"../v1\"}", "{\"current\":null,\"other\":1}"] {
        fs::write(&pointer, text).expect("the store can be written");
        for error in [store.state().expect_err(text), store.activate(&version("v1")).expect_err(text)] {
            assert!(
                error.to_string().contains("is not a pointer") && error.to_string().contains("remove it"),
                "{error}"
            );
            seen.insert(variant(&error));
        }
    }
    fs::write(&pointer, r#"{"current":"v0","pinned":"v0"}"#).expect("the store can be written");
    let refused = store.activate(&version("v1")).expect_err("another one is pinned");
    assert_eq!((refused.to_string().as_str(), refused.reason()), ("pinned to v0; unpin first", "pinned"));
    seen.insert(variant(&refused));
    fs::remove_file(&pointer).and_then(|()| fs::create_dir(&pointer)).expect("the store can be written");
    seen.insert(variant(&store.state().expect_err("a directory is no pointer")));
    assert_eq!(seen, variants("src/snapshot/store.rs", "StoreError"));
    fs::remove_dir(&pointer).expect("it is empty");
    store.activate(&version("v1")).expect("what the message said to do helps");
}

#[test]
fn only_complete_releases_count() {
    let dir = store();
    writer(dir.path()).finish(about("v1")).expect("nothing is in the way");
    let releases = dir.path().join("releases");
    for name in [".partial-x", ".hidden", "b a d", "empty"] {
        fs::create_dir(releases.join(name)).expect("its place is free");
    }
    assert_eq!(versions(dir.path()), ["empty", "v1"], "a name is all that is looked at");
    let store = Store::open(dir.path());
    let complete = |name| read_manifest(&store.release_path(&version(name))).is_ok();
    assert_eq!((complete("v1"), complete("empty")), (true, false));
    store.activate(&version("empty")).expect_err("it has no manifest");
    writer(dir.path()).finish(about("empty")).expect("an empty directory is in nobody's way");
    assert!(complete("empty"));
}
