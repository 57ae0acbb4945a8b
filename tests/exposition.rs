//! Rules, dashboard and manual against the real exposition: a name, a label or a value that no scrape shows must never
//! stand in `deploy/`.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::time::Duration;

use segue::answer::Source;
use segue::config::Rung;
use segue::error::Code;
use segue::memory::Memory;
use segue::metrics::{Call, Door, METRICS, Metrics, ModelGauges, ModelInfo, Phase, Port};
use segue::model::engine::Precision;
use segue::snapshot::lifecycle::{Book, Standing};
use segue::snapshot::manifest::{DataWindow, FORMAT, LevelFigures, Manifest, Provenance, TableFigures};
use segue::wire::proto::v1;
use serde_json::Value;
use support::model;
use support::release::{CLUSTERS, ROWS, publish_naming, version};
use support::service::{Running, start_with};

/// Labels that the scraper adds.
const SCRAPED: [&str; 2] = ["job", "instance"];

/// Labels whose values are names of someone's releases, or of the processor's arithmetic.
const FREE: [&str; 7] = ["release", "snapshot", "model", "catalogue", "version", "kernel", "channel"];

/// What a plain service of a test has nothing of: its releases are made from no data and at no time, so that they are the
/// same every day, its doors have no certificates, and it pulls from nowhere.
const UNSEEN_HERE: [&str; 7] = [
    "segue_release_data_end_timestamp_seconds",
    "segue_release_created_timestamp_seconds",
    "segue_tls_handshake_failures_total",
    "segue_tls_certificate_expiry_timestamp_seconds",
    "segue_tls_client_crl_expiry_timestamp_seconds",
    "segue_pull_last_success_timestamp_seconds",
    "segue_pull_channel_info",
];

const CALLS: [Call; 8] = [
    Call::NextClusters,
    Call::Batch,
    Call::Stream,
    Call::Clusters,
    Call::Cluster,
    Call::Version,
    Call::Openapi,
    Call::Unmatched,
];

/// Values by label, by series name as scraped (with `_bucket`, `_sum` and `_count`).
type Exposed = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// A metric as a rule or a panel asks for it.
#[derive(Debug)]
struct Asked {
    name: String,
    /// Label and value, or one alternative of a pattern.
    matchers: Vec<(String, String)>,
}

/// Ready, one request in flight.
struct Busy;

impl segue::metrics::Watched for Busy {
    fn ready(&self) -> bool {
        true
    }

    fn in_flight(&self) -> usize {
        1
    }

    fn model(&self) -> ModelGauges {
        let info = ModelInfo { model: "v1".to_owned(), precision: Precision::Quantised.word(), kernel: "avx2" };
        ModelGauges { info: Some(info), ..ModelGauges::default() }
    }

    fn in_flight_limit(&self) -> usize {
        4_096
    }
}

#[test]
fn rules_and_dashboard_ask_only_for_what_is_exposed() {
    let exposed = parse(&exercised().render());
    for (file, many) in [
        ("prometheus/alerts.yml", 40),
        ("prometheus/alerts.test.yml", 40),
        ("prometheus/alerts.days.test.yml", 5),
        ("grafana/segue.json", 60),
        ("runbook.md", 40),
    ] {
        let asked = asked_in(file);
        assert!(asked.len() > many, "{file}: expected many metrics, got {asked:?}");
        for asked in asked.iter().filter(|asked| is_here(&asked.name)) {
            if let Err(problem) = check(asked, &exposed) {
                panic!("deploy/{file}: {problem}");
            }
        }
    }
}

/// Whoever adds a metric thinks of where it is seen.
#[test]
fn every_metric_is_on_the_dashboard_or_in_a_rule() {
    let asked: Vec<Asked> = ["prometheus/alerts.yml", "grafana/segue.json"].into_iter().flat_map(asked_in).collect();
    for metric in METRICS {
        let seen = asked.iter().any(|asked| family(&asked.name) == metric.name);
        assert!(seen, "{} is on no panel and in no rule", metric.name);
    }
}

#[test]
fn the_manual_has_a_row_for_each_metric() {
    let manual = read("README.md");
    let rows: BTreeSet<&str> = manual.lines().filter(|line| line.starts_with("| `segue_")).collect();
    let expected: Vec<String> = METRICS
        .iter()
        .map(|metric| format!("| `{}` | {} | {} |", metric.name, metric.labels.join(", "), metric.help))
        .collect();
    let expected_rows: BTreeSet<&str> = expected.iter().map(String::as_str).collect();
    assert_eq!(rows, expected_rows, "deploy/README.md should have these rows:\n{}", expected.join("\n"));
}

