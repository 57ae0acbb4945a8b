//! A log becomes a release: the same one for the same log, in any order and any format, and never from rows that are not sound.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::Path;

use segue::snapshot::release::Release;
use serde_json::json;
use support::{error, json, log, release, release_path, rows, run, write};

const BUILD: &str = "build --catalogue clusters.csv --half-life-days 20 --depth 3 --citation Somebody";

#[test]
fn the_same_log_gives_the_same_bytes() {
    let dir = log(5_000);
    for out in ["one", "two"] {
        json(dir.path(), &format!("{BUILD} --events events.csv --out {out}"));
    }
    assert_eq!(release(&dir.path().join("one")), release(&dir.path().join("two")));
    let candidates = |out: &str| std::fs::read(dir.path().join(out).join("candidates.parquet")).unwrap();
    assert_eq!(candidates("one"), candidates("two"));
}

#[test]
fn the_order_of_the_rows_and_the_bound_on_memory_change_no_table() {
    let dir = log(100_000);
    json(dir.path(), &format!("{BUILD} --events events.csv --out sorted"));
    // Times are told apart, because the order inside one second is the file's.
    let mut rows = rows(dir.path());
    rows.dedup_by_key(|row| (row[0].clone(), row[1].clone()));
    let by_user: String = rows.iter().map(|row| row.join(",") + "\n").collect();
    rows.sort_by_key(|row| (row[1].chars().rev().collect::<String>(), row[2].clone()));
    let shuffled: String = rows.iter().map(|row| row.join(",") + "\n").collect();
    write(dir.path(), "by_user.csv", &format!("user,ts,item,cluster\n{by_user}"));
    write(dir.path(), "shuffled.csv", &format!("user,ts,item,cluster\n{shuffled}"));
    json(dir.path(), &format!("{BUILD} --events by_user.csv --out by_user"));
    let summary = json(dir.path(), &format!("{BUILD} --events shuffled.csv --out shuffled --memory-mb 1"));
    assert!(summary["input"]["spills"].as_u64() > Some(0), "{summary}");
    let files = |out: &str| {
        let mut files = release(&dir.path().join(out));
        files.remove("manifest.json");
        files
    };
    assert_eq!(files("by_user"), files("shuffled"));
}

#[test]
fn each_format_and_a_split_log_give_the_same_table() {
    let dir = log(3_000);
    let generate = "generate --events-count 3000 --users 200 --clusters 30 --months 4 --out .";
    for format in ["csv.gz", "jsonl", "parquet"] {
        json(dir.path(), &format!("{generate} --format {format}"));
    }
    let text = std::fs::read_to_string(dir.path().join("events.csv")).unwrap();
    let (first, second) = text.split_at(text.match_indices('\n').nth(1_000).unwrap().0 + 1);
    write(dir.path(), "first.csv", first);
    write(dir.path(), "second.csv", &format!("user,ts,item,cluster\n{second}"));
    let inputs = ["events.csv", "events.csv.gz", "events.jsonl", "events.parquet", "first.csv --events second.csv"];
    let tables = inputs.map(|input| {
        let out = format!("from_{}", input.replace(' ', "_"));
        let summary = json(dir.path(), &format!("{BUILD} --events {input} --out {out}"));
        assert_eq!((&summary["input"]["used"], &summary["input"]["refused"]), (&json!(3000), &json!(0)), "{input}");
        release(&dir.path().join(out)).remove("table.segue").unwrap()
    });
    for (input, table) in inputs.iter().zip(&tables) {
        assert_eq!(table, &tables[0], "{input}");
    }
}

/// Two rows of each kind of fault among sound ones.
const FAULTS: &str = "user,ts,item,cluster\n\
    a,1,x,10\na,2,x,20\n,3,x,10\n,3,x,10\nb,noon,x,10\nb,,x,10\nb,4,x,ten\nb,4,x,-3\nb,5,x,99\nb,5,x,98\nb,6\nb,6,x,10,11\n\
    c,1,x,10\nc,2,x,20\nc,3,x,30\n";

fn faults() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "events.csv", FAULTS);
    write(dir.path(), "clusters.csv", "cluster,name\n10,\"a, b\"\n20,c\n30,d\n");
    dir
}

#[test]
fn rows_that_are_not_sound_are_counted_by_reason_and_named() {
    let dir = faults();
    let line = "build --events events.csv --catalogue clusters.csv --out store";
    let summary = json(dir.path(), line);
    let reasons = json!([["malformed", 2], ["user", 2], ["time", 2], ["cluster", 2], ["unknown_cluster", 2]]);
    assert_eq!(summary["input"]["refused_by_reason"], reasons);
    assert_eq!(summary["input"]["refused"], 10);
    assert_eq!(summary["log"]["sequences"], 2);
    let first = json!({"file": "events.csv", "row": 4, "reason": "user", "got": "\"nothing\""});
    assert_eq!(summary["input"]["refused_rows"][0], first);
    let shown = String::from_utf8(run(dir.path(), line).stdout).unwrap();
    assert!(shown.contains("refused events.csv:6: expected a time"), "{shown}");
    assert!(shown.contains("histories of 1, present / possible"), "{shown}");
}

#[test]
fn strict_refuses_at_the_first_and_publishes_nothing() {
    let dir = faults();
    let said = error(dir.path(), "build --events events.csv --catalogue clusters.csv --out store --strict");
    assert!(said.contains("events.csv:4: refused (user)"), "{said}");
    assert!(!dir.path().join("store/releases").exists());
}

