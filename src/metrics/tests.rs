//! The exposition as a scrape sees it; names are spelled here only because the exposition is what is tested.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::answer::Source;
use crate::error::Code;
use crate::snapshot::manifest::{
    DataWindow, FORMAT, LevelFigures, Manifest, Provenance, ReleaseFile, TABLE, TableFigures,
};

/// A release with one history of length 0, and as many of each further length as `present` says.
fn manifest(version: &str, present: &[u64]) -> Manifest {
    let level = |present: u64| LevelFigures { present, possible: present };
    let provenance = Provenance {
        data_window: Some(DataWindow { from_unix_s: 1_690_000_000, to_unix_s: 1_700_000_000 }),
        ..Provenance::default()
    };
    Manifest {
        format: FORMAT.to_owned(),
        version: version.parse().unwrap(),
        snapshot: "s1".parse().unwrap(),
        model: None,
        catalogue: "c1".parse().unwrap(),
        created_unix_s: Some(1_700_000_100),
        table: TableFigures {
            clusters: 761,
            depth: 2,
            width: 10,
            levels: [1].iter().chain(present).copied().map(level).collect(),
        },
        files: vec![ReleaseFile { name: TABLE.to_owned(), bytes: 24_000_000, blake3: "0".repeat(64) }],
        provenance,
        quality: [].into(),
        expected_sources: [].into(),
    }
}

/// A set on which everything happened once.
fn exercised() -> Metrics {
    let metrics = Metrics::new();
    for door in [Door::Http, Door::Grpc] {
        let door = metrics.door(door);
        for code in Code::ALL {
            door.finished(Call::NextClusters, code, Duration::from_micros(30));
        }
        door.finished(Call::Unmatched, Code::NotFound, Duration::from_micros(3));
        door.answered(Source::Table);
    }
    metrics.watch(Arc::new(Fixed(AtomicUsize::new(7))));
    metrics.release().loaded(&manifest("march", &[761, 579_121]), 1_700_000_200);
    metrics
}

/// So many in flight of 64; ready while there is any.
struct Fixed(AtomicUsize);

impl Watched for Fixed {
    fn ready(&self) -> bool {
        self.in_flight() > 0
    }

    fn in_flight(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn in_flight_limit(&self) -> usize {
        64
    }
}

/// The lines of one metric, without its help and type.
fn lines_of(text: &str, name: &str) -> BTreeSet<String> {
    let ours = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
    text.lines().filter(ours).map(str::to_owned).collect()
}

fn check(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "expected the line {line}\ngot {text}");
}

fn check_absent(text: &str, part: &str) {
    assert!(!text.contains(part), "expected no {part}\ngot {text}");
}

