//! The sources that a release expects are those that answer when every user of its log asks.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use segue::answer::{LADDER, climb};
use segue::ask::Ask;
use segue::snapshot::release::Release;
use segue_pipeline::build::from_candidates::{CandidateSettings, Origin, build_from_candidates};
use segue_pipeline::build::{Pointer, ReleaseSettings};
use segue_pipeline::clusters::CatalogueColumns;
use segue_pipeline::count::Tails;
use segue_pipeline::refusals::Policy;
use support::{json, release_path, rows};

/// A log in which many histories are rare.
fn log() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    json(dir.path(), "generate --events-count 1200 --users 150 --clusters 20 --months 4 --format csv --out .");
    dir
}

/// What each user would ask with, oldest first: all that they ever went on to.
fn histories(dir: &Path) -> Vec<Vec<u32>> {
    let mut users: BTreeMap<String, Vec<(i64, u32)>> = BTreeMap::new();
    for row in rows(dir) {
        users.entry(row[0].clone()).or_default().push((row[1].parse().unwrap(), row[3].parse().unwrap()));
    }
    let by_time = |mut events: Vec<(i64, u32)>| {
        events.sort_by_key(|(time, _)| *time);
        let mut changes: Vec<u32> = events.into_iter().map(|(_, cluster)| cluster).collect();
        changes.dedup();
        changes
    };
    // A sequence of one cluster is left out of the counts.
    users.into_values().map(by_time).filter(|history| history.len() > 1).collect()
}

/// The shares of answers by source, asked one by one.
fn answered(release: &Release, histories: &[Vec<u32>]) -> BTreeMap<String, f64> {
    let mut shares: BTreeMap<String, f64> = ["table", "suffix", "popular"].map(|name| (name.to_owned(), 0.0)).into();
    for history in histories {
        let ask = Ask { history: history.clone(), limit: 1, ..Ask::default() };
        let answer = climb(release, &LADDER, &ask);
        *shares.entry(answer.source.label().to_owned()).or_default() += 1.0 / histories.len() as f64;
    }
    shares
}

#[track_caller]
fn check(release: &Release, histories: &[Vec<u32>]) {
    let (expected, got) = (&release.manifest().expected_sources, answered(release, histories));
    assert!(expected.keys().eq(got.keys()), "{expected:?} {got:?}");
    assert!(got.iter().all(|(name, share)| (share - expected[name]).abs() < 1e-9), "{expected:?} {got:?}");
}

#[test]
fn a_release_of_a_log_expects_what_its_users_get() {
    let dir = log();
    let histories = histories(dir.path());
    for (mode, depth) in [("changes", 1), ("changes", 2)] {
        let out = format!("{mode}{depth}");
        let line = format!(
            "build --events events.csv --catalogue clusters.csv --min-count 3 --min-users 1 --mode {mode} --depth {depth} --out {out}"
        );
        json(dir.path(), &line);
        let release = Release::load(&release_path(&dir.path().join(out))).unwrap();
        check(&release, &histories);
        assert!(
            depth == 1 || release.manifest().expected_sources["suffix"] > 0.1,
            "rare histories are what this is about"
        );
    }
}

/// The same, made of candidates, by someone who knows where users are; where nobody does, nothing is expected.
#[test]
fn a_release_of_candidates_expects_what_its_users_get() {
    let dir = log();
    let histories = histories(dir.path());
    json(
        dir.path(),
        "build --events events.csv --catalogue clusters.csv --min-count 3 --min-users 1 --mode changes --out counts",
    );
    let counts = Release::load(&release_path(&dir.path().join("counts"))).unwrap();
    for (store, tails) in [("known", tails(&counts, &histories)), ("unknown", Tails::new())] {
        let origin = Origin { tails, quality: [("hit_5".to_owned(), 0.5)].into(), ..Origin::default() };
        let candidates = CandidateSettings { path: dir.path().join("counts/candidates.parquet"), format: None, origin };
        build_from_candidates(&candidates, &settings(dir.path(), store)).unwrap();
        let release = Release::load(&release_path(&dir.path().join(store))).unwrap();
        assert_eq!(release.manifest().quality["hit_5"], 0.5);
        match store {
            "known" => check(&release, &histories),
            _ => assert!(release.manifest().expected_sources.is_empty()),
        }
    }
}

/// Where users are: the last two clusters of each.
fn tails(release: &Release, histories: &[Vec<u32>]) -> Tails {
    let mut tails: Tails = vec![Default::default(); 2];
    let clusters = release.catalogue().len() as u64;
    for history in histories {
        let last = &history[history.len().saturating_sub(2)..];
        let index = |id: &u32| u64::from(release.catalogue().index_of(*id).unwrap());
        let key = last.iter().fold(0, |key, id| key * clusters + index(id));
        *tails[last.len() - 1].entry(key).or_default() += 1;
    }
    tails
}

fn settings(dir: &Path, store: &str) -> ReleaseSettings {
    let name = |name: &str| name.to_owned();
    ReleaseSettings {
        catalogue: dir.join("clusters.csv"),
        catalogue_columns: CatalogueColumns { id: name("cluster"), name: name("name"), keywords: None, parent: None },
        out: dir.join(store),
        depth: 2,
        width: 15,
        version: None,
        created_unix_s: None,
        model: None,
        citation: None,
        policy: Policy::Strict,
        pointer: Pointer::Keep,
        memory_bytes: 1 << 20,
    }
}