#[test]
fn items_and_weights() {
    let dir = faults();
    write(dir.path(), "items.csv", "sku,topic\nrope,10\n007,20\nlamp,30\nodd,77\n");
    let events = "who,when,sku,liked\na,1,rope,true\na,2,007,0.5\na,3,lamp,1\na,4,7,1\na,5,odd,1\na,6,rope,maybe\n";
    write(dir.path(), "likes.csv", events);
    let line = "build --events likes.csv --catalogue clusters.csv --out store --user-column who --time-column when \
        --item-column sku --item-map items.csv --item-map-item-column sku --item-map-cluster-column topic \
        --weight-column liked";
    let summary = json(dir.path(), line);
    assert_eq!(summary["log"]["below_weight"], 1);
    let reasons = json!([["unknown_cluster", 1], ["unknown_item", 2], ["weight", 1]]);
    assert_eq!(summary["input"]["refused_by_reason"], reasons);
    assert_eq!(summary["release"]["histories"][1], json!({"present": 1, "possible": 3}));
}

#[test]
fn the_release_loads_and_says_what_it_was_made_of() {
    let dir = log(2_000);
    let line =
        format!("{BUILD} --events events.csv --out store --version first --model gru-7 --activate --min-count 2");
    let summary = json(dir.path(), &line);
    assert_eq!(summary["release"]["active"], true);
    let state = std::fs::read_to_string(dir.path().join("store/state.json")).unwrap();
    assert!(state.contains("\"first\""), "{state}");
    let release = Release::load(&release_path(&dir.path().join("store"))).unwrap();
    let manifest = release.manifest();
    let names: Vec<&str> = manifest.provenance.inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(names, ["events.csv", "clusters.csv"]);
    assert_eq!(manifest.provenance.citation.as_deref(), Some("Somebody"));
    assert_eq!(manifest.provenance.settings["half_life_days"], "20");
    assert_eq!(manifest.model.as_ref().map(ToString::to_string).as_deref(), Some("gru-7"));
    let window = manifest.provenance.data_window.unwrap();
    assert_eq!(manifest.created_unix_s, Some(window.to_unix_s));
    let shares: f64 = manifest.expected_sources.values().sum();
    assert!((shares - 1.0).abs() < 1e-9, "{:?}", manifest.expected_sources);
}

/// The formula by hand on three tiny sequences: (10, 20), (10, 20, 30) and (20, 30).
#[test]
fn scores_follow_the_formula() {
    let dir = faults();
    write(dir.path(), "tiny.csv", "user,ts,cluster\na,1,10\na,2,20\nb,1,10\nb,2,20\nb,3,30\nc,1,20\nc,2,30\n");
    json(dir.path(), "build --events tiny.csv --catalogue clusters.csv --out store --smoothing 2,4");
    let release = Release::load(&release_path(&dir.path().join("store"))).unwrap();
    let popular_30 = 2.0 / 7.0;
    let after_20 = (2.0 + 2.0 * popular_30) / (2.0 + 2.0);
    let after_10_20 = (1.0 + 4.0 * after_20) / (1.0 + 4.0);
    for (history, expected) in [(vec![1], after_20), (vec![0, 1], after_10_20)] {
        let record = release.table().get(&history).unwrap();
        let score = record.iter().find(|(cluster, _)| *cluster == 2).unwrap().1.value();
        assert!((score - expected as f32).abs() < 1e-5, "{history:?}: {score} {expected}");
        assert!(record.iter().all(|(cluster, _)| !history.contains(&cluster)));
    }
}

#[test]
fn what_cannot_be_built_says_why() {
    let dir = faults();
    let compressed = |name: &str, keep: usize| {
        let line = "generate --events-count 2000 --users 9 --clusters 3 --out cut";
        json(dir.path(), line);
        let whole = std::fs::read(dir.path().join("cut/events.csv.gz")).unwrap();
        std::fs::write(dir.path().join(name), &whole[..keep]).unwrap();
    };
    compressed("short.csv.gz", 2_000);
    write(dir.path(), "one.csv", "user,ts,cluster\na,1,10\n");
    write(dir.path(), "none.csv", "user,ts,cluster\na,1,11\n");
    write(dir.path(), "events.txt", "");
    write(dir.path(), "not.parquet", "user,ts,cluster\n");
    let cases = [
        ("--events missing.csv", "missing.csv"),
        ("--events events.csv --user-column buyer", "no column \"buyer\", got [\"user\""),
        ("--events events.txt", "cannot tell the format"),
        ("--events one.csv", "no sequence of two clusters"),
        ("--events none.csv", "no event could be read; the first refused row: none.csv:2"),
        ("--events short.csv.gz", "cut short"),
        ("--events not.parquet", "as Parquet"),
        ("--events events.csv --version ../up", "no version name"),
    ];
    for (flags, expected) in cases {
        let said = error(dir.path(), &format!("build {flags} --catalogue clusters.csv --out store"));
        assert!(said.contains(expected), "{flags}: {said}");
    }
    assert!(no_release(&dir.path().join("store")));
}

fn no_release(store: &Path) -> bool {
    std::fs::read_dir(store.join("releases")).map_or(true, |mut entries| entries.next().is_none())
}

#[test]
fn the_demo_release_is_whole_and_carries_its_citation() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/release");
    // A release loads only from a directory that has its name.
    let dir = tempfile::tempdir().unwrap();
    let named = dir.path().join("online-retail-k100");
    std::fs::create_dir(&named).unwrap();
    for file in std::fs::read_dir(kept).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), named.join(file.file_name())).unwrap();
    }
    let release = Release::load(&named).unwrap();
    let provenance = &release.manifest().provenance;
    assert!(provenance.citation.as_deref().is_some_and(|citation| citation.contains("CC BY 4.0")), "{provenance:?}");
    let names: Vec<&str> = provenance.inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(names, ["events.csv.gz", "clusters.csv"]);
}
