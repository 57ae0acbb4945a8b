//! Kept counts that Spark wrote, against the embedded counter's of the same log: whatever is made of them is the same.
//!
//! The directory under `tests/spark/fixture` is of `counts.py`, with the flags of [`FLAGS`]; `tests/spark/check.py` runs Spark itself.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use segue::snapshot::catalogue::Catalogue;
use segue_pipeline::clusters::{CatalogueColumns, read_catalogue};
use segue_pipeline::kept::{MergeRules, merge, requests};
use support::json;

const FLAGS: &str = "--mode changes --gap-days 2 --max-user-day 6 --request-users 1 --depth 2";

#[test]
fn what_spark_counted_merges_as_what_was_counted_here() {
    let dir = tempfile::tempdir().unwrap();
    let ours = counted(dir.path());
    let theirs = fixture("counts");
    let all =
        MergeRules { to_day: None, window_days: None, half_life_days: None, users_min: 0, privacy: None, depth: 2 };
    for rules in [
        MergeRules { users_min: 3, ..all.clone() },
        MergeRules { window_days: Some(20), users_min: 2, half_life_days: Some(10.0), ..all.clone() },
        MergeRules { to_day: Some(20_130), window_days: Some(30), users_min: 4, depth: 1, ..all.clone() },
        all,
    ] {
        let merged = |dir: &PathBuf| {
            let merged = merge(std::slice::from_ref(dir), &rules, &catalogue()).unwrap();
            assert!(merged.figures.steps > 50, "{rules:?}");
            let tails = merged.counts.tails.into_iter().map(BTreeMap::from_iter).collect::<Vec<_>>();
            (merged.counts.popular, merged.counts.levels, tails, merged.figures)
        };
        assert_eq!(merged(&theirs), merged(&ours), "{rules:?}");
    }
}

#[test]
fn spark_keeps_the_same_requests() {
    let dir = tempfile::tempdir().unwrap();
    let kept = |dir: PathBuf| requests(&[dir], 0).unwrap();
    let ours = kept(counted(dir.path()));
    assert!(ours.len() > 100);
    assert_eq!(kept(fixture("counts")), ours);
}

/// The embedded counter's directory of the same log.
fn counted(dir: &Path) -> PathBuf {
    let [events, clusters] = ["events.csv.gz", "clusters.csv"].map(fixture);
    json(dir, &format!("count --events {} --catalogue {} {FLAGS} --out counts", events.display(), clusters.display()));
    dir.join("counts")
}

fn catalogue() -> Catalogue {
    let columns = CatalogueColumns { id: "cluster".to_owned(), name: "name".to_owned(), keywords: None, parent: None };
    read_catalogue(&fixture("clusters.csv"), &columns).unwrap()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/spark/fixture").join(name)
}
