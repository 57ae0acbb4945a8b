//! What the tests share: the program itself, small logs, and the bytes of what it made.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// Runs the program with the words of `line`, in `dir`.
pub(crate) fn run(dir: &Path, line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_segue-pipeline")).current_dir(dir).args(line.split_whitespace()).output().unwrap()
}

/// Runs the program, which must succeed, and gives its JSON.
pub(crate) fn json(dir: &Path, line: &str) -> Value {
    let output = run(dir, &format!("{line} --json"));
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs the program, which must fail, and gives what it says.
pub(crate) fn error(dir: &Path, line: &str) -> String {
    let output = run(dir, line);
    assert!(!output.status.success(), "{line} succeeded");
    String::from_utf8(output.stderr).unwrap()
}

/// A directory with a made-up log, `events.csv`, and its `clusters.csv`.
pub(crate) fn log(events: u32) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let line = format!("generate --events-count {events} --users 200 --clusters 30 --months 4 --format csv --out .");
    json(dir.path(), &line);
    dir
}

/// Every file of the only release of a store, by name.
pub(crate) fn release(store: &Path) -> BTreeMap<String, Vec<u8>> {
    let path = release_path(store);
    let read =
        |entry: std::fs::DirEntry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap());
    std::fs::read_dir(path).unwrap().map(|entry| read(entry.unwrap())).collect()
}

/// The directory of the only release of a store.
pub(crate) fn release_path(store: &Path) -> PathBuf {
    let releases: Vec<_> =
        std::fs::read_dir(store.join("releases")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(releases.len(), 1, "{releases:?}");
    releases[0].clone()
}

/// The rows of `events.csv` in `dir`, without the header.
pub(crate) fn rows(dir: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(dir.join("events.csv")).unwrap();
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// Writes a file into `dir`.
pub(crate) fn write(dir: &Path, name: &str, text: &str) {
    std::fs::write(dir.join(name), text).unwrap();
}
