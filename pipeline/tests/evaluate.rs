//! A log is evaluated by the command: a table, a page, pictures and figures that agree, the same every time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::Path;

use serde_json::Value;
use support::{error, json, log, run};

const TINY: &str = "--hidden 8 --intermediate 8 --layers 1 --heads 1 --retrieved-max 2 --epochs 1 --epochs-monthly 1 --draws 20 --refresh-days 7,30 \
    --memory-days 30 --requests-min 20";

/// The command with these flags, and the small ones where these say nothing else.
fn line(flags: &str) -> String {
    let words: Vec<&str> = TINY.split_whitespace().collect();
    let tiny = words.chunks(2).filter(|pair| !flags.split_whitespace().any(|flag| flag == pair[0]));
    let tiny: String = tiny.map(|pair| format!(" {} {}", pair[0], pair[1])).collect();
    format!("evaluate --events events.csv --catalogue clusters.csv{tiny} {flags}")
}

fn evaluated(dir: &Path, flags: &str) -> Value {
    let mut evaluation = json(dir, &line(flags));
    evaluation["elapsed_s"].take();
    evaluation
}

fn names(mode: &Value) -> Vec<&str> {
    mode["contenders"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[test]
fn everyone_is_compared_on_the_same_requests() {
    let dir = log(3_000);
    let evaluation = evaluated(dir.path(), "--modes changes");
    let mode = &evaluation["modes"][0];
    let found = names(mode);
    for expected in [
        "popularity, last month",
        "pair, last month",
        "back-off, last month",
        "last cluster, all history",
        "fixed mapping",
        "fine-tuned monthly, no retrieval",
        "retrieval, computed once",
        "retrieval, every 7 days",
        "smoothed, every 30 days",
        "hybrid, every 7 days",
    ] {
        assert!(found.contains(&expected), "{expected} is not in {found:?}");
    }
    let requests: u64 =
        mode["months"].as_array().unwrap().iter().map(|month| month["requests"].as_u64().unwrap()).sum();
    assert_eq!(mode["requests"], requests);
    let weekly =
        mode["contenders"].as_array().unwrap().iter().find(|one| one["name"] == mode["compared_with"]).unwrap();
    assert_eq!(weekly["difference"]["high"]["hit_5"], 0.0);
    assert_eq!(mode["windows"].as_array().unwrap().len(), 2);
}

#[test]
fn page_pictures_and_figures_are_written_and_agree() {
    let dir = log(3_000);
    let output = run(dir.path(), &line("--modes distinct,raw --counts-only --out made"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = String::from_utf8(output.stdout).unwrap();
    let made = dir.path().join("made");
    let page = std::fs::read_to_string(made.join("evaluate.html")).unwrap();
    let figures: Value = serde_json::from_slice(&std::fs::read(made.join("evaluate.json")).unwrap()).unwrap();
    let modes = figures["modes"].as_array().unwrap();
    assert_eq!(modes.len(), 2);
    for contender in modes.iter().flat_map(|mode| mode["contenders"].as_array().unwrap()) {
        let hit_5 = format!("{:.4}", contender["figures"]["measured"]["hit_5"].as_f64().unwrap());
        assert!(page.contains(&hit_5) && table.contains(&hit_5), "{hit_5} of {}", contender["name"]);
    }
    for picture in ["distinct-contenders", "distinct-months", "raw-cadence", "raw-memory"] {
        let svg = std::fs::read_to_string(made.join(format!("{picture}.svg"))).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("hit@5"), "{picture}");
    }
    assert!(table.contains("DISTINCT mode") && table.contains("RAW mode"));
}

#[test]
fn the_same_log_gives_the_same_figures() {
    let dir = log(2_000);
    let [one, other] = [(); 2].map(|()| evaluated(dir.path(), "--modes changes"));
    assert_eq!(one, other);
}

#[test]
fn what_cannot_be_evaluated_is_said() {
    let dir = log(500);
    let said = error(dir.path(), &line("--modes raw --counts-only --requests-min 100000"));
    assert!(said.contains("lower --requests-min"), "{said}");
}
