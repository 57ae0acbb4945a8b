//! A channel that moves to another release while the files of the one before are on their way.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use segue::snapshot::manifest::{CATALOGUE, FILES, MANIFEST};
use segue::snapshot::store::{State, Store};
use serde_json::Value;
use tempfile::TempDir;

use crate::depot::Made;
use crate::program::Program;
use crate::s3::{S3, URL};
use crate::support::release::version;
use crate::support::service::until;

/// A file of the release that the channel moves away from.
const OF_ONE: &str = "/releases/one/catalogue.jsonl";

/// What lies in a store's releases, finished or not.
fn there(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir.join("releases")).expect("a store");
    entries.map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned()).collect()
}

fn names(expected: &[&str]) -> BTreeSet<String> {
    expected.iter().map(|name| (*name).to_owned()).collect()
}

fn state(dir: &Path) -> State {
    Store::open(dir).state().expect("a pointer")
}

/// The releases that the service made serve by itself, oldest first.
fn activated(dir: &Path) -> Vec<String> {
    let log = fs::read_to_string(dir.join("audit.jsonl")).expect("there was a change");
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.filter(|line| line["outcome"] == "done").map(|line| line["to"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn what_came_whole_meanwhile_is_kept_and_never_serves() {
    let (s3, made, dir) = (S3::start(), Made::new(&[]), TempDir::new().expect("a temporary directory"));
    made.publish_to(&s3, "one");
    s3.hold(OF_ONE);
    // Between two looks it waits for longer than this test: after a move it must look again at once.
    let program = Program::start(&s3, dir.path(), &["--pull-from", URL]);
    until("a file of one is fetched", || !s3.asked("GET", OF_ONE).is_empty());
    made.publish_to(&s3, "two");
    s3.let_go();
    until("two serves", || program.release().as_deref() == Some("two"));
    assert_eq!(there(dir.path()), names(&["one", "two"]));
    for file in FILES.into_iter().chain([MANIFEST]) {
        let came = fs::read(Store::open(dir.path()).release_path(&version("one")).join(file)).expect("it came");
        assert_eq!(came, made.read("one", file), "{file}");
    }
    until("that is recorded", || !activated(dir.path()).is_empty());
    assert_eq!(activated(dir.path()), ["two"]);
    assert_eq!((state(dir.path()).current, state(dir.path()).previous), (Some(version("two")), None));
}

#[test]
fn what_came_in_part_meanwhile_is_gone() {
    let (s3, made, dir) = (S3::start(), Made::new(&[]), TempDir::new().expect("a temporary directory"));
    made.publish_to(&s3, "zero");
    let flags = ["--pull-from", URL, "--pull-interval-ms", "10", "--pull-jitter-ms", "0"];
    let program = Program::start(&s3, dir.path(), &flags);
    until("zero serves", || program.release().as_deref() == Some("zero"));
    s3.hold(OF_ONE);
    made.publish_to(&s3, "one");
    until("a file of one is fetched", || !s3.asked("GET", OF_ONE).is_empty());
    assert_eq!(program.release().as_deref(), Some("zero"), "what serves does not wait");
    assert!(there(dir.path()).contains(".partial-push-one"), "{:?}", there(dir.path()));
    // It is withdrawn, so that it can never come whole.
    fs::remove_file(s3.object(&format!("releases/one/{CATALOGUE}"))).expect("it was put");
    made.publish_to(&s3, "two");
    s3.let_go();
    until("two serves", || program.release().as_deref() == Some("two"));
    assert_eq!(there(dir.path()), names(&["zero", "two"]));
    assert_eq!((state(dir.path()).current, state(dir.path()).previous), (Some(version("two")), Some(version("zero"))));
}
