//! The command `count`: at once, and partition by partition as a log arrives.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;
use support::{error, json, log, run, write};

const COUNT: &str = "count --catalogue clusters.csv --mode changes --max-user-day 20 --request-users 0.5";

/// The log in as many files as it has months, in `days/`.
fn by_month(dir: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(dir.join("events.csv")).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let mut months: BTreeMap<i64, String> = BTreeMap::new();
    for row in rows.lines() {
        let time_s: i64 = row.split(',').nth(1).unwrap().parse().unwrap();
        let month = months.entry(time_s / (30 * 86_400)).or_insert_with(|| format!("{header}\n"));
        month.push_str(row);
        month.push('\n');
    }
    let names = (0..).zip(months.values()).map(|(month, text)| {
        let name = format!("month-{month}.csv");
        write(dir, &name, text);
        name
    });
    names.collect()
}

#[test]
fn a_log_as_it_arrives() {
    let dir = log(3_000);
    let dir = dir.path();
    let months = by_month(dir);
    assert!(months.len() > 2, "{months:?}");
    let whole = json(dir, &format!("{COUNT} --events events.csv --out whole"));
    let mut steps = 0;
    for known in 1..=months.len() {
        let events: String = months[..known].iter().map(|name| format!(" --events {name}")).collect();
        let report = json(dir, &format!("{COUNT}{events} --state state"));
        assert_eq!(report["partitions"], json!([months[known - 1]]));
        assert_eq!((&report["late"], &report["partitions_known"]), (&json!(0), &json!(known - 1)));
        steps += report["steps"].as_u64().unwrap();
    }
    assert_eq!(whole["steps"], steps);
    assert!(whole["written"]["requests"].as_u64().unwrap() > 0);
    let again = run(dir, &format!("{COUNT} --events month-0.csv --state state"));
    let again = String::from_utf8(again.stdout).unwrap();
    assert!(again.contains("nothing new"), "{again}");
    let said = error(dir, &format!("{COUNT} --events events.csv --out whole"));
    assert!(said.contains("whole is there already"), "{said}");
    write(dir, "month-0.csv", "user,ts,cluster\n");
    let said = error(dir, &format!("{COUNT} --events month-0.csv --state state"));
    assert!(said.contains("month-0.csv was counted with"), "{said}");
}

#[test]
fn the_same_bytes_with_any_memory_and_threads() {
    let dir = log(3_000);
    let bytes = |name: &str, flags: &str| {
        json(dir.path(), &format!("{COUNT} --events events.csv --out {name} {flags}"));
        ["counts", "support", "tails", "requests"]
            .map(|table| std::fs::read(dir.path().join(name).join(table).join("part-000000.parquet")).unwrap())
    };
    assert!(bytes("one", "--threads 1") == bytes("four", "--threads 4 --memory-mb 1"));
}
