//! Anyone's candidates become a release: the same one whatever their order, and never from rows that are not sound.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use segue::snapshot::release::Release;
use serde_json::{Value, json};
use support::{error, json, log, release, release_path, write};

#[test]
fn the_candidates_of_a_build_make_the_same_table_again() {
    let dir = log(4_000);
    for mode in ["distinct", "raw"] {
        let line = format!("build --events events.csv --catalogue clusters.csv --mode {mode} --out {mode}");
        json(dir.path(), &line);
        let again = format!("build --candidates {mode}/candidates.parquet --catalogue clusters.csv --out {mode}_again");
        json(dir.path(), &again);
        let files = |out: String| {
            let mut files = release(&dir.path().join(out));
            files.remove("manifest.json");
            files
        };
        assert_eq!(files(mode.to_owned()), files(format!("{mode}_again")));
    }
}

fn clusters(dir: &std::path::Path) {
    let rows: String = (0..60).map(|id| format!("{},name {id}\n", id * 10)).collect();
    write(dir, "clusters.csv", &format!("cluster,name\n{rows}"));
}

/// One row of JSON per pair of clusters, in no order.
fn many_rows() -> Vec<String> {
    let row = |at: u32| {
        let (first, second) = (at * 7 % 60, at / 60);
        let candidates: Vec<Value> = (0..5)
            .map(|step| json!({"cluster": (first + second + step) % 60 * 10, "score": 0.5 / f64::from(step + 1)}))
            .collect();
        json!({"history": [first * 10, second * 10], "candidates": candidates}).to_string()
    };
    (0..60 * 60).map(row).collect()
}

#[test]
fn rows_in_any_order_spill_and_merge_into_the_same_release() {
    let dir = tempfile::tempdir().unwrap();
    clusters(dir.path());
    // Each row five times over, so that they outgrow the smallest memory there is.
    let mut rows: Vec<String> = (0..5).flat_map(|_| many_rows()).collect();
    let line =
        |name: &str| format!("build --candidates {name}.jsonl --catalogue clusters.csv --out {name} --memory-mb 1");
    write(dir.path(), "forward.jsonl", &rows.join("\n"));
    rows.reverse();
    write(dir.path(), "backward.jsonl", &rows.join("\n"));
    for name in ["forward", "backward"] {
        let summary = json(dir.path(), &line(name));
        assert!(summary["input"]["spills"].as_u64().unwrap() >= 1, "{summary}");
        assert_eq!(summary["input"]["refused_by_reason"], json!([["duplicate_history", 4 * 3_600]]));
        assert_eq!(summary["release"]["histories"][2], json!({"present": 3_600, "possible": 3_600}));
    }
    let table = |out: &str| release(&dir.path().join(out)).remove("table.segue").unwrap();
    assert_eq!(table("forward"), table("backward"));
}

#[test]
fn the_popular_list_is_given_or_made() {
    let dir = tempfile::tempdir().unwrap();
    clusters(dir.path());
    let rows = "{\"history\":[10],\"candidates\":[{\"cluster\":20,\"score\":0.5},{\"cluster\":30,\"score\":0.25}]}\n\
        {\"history\":[20],\"candidates\":[{\"cluster\":30,\"score\":0.75}]}\n";
    let given = "{\"history\":[],\"candidates\":[{\"cluster\":590,\"score\":0.125}]}\n";
    let popular = |name: &str, text: &str| {
        write(dir.path(), &format!("{name}.jsonl"), text);
        json(dir.path(), &format!("build --candidates {name}.jsonl --catalogue clusters.csv --depth 1 --out {name}"));
        let release = Release::load(&release_path(&dir.path().join(name))).unwrap();
        let record = release.table().get(&[]).unwrap();
        record.iter().map(|(cluster, score)| (cluster, (score.value() * 1000.0).round() as u32)).collect::<Vec<_>>()
    };
    assert_eq!(popular("made", rows), [(3, 500), (2, 250)]);
    assert_eq!(popular("given", &format!("{rows}{given}")), [(59, 125)]);
}

const FAULTS: &str = r#"{"history":[10],"candidates":[{"cluster":20,"score":0.5}]}
{"history":[10,20,30],"candidates":[{"cluster":20,"score":0.5}]}
{"history":[11],"candidates":[{"cluster":20,"score":0.5}]}
{"history":[20],"candidates":[{"cluster":21,"score":0.5}]}
{"history":[20],"candidates":[{"cluster":20,"score":1.5}]}
{"history":[20],"candidates":[{"cluster":20,"score":null}]}
{"history":[20],"candidates":[]}
{"history":[20],"candidates":[{"cluster":30,"score":0.5},{"cluster":30,"score":0.4}]}
{"history":[10],"candidates":[{"cluster":40,"score":0.5}]}
{"history":"10"}
{"history":[30]
"#;

#[test]
fn rows_that_are_not_sound_are_counted_by_reason() {
    let dir = tempfile::tempdir().unwrap();
    clusters(dir.path());
    write(dir.path(), "faults.jsonl", FAULTS);
    let line = "build --candidates faults.jsonl --catalogue clusters.csv --out store";
    let summary = json(dir.path(), line);
    let reasons = json!([
        ["malformed", 2],
        ["unknown_cluster", 2],
        ["history_length", 1],
        ["no_candidates", 1],
        ["repeated_candidate", 1],
        ["score", 2],
        ["duplicate_history", 1]
    ]);
    assert_eq!(summary["input"]["refused_by_reason"], reasons);
    assert_eq!((&summary["input"]["rows"], &summary["input"]["used"]), (&json!(11), &json!(1)));
    let release = Release::load(&release_path(&dir.path().join("store"))).unwrap();
    let first = release.table().get(&[1]).unwrap().iter().next().unwrap().0;
    assert_eq!(first, 2, "of two rows for one history the first in the file stands");
    let said = error(dir.path(), &format!("{line} --strict"));
    assert!(said.contains("faults.jsonl:2: refused (history_length)"), "{said}");
}

#[test]
fn a_late_duplicate_stops_a_strict_build() {
    let dir = tempfile::tempdir().unwrap();
    clusters(dir.path());
    let row = "{\"history\":[10],\"candidates\":[{\"cluster\":20,\"score\":0.5}]}\n";
    write(dir.path(), "twice.jsonl", &format!("{row}{row}"));
    let said = error(dir.path(), "build --candidates twice.jsonl --catalogue clusters.csv --out store --strict");
    assert!(said.contains("twice.jsonl:2: refused (duplicate_history)"), "{said}");
    assert!(std::fs::read_dir(dir.path().join("store/releases")).unwrap().next().is_none());
}
