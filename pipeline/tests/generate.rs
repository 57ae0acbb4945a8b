//! A made-up log is decided by its seed, has exactly the events asked for, and is one that `build` reads.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::Path;

use support::{error, json, run};

const GENERATE: &str = "generate --events-count 20000 --users 300 --clusters 50 --months 5";

fn bytes(dir: &Path, out: &str, name: &str) -> Vec<u8> {
    std::fs::read(dir.join(out).join(name)).unwrap()
}

#[test]
fn the_seed_decides_every_byte() {
    let dir = tempfile::tempdir().unwrap();
    for (format, name) in [("csv.gz", "events.csv.gz"), ("jsonl", "events.jsonl"), ("parquet", "events.parquet")] {
        for (out, seed) in [("a", 7), ("b", 7), ("c", 8)] {
            json(dir.path(), &format!("{GENERATE} --format {format} --seed {seed} --out {out}"));
        }
        assert_eq!(bytes(dir.path(), "a", name), bytes(dir.path(), "b", name), "{format}");
        assert_ne!(bytes(dir.path(), "a", name), bytes(dir.path(), "c", name), "{format}");
        assert_eq!(bytes(dir.path(), "a", "clusters.csv"), bytes(dir.path(), "b", "clusters.csv"));
    }
}

#[test]
fn a_build_reads_every_event() {
    let dir = tempfile::tempdir().unwrap();
    json(dir.path(), &format!("{GENERATE} --out log"));
    let build = "build --events log/events.csv.gz --catalogue log/clusters.csv --out store --strict";
    let summary = json(dir.path(), build);
    assert_eq!(summary["input"]["used"], 20_000);
    assert_eq!(summary["release"]["histories"][0]["present"], 1);
}

#[test]
fn nothing_is_left_of_a_log_that_cannot_be_made() {
    let dir = tempfile::tempdir().unwrap();
    let said = error(dir.path(), "generate --users 0 --out log");
    assert!(said.contains("--users is 0"), "{said}");
    assert!(!dir.path().join("log").exists());
}

#[test]
fn completions_name_the_commands() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = String::from_utf8(run(dir.path(), &format!("completions {shell}")).stdout).unwrap();
        assert!(script.contains("generate") && script.contains("half-life-days"), "{shell}");
    }
}
