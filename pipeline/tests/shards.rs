//! `infer --shard`: shards computed apart and put together are the run that one machine makes, and nothing less is taken.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/site.rs"]
mod site;
mod support;

use std::fs;
use std::path::Path;

use serde_json::json;
use site::Site;
use support::{error, json, release};

const BUILD: &str = "build --catalogue clusters.csv";

/// Computes shards into directories of their own under `all`.
fn shards(site: &Site, all: &str, of: u32) {
    for index in 0..of {
        site.infer(&format!("--out {all}/shard-{index} --shard {index}/{of}"));
    }
}

/// The bytes of the release that a directory of candidates becomes.
fn built(site: &Site, candidates: &str) -> std::collections::BTreeMap<String, Vec<u8>> {
    let store = format!("store_{}", candidates.replace('/', "_"));
    json(site.dir.path(), &format!("{BUILD} --candidates {candidates} --out {store}"));
    release(&site.path(&store))
}

/// Copies every file of the shards into one directory, as a download from an object store would leave them.
fn flatten(all: &Path, flat: &Path) {
    fs::create_dir(flat).unwrap();
    for file in fs::read_dir(all).unwrap().flat_map(|shard| fs::read_dir(shard.unwrap().path()).unwrap()) {
        let file = file.unwrap();
        fs::copy(file.path(), flat.join(file.file_name())).unwrap();
    }
}

/// Three parts: as many shards as that, fewer, and more, so that some have nothing to do.
#[test]
fn shards_put_together_are_the_whole_run() {
    let site = Site::new();
    site.infer("--out whole");
    let whole = built(&site, "whole");
    for of in [1, 2, 3, 5] {
        let (all, flat) = (format!("all_{of}"), format!("flat_{of}"));
        shards(&site, &all, of);
        flatten(&site.path(&all), &site.path(&flat));
        assert_eq!(built(&site, &all), whole, "{of} shards");
        assert_eq!(built(&site, &flat), whole, "{of} shards in one directory");
    }
}

#[test]
fn a_shard_computes_its_own_and_goes_on_after_an_interruption() {
    let site = Site::new();
    let summary = site.infer("--out some --shard 1/2");
    assert_eq!([&summary["shard"], &summary["histories"]], [&json!("1/2"), &json!(64 + 29)]);
    let whole = site.files("some");
    let names: Vec<_> = whole.keys().map(String::as_str).collect();
    assert_eq!(names, [".lock", "candidates-1-of-2.json", "part-000001.parquet", "part-000002.parquet"]);
    fs::remove_file(site.path("some/part-000002.parquet")).unwrap();
    assert_eq!(site.infer("--out some --shard 1/2")["resumed"], 64);
    assert_eq!(site.files("some"), whole);
    for flags in ["--shard 0/2", "--shard 1/3", ""] {
        let error = error(site.dir.path(), &site.line(&format!("--out some {flags}")));
        assert!(error.contains("shard \"1/2\" there") && error.contains("give another --out"), "{error}");
    }
}

/// How the directories can be wrong, and what the build says of it.
#[test]
fn a_build_refuses_shards_that_are_not_one_whole() {
    let site = Site::new();
    shards(&site, "good", 3);
    site.infer("--out narrow --shard 2/3 --width 4");
    site.infer("--out half --shard 0/2");
    let copy = |from: &str, to: &str| {
        fs::create_dir_all(site.path(to)).unwrap();
        for file in fs::read_dir(site.path(from)).unwrap().map(Result::unwrap) {
            fs::copy(file.path(), site.path(to).join(file.file_name())).unwrap();
        }
    };
    let cases: [(&str, &[&str], &str); 6] = [
        (
            "missing",
            &["good/shard-0", "good/shard-2"],
            "1 of 3 shards are missing in missing: 1/3; run `infer --shard 1/3`",
        ),
        ("alone", &["good/shard-1"], "2 of 3 shards are missing in alone: 0/3, 2/3"),
        ("twice", &["good/shard-0", "good/shard-1", "good/shard-1", "good/shard-2"], "shard 1/3 lies in"),
        ("mixed", &["good/shard-0", "good/shard-1", "narrow"], "of another job than the first: width"),
        ("cut_twice", &["good/shard-0", "good/shard-1", "good/shard-2", "half"], "remove either"),
        ("nothing", &[], "nor any shard of it"),
    ];
    for (all, from, expected) in cases {
        fs::create_dir(site.path(all)).unwrap();
        from.iter().enumerate().for_each(|(at, from)| copy(from, &format!("{all}/{at}")));
        let error = error(site.dir.path(), &format!("{BUILD} --out store --candidates {all}"));
        assert!(error.contains(expected), "{all}: {error}");
    }
}

/// A shard that was killed has a ledger and no report: it is missing, however many of its parts are there.
#[test]
fn a_shard_that_has_not_finished_is_missing() {
    let site = Site::new();
    shards(&site, "all", 2);
    let report = site.path("all/shard-1/candidates-1-of-2.json");
    fs::rename(&report, site.path("all/shard-1/ledger.jsonl")).unwrap();
    let said = error(site.dir.path(), &format!("{BUILD} --out store --candidates all"));
    assert!(said.contains("1 of 2 shards are missing in all: 1/2"), "{said}");
    assert!(!site.path("store").exists(), "it is refused before anything is written");
}

#[test]
fn a_text_that_names_no_shard_is_refused() {
    let site = tempfile::tempdir().unwrap();
    for shard in ["3/3", "0/0", "1", "-1/3"] {
        let said = error(site.path(), &format!("infer --model m --release r --out o --shard={shard}"));
        assert!(said.contains("expected a shard as INDEX/OF"), "{said}");
    }
}