#[test]
fn every_declared_metric_is_exposed_with_its_help_and_labels() {
    let text = exercised().render();
    let exposed = parse(&text);
    for metric in METRICS.iter().filter(|metric| is_here(metric.name)) {
        assert!(text.contains(&format!("# HELP {} {}\n", metric.name, metric.help)), "no help of {}", metric.name);
        let labels = exposed.iter().find(|(name, _)| family(name) == metric.name).map(|(_, labels)| labels);
        let found: BTreeSet<&str> =
            labels.expect(metric.name).keys().map(String::as_str).filter(|&l| l != "le").collect();
        assert_eq!(found, metric.labels.iter().copied().collect(), "labels of {}", metric.name);
    }
}

/// The names that a set in a test shows are those that a service shows: nothing is declared that nobody counts.
#[test]
fn a_service_that_was_asked_exposes_every_metric() {
    let running = start_with(|config| config.answer.rungs = vec![Rung::Table, Rung::Model, Rung::Popular]);
    serve_with_model(&running);
    running.http().get("/next-clusters?history=60,30").json::<Value>(200);
    running.http().get("/next-clusters?history=10,20").json::<Value>(200);
    running.grpc().next_clusters(v1::NextClustersRequest::default()).expect("an answer");
    publish_naming(running.dir(), ("staged", None), CLUSTERS, ROWS);
    let staged = running.service.reloader().stage(version("staged")).blocking_recv().expect("the reloader runs");
    assert!(staged.failure().is_none(), "{staged:?}");
    fs::write(running.dir().join("state.json"), r#"{"current":"gone","staged":"staged"}"#)
        .expect("the store can be written");
    running.reload();
    let exposed = parse(&running.service.metrics().render());
    for metric in METRICS.iter().filter(|metric| is_here(metric.name)) {
        let found = exposed.keys().any(|name| family(name) == metric.name);
        assert_eq!(found, !UNSEEN_HERE.contains(&metric.name), "{}", metric.name);
    }
    let labels = &exposed["segue_requests_total"];
    assert_eq!(labels["door"], ["grpc", "http"].map(str::to_owned).into());
    assert!(labels["call"].contains("next_clusters") && labels["code"].contains("ok"));
    assert!(exposed["segue_release_load_failures_total"]["reason"].contains("missing"));
    assert!(exposed.contains_key("process_resident_memory_bytes"));
}

/// Whether this machine has what a metric is about: not every one limits the memory of a process.
fn is_here(name: &str) -> bool {
    name != "segue_memory_limit_bytes" || Memory::now().limit_bytes.is_some()
}

/// Makes a release with a model the one that serves.
fn serve_with_model(running: &Running) {
    let publish = |name, model| publish_naming(running.dir(), (name, model), CLUSTERS, ROWS);
    let catalogue = publish("plain", None).catalogue;
    let model = model::publish(running.dir(), &catalogue, CLUSTERS.len() as u32, 1).manifest.version;
    publish("with-model", Some(model));
    let outcome = running.follow("with-model");
    assert!(outcome.swapped().is_some(), "{outcome:?}");
}

/// The checks above can fail: each of these has one thing wrong.
#[test]
fn what_is_not_exposed_is_found_out() {
    let exposed = parse(&exercised().render());
    for wrong in [
        "rate(segue_request_total[5m])",
        r#"segue_requests_total{status="ok"}"#,
        r#"segue_requests_total{code=~"ok|shed"}"#,
        r#"segue_request_duration_seconds_bucket{le="0.002"}"#,
        "segue_request_duration_seconds",
        r#"process_resident_memory_bytes{door="http"}"#,
    ] {
        let [asked] = &asked_by(wrong)[..] else { panic!("{wrong}") };
        assert!(check(asked, &exposed).is_err(), "{wrong} was accepted");
    }
    assert!(asked_by("segue:failed:ratio_rate5m > 1").is_empty(), "a recorded name is not ours to expose");
}

/// A set on which everything happened.
fn exercised() -> Metrics {
    let metrics = Metrics::new();
    for door in [Door::Http, Door::Grpc] {
        let door = metrics.door(door);
        for (call, code) in CALLS.into_iter().flat_map(|call| Code::ALL.map(|code| (call, code))) {
            door.finished(call, code, Duration::from_micros(20));
        }
        Source::ALL.into_iter().for_each(|source| door.answered(source));
    }
    metrics.watch(std::sync::Arc::new(Busy));
    metrics.release().loaded(&manifest(), 1_700_000_200);
    metrics.release().keep(&under_way());
    metrics.release().phase(Phase::Swap, Duration::from_micros(1));
    metrics.gate().churned(0.2);
    metrics.transfer().pulls();
    metrics.transfer().follows(&version("production"), &version("v2"));
    for port in [Port::Http, Port::Grpc, Port::Admin] {
        metrics.tls().ends(port, 1_900_000_000);
        metrics.tls().lists_end(port, 1_900_000_000);
    }
    metrics.model().waited(Duration::from_micros(100));
    metrics.model().computed(1, Duration::from_micros(100));
    metrics
}

/// A book in which releases came as far as each step on the way to a canary.
fn under_way() -> Book {
    let book = Book::new();
    let steps = [
        Standing::Fetching,
        Standing::Verifying,
        Standing::Loading,
        Standing::Warming,
        Standing::Checking,
        Standing::Staged,
        Standing::Canary,
    ];
    for reached in 0..steps.len() {
        let release = version(&format!("v{reached}"));
        steps[..=reached].iter().for_each(|standing| book.note(&release, *standing, None));
    }
    book
}

fn manifest() -> Manifest {
    let name = || "v1".parse().unwrap();
    Manifest {
        format: FORMAT.to_owned(),
        version: name(),
        snapshot: name(),
        model: Some(name()),
        catalogue: name(),
        created_unix_s: Some(1_700_000_100),
        table: TableFigures {
            clusters: 2,
            depth: 1,
            width: 1,
            levels: vec![LevelFigures { present: 1, possible: 1 }; 2],
        },
        files: Vec::new(),
        provenance: Provenance {
            data_window: Some(DataWindow { from_unix_s: 1_690_000_000, to_unix_s: 1_700_000_000 }),
            ..Provenance::default()
        },
        quality: BTreeMap::new(),
        expected_sources: BTreeMap::new(),
    }
}

fn check(asked: &Asked, exposed: &Exposed) -> Result<(), String> {
    let labels = exposed.get(&asked.name).ok_or_else(|| format!("no scrape shows {}", asked.name))?;
    for (label, value) in &asked.matchers {
        if SCRAPED.contains(&label.as_str()) {
            continue;
        }
        let values = labels.get(label).ok_or_else(|| format!("{} has no label {label}", asked.name))?;
        if !FREE.contains(&label.as_str()) && !values.contains(value) {
            return Err(format!("{} never has {label}=\"{value}\", only {values:?}", asked.name));
        }
    }
    Ok(())
}

/// The series of an exposition.
fn parse(text: &str) -> Exposed {
    let mut exposed = Exposed::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let asked = asked_at(line);
        let labels = exposed.entry(asked.name).or_default();
        for (label, value) in asked.matchers {
            labels.entry(label).or_default().insert(value);
        }
    }
    exposed
}