#[test]
fn a_request_is_counted_by_door_call_and_code() {
    let metrics = Metrics::new();
    metrics.door(Door::Grpc).finished(Call::Cluster, Code::NotFound, Duration::from_micros(30));
    let text = metrics.render();
    check(&text, r#"segue_requests_total{door="grpc",call="cluster",code="not_found"} 1"#);
    check(&text, r#"segue_request_duration_seconds_bucket{door="grpc",call="cluster",le="0.000025"} 0"#);
    check(&text, r#"segue_request_duration_seconds_bucket{door="grpc",call="cluster",le="0.00005"} 1"#);
    check(&text, r#"segue_request_duration_seconds_sum{door="grpc",call="cluster"} 0.00003"#);
}

#[test]
fn workers_of_a_door_are_summed() {
    let metrics = Metrics::new();
    let (one, other) = (metrics.door(Door::Http), metrics.door(Door::Http));
    one.finished(Call::Version, Code::Ok, Duration::from_micros(1));
    other.finished(Call::Version, Code::Ok, Duration::from_micros(1));
    drop(other);
    for _second_scrape_counts_nothing_twice in 0..2 {
        let text = metrics.render();
        check(&text, r#"segue_requests_total{door="http",call="version",code="ok"} 2"#);
        check(&text, r#"segue_request_duration_seconds_count{door="http",call="version"} 2"#);
    }
}

#[test]
fn only_codes_that_alerts_watch_start_at_zero() {
    let text = Metrics::new().render();
    check(&text, r#"segue_requests_total{door="http",call="next_clusters",code="internal"} 0"#);
    check(&text, r#"segue_requests_total{door="grpc",call="stream",code="ok"} 0"#);
    check_absent(&text, r#"code="conflict""#);
    check_absent(&text, r#"call="openapi""#);
}

#[test]
fn connections_are_counted_while_they_live() {
    let metrics = Metrics::new();
    let door = metrics.door(Door::Http);
    let (first, second) = (door.connected(), door.connected());
    check(&metrics.render(), r#"segue_connections{door="http"} 2"#);
    drop(first);
    check(&metrics.render(), r#"segue_connections{door="http"} 1"#);
    drop(second);
    check(&metrics.render(), r#"segue_connections{door="http"} 0"#);
}

#[test]
fn what_is_watched_is_read_at_each_scrape() {
    let taken = Arc::new(Fixed(AtomicUsize::new(5)));
    let metrics = Metrics::new();
    check_absent(&metrics.render(), "segue_requests_in_flight");
    metrics.watch(taken.clone());
    check(&metrics.render(), "segue_requests_in_flight 5");
    check(&metrics.render(), "segue_ready 1");
    taken.0.store(0, Ordering::Relaxed);
    check(&metrics.render(), "segue_requests_in_flight 0");
    check(&metrics.render(), "segue_ready 0");
    check(&metrics.render(), "segue_requests_in_flight_limit 64");
}

#[test]
fn only_the_serving_release_is_described() {
    let metrics = Metrics::new();
    check_absent(&metrics.render(), "segue_release_info");
    metrics.release().loaded(&manifest("march", &[761, 579_121]), 1_700_000_200);
    check(&metrics.render(), "segue_release_data_end_timestamp_seconds 1700000000");
    check(&metrics.render(), r#"segue_release_histories{length="2"} 579121"#);
    let mut april = manifest("april", &[700]);
    april.provenance.data_window = None;
    metrics.release().loaded(&april, 1_700_000_300);
    let text = metrics.render();
    let info = r#"segue_release_info{release="april",snapshot="s1",model="",catalogue="c1"} 1"#;
    assert_eq!(lines_of(&text, "segue_release_info"), [info.to_owned()].into());
    let histories =
        [r#"segue_release_histories{length="0"} 1"#, r#"segue_release_histories{length="1"} 700"#].map(str::to_owned);
    assert_eq!(lines_of(&text, "segue_release_histories"), histories.into());
    check_absent(&text, "segue_release_data_end");
    check(&text, "segue_release_loads_total 2");
}

#[test]
fn a_refused_release_changes_one_count() {
    let metrics = Metrics::new();
    metrics.release().loaded(&manifest("march", &[761, 579_121]), 1_700_000_200);
    metrics.release().load_failed("missing");
    metrics.release().phase(Phase::Check, Duration::from_millis(2));
    metrics.release().reload_checked();
    let text = metrics.render();
    check(&text, r#"segue_release_load_failures_total{reason="missing"} 1"#);
    check(&text, r#"segue_release_load_failures_total{reason="io"} 0"#);
    check(&text, r#"segue_release_load_phase_duration_seconds_count{phase="check"} 1"#);
    check(&text, "segue_reload_checks_total 1");
    assert_eq!(lines_of(&text, "segue_release_info").len(), 1);
}

#[test]
fn two_sets_do_not_mix() {
    let (one, other) = (Metrics::new(), Metrics::new());
    one.door(Door::Http).shed();
    other.door(Door::Http);
    check(&one.render(), r#"segue_requests_shed_total{door="http"} 1"#);
    check(&other.render(), r#"segue_requests_shed_total{door="http"} 0"#);
}

#[test]
fn upkeep_loses_no_sample() {
    let metrics = Metrics::new();
    for _ in 0..1_000 {
        metrics.release().phase(Phase::Swap, Duration::from_micros(1));
        metrics.upkeep();
    }
    check(&metrics.render(), r#"segue_release_load_phase_duration_seconds_count{phase="swap"} 1000"#);
}

/// Names as Prometheus asks for them: units spelled out, `_total` on counters and on nothing else.
#[test]
fn declared_names_keep_the_conventions() {
    let mut seen = BTreeSet::new();
    for metric in METRICS {
        assert!(seen.insert(metric.name), "{} is declared twice", metric.name);
        assert!(metric.name.starts_with("segue_"), "{} lacks the prefix", metric.name);
        assert_eq!(metric.kind == Kind::Counter, metric.name.ends_with("_total"), "{}", metric.name);
        assert!(metric.help.ends_with('.'), "the help of {} is not a sentence", metric.name);
        if let Kind::Histogram(buckets) = metric.kind {
            let unit = ["_seconds", "_questions", "_ratio"].iter().any(|unit| metric.name.ends_with(unit));
            assert!(unit, "{} lacks its unit", metric.name);
            assert!(buckets.is_sorted(), "the buckets of {} are out of order", metric.name);
        }
    }
}

/// The judge that operators use. Where it is not installed, the test above holds what of it can be held in Rust.
#[test]
fn promtool_has_nothing_to_say() {
    let Ok(mut promtool) = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    else {
        return;
    };
    let text = exercised().render();
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
}