/// The metric that a series belongs to.
fn family(series: &str) -> &str {
    let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| series.strip_suffix(end));
    histogram
        .filter(|name| ["_seconds", "_questions", "_overlap_ratio"].iter().any(|unit| name.ends_with(unit)))
        .unwrap_or(series)
}

fn asked_in(file: &str) -> Vec<Asked> {
    let text = read(file);
    let value: Value = match Path::new(file).extension().and_then(OsStr::to_str) {
        Some("json") => serde_json::from_str(&text).unwrap(),
        Some("yml") => serde_yaml_ng::from_str(&text).unwrap(),
        _ => Value::String(text),
    };
    strings(&value).into_iter().flat_map(asked_by).collect()
}

fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields.values().flat_map(strings).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// Every metric of ours that a text names, in an expression or in prose.
fn asked_by(text: &str) -> Vec<Asked> {
    let begins = |&at: &usize| {
        let before = text[..at].chars().next_back();
        let ours = text[at..].starts_with("segue_") || text[at..].starts_with("process_");
        ours && !before.is_some_and(|before| before.is_alphanumeric() || before == '_' || before == ':')
    };
    text.char_indices().map(|(at, _)| at).filter(begins).map(|at| asked_at(&text[at..])).collect()
}

/// The metric that a text begins with.
fn asked_at(text: &str) -> Asked {
    let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let inside = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(inside, _)| inside);
    Asked { name: name.to_owned(), matchers: inside.split(',').filter_map(matcher).flatten().collect() }
}

/// `label="a"` or `label=~"a|b"`, one pair for each alternative.
fn matcher(text: &str) -> Option<Vec<(String, String)>> {
    let (left, value) = text.trim().trim_end_matches('"').split_once('"')?;
    let label = left.trim_end_matches(['=', '~', '!']);
    Some(value.split('|').map(|value| (label.to_owned(), value.to_owned())).collect())
}

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
