//! The unseen log: its bounds, what it may lose, when it is written, and how it is read again.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod support;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use segue::config::{self, Config};
use segue::snapshot::live::Live;
use segue::unseen::file::{Header, Row, Span};
use segue::unseen::flush::{Flusher, Parts};
use segue::unseen::merge::Merge;
use segue::unseen::summary::Summary;
use segue::unseen::{HISTORY_MAX, History, UnseenLog, files};
use support::release::{VERSION, version};
use support::service::{Running, start_with, until};
use tempfile::TempDir;

fn config(change: impl FnOnce(&mut config::Unseen)) -> config::Unseen {
    let mut config = Config::defaults(Path::new("store")).unseen;
    change(&mut config);
    config
}

fn row(history: &[u32], count: u64, missed_max: u64) -> Row {
    Row { history: history.to_vec(), count, missed_max }
}

fn span(from_unix_s: u64, sample: f64, rows: &[Row]) -> Span {
    let header = Header::new(Some(version(VERSION)), [from_unix_s, from_unix_s + 60], sample);
    Span::new(header.with_dropped(1), rows.to_vec())
}

/// A service that writes its log only at a swap and at the stop.
fn quiet() -> Running {
    start_with(|config| config.unseen.flush = Duration::from_secs(3_600))
}

/// Records so often for sure, and says how often that took another try: what comes while a part of the log is being
/// written out is dropped, as it must be.
fn record(running: &Running, history: &[u32], times: u64) -> u64 {
    let log = running.service.unseen();
    let before = log.figures();
    until("it is recorded", || {
        log.record(history);
        log.figures().recorded == before.recorded + times
    });
    log.figures().dropped - before.dropped
}

fn written(dir: &Path) -> Vec<PathBuf> {
    files::list(&segue::unseen::dir(dir)).expect("the store can be read")
}

fn rows(path: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    Span::read(&fs::read(path).unwrap()[..], &mut |_, row| rows.push(row)).expect("a file of the log");
    rows
}

fn export(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_segue")).args(["unseen", "export"]).args(args).output().expect("it runs")
}

fn exported(args: &[&str]) -> String {
    let output = export(args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

proptest! {
    /// Against exact counts: memory is bounded, no record vanishes uncounted, a count is never too high, it is too low by
    /// at most what the line says, which is at most n / m; and what was recorded more than n / m times is there.
    #[test]
    fn a_summary_keeps_space_savings_law(stream in prop::collection::vec(0_u32..40, 0..600), room in 1_usize..12) {
        let mut summary = Summary::new(room);
        let mut exact: HashMap<Vec<u32>, u64> = HashMap::new();
        for &cluster in &stream {
            summary.add(History::of(&[cluster]));
            *exact.entry(vec![cluster]).or_default() += 1;
        }
        let (rows, share) = (summary.rows().collect::<Vec<_>>(), stream.len() as u64 / room as u64);
        prop_assert!(rows.len() <= room);
        prop_assert_eq!(rows.iter().map(|row| row.count).sum::<u64>() + summary.evicted(), stream.len() as u64);
        for row in &rows {
            let true_count = exact[&row.history];
            prop_assert!(row.count <= true_count && true_count <= row.count + row.missed_max, "{row:?}, {true_count}");
            prop_assert!(row.missed_max <= share);
        }
        for (history, count) in exact.into_iter().filter(|(_, count)| *count > share) {
            prop_assert!(rows.iter().any(|row| row.history == history), "{history:?}, {count} times");
        }
    }

    /// However the records fall on the parts of the log.
    #[test]
    fn the_log_is_bounded_and_loses_nothing_uncounted(
        stream in prop::collection::vec(prop::collection::vec(0_u32..30, 1..7), 0..400), room in 0_usize..60,
    ) {
        let log = UnseenLog::new(&config(|config| config.histories_max = room));
        stream.iter().for_each(|history| log.record(history));
        let span = log.current(None);
        let recorded = if room == 0 { 0 } else { stream.len() as u64 };
        prop_assert!(span.rows.len() <= room);
        prop_assert_eq!(span.counted() + span.header.dropped, recorded);
        prop_assert_eq!(log.figures().recorded, recorded);
        prop_assert_eq!(log.figures().dropped, span.header.dropped);
        prop_assert!(span.rows.iter().all(|row| (1..=HISTORY_MAX).contains(&row.history.len())));
        prop_assert!(span.rows.is_sorted_by(|a, b| a.count >= b.count));
    }
}

/// A full log of old histories does not lock out a new one that is asked for again and again.
#[test]
fn a_hot_newcomer_is_kept() {
    let mut summary = Summary::new(8);
    for cluster in 0..800_u32 {
        summary.add(History::of(&[cluster % 16]));
    }
    for other in 0..200_u32 {
        summary.add(History::of(&[99]));
        summary.add(History::of(&[100 + other]));
    }
    let found = summary.rows().find(|row| row.history == [99]).expect("it is held");
    assert!(found.count >= 150, "{found:?}");
}

#[test]
fn only_the_most_recent_clusters_are_kept() {
    let log = UnseenLog::new(&config(|_| {}));
    [vec![1, 2, 3, 4, 5], vec![9, 2, 3, 4, 5], vec![4, 5]].iter().for_each(|history| log.record(history));
    assert_eq!(log.current(None).rows, [row(&[2, 3, 4, 5], 2, 0), row(&[4, 5], 1, 0)]);
}

#[test]
fn a_sample_is_a_share_of_all() {
    let log = UnseenLog::new(&config(|config| config.sample = 0.25));
    (0..40_000).for_each(|_| log.record(&[7]));
    let recorded = log.figures().recorded;
    assert!((9_000..11_000).contains(&recorded), "{recorded} of 40000 at a quarter: 11 standard deviations off");
    assert_eq!(log.current(None).header.sample, 0.25);
}

#[test]
fn many_threads_lose_nothing_uncounted() {
    let log = UnseenLog::new(&config(|config| config.histories_max = 64));
    std::thread::scope(|scope| {
        for thread in 0..4_u32 {
            let log = &log;
            scope.spawn(move || (0..5_000).for_each(|at| log.record(&[thread, at % 100])));
        }
    });
    let span = log.current(None);
    assert_eq!(span.counted() + span.header.dropped, 20_000);
}

#[test]
fn files_are_whole_in_order_and_few() {
    let dir = TempDir::new().unwrap();
    let (dir, store) = (dir.path().join("unseen"), dir.path());
    assert_eq!(files::list(&dir).unwrap(), Vec::<PathBuf>::new());
    for from_unix_s in [30, 20, 100, 20] {
        files::write(&dir, &span(from_unix_s, 1.0, &[row(&[7], from_unix_s, 0)])).unwrap();
    }
    fs::write(dir.join(".unseen-killed"), "half a li").unwrap();
    let counts: Vec<_> = written(store).iter().map(|path| rows(path)[0].count).collect();
    assert_eq!(counts, [20, 20, 30, 100]);
    files::trim(&dir, 2).unwrap();
    let counts: Vec<_> = written(store).iter().map(|path| rows(path)[0].count).collect();
    assert_eq!(counts, [30, 100]);
    assert!(dir.join(".unseen-killed").exists(), "its writer may be at work");
}

#[test]
fn a_file_reads_back_and_damage_is_an_error() {
    let whole = span(20, 0.5, &[row(&[9, 7], 3, 0), row(&[7], 3, 2)]);
    let mut bytes = Vec::new();
    whole.write(&mut bytes).unwrap();
    let mut rows = Vec::new();
    let headers = Span::read(&bytes[..], &mut |_, row| rows.push(row)).expect("what was written");
    assert_eq!((&headers[..], &rows[..]), (&[whole.header][..], &whole.rows[..]));
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(text.lines().nth(2).unwrap(), r#"{"history":[9,7],"count":3}"#);
    for (from, to, expected) in [
        ("segue.unseen/1", "segue.unseen/2", "line 1: the format is \"segue.unseen/2\""),
        ("0.5", "0.0", "line 1: the sample is 0"),
        ("[9,7]", "[]", "line 3: the history is of 0 clusters"),
        ("[9,7]", "[9,7,1,2,3]", "line 3: the history is of 5 clusters"),
        ("count", "user", "line 2: "),
        ("\"count\":3}", "", "line 3: "),
    ] {
        let damaged = text.replacen(from, to, 1);
        let error = Span::read(damaged.as_bytes(), &mut |_, _| {}).unwrap_err().to_string();
        assert!(error.contains(expected), "{to}: {error}");
    }
}

#[test]
fn merged_counts_are_scaled_to_all_requests() {
    let mut merge = Merge::new(Some(2));
    for part in [span(20, 1.0, &[row(&[1, 9, 7], 3, 1), row(&[9, 7], 2, 0)]), span(90, 0.25, &[row(&[9, 7], 5, 2)])] {
        let mut bytes = Vec::new();
        part.write(&mut bytes).unwrap();
        merge.add(&bytes[..]).unwrap();
    }
    let merged = merge.finish();
    assert_eq!(merged.rows, [row(&[9, 7], 25, 9)]);
    let Header { release, from_unix_s, to_unix_s, sample, dropped, .. } = merged.header;
    assert_eq!((release, from_unix_s, to_unix_s, sample, dropped), (Some(version(VERSION)), 20, 150, 1.0, 5));
}

#[test]
fn a_stop_writes_and_a_start_keeps() {
    let dir = TempDir::new().unwrap();
    support::release::store(dir.path());
    for times in [2, 3] {
        let service = segue::serve::Service::start(&support::config(dir.path())).expect("free ports");
        (0..times).for_each(|_| service.unseen().record(&[10, 20]));
        service.stop();
        service.wait().expect("it drains");
    }
    let counts: Vec<_> = written(dir.path()).iter().flat_map(|path| rows(path)).map(|row| row.count).collect();
    assert_eq!(counts, [2, 3]);
    let text = exported(&["--from-dir", dir.path().to_str().unwrap(), "--format", "csv"]);
    assert_eq!(text, "history,count,missed_max\n10 20,5,0\n");
}

#[test]
fn a_swap_writes_under_the_name_of_the_release_before() {
    let dir = TempDir::new().unwrap();
    let store = support::release::store(dir.path());
    support::release::publish(dir.path(), "next", &[(10, "cake"), (20, "tea")], &[(&[], &[(20, 0.5)])]);
    let (log, live) = (Arc::new(UnseenLog::new(&config(|_| {}))), Arc::<Live>::default());
    live.swap(support::release::load(&store, VERSION));
    let parts = Parts { log: log.clone(), live: live.clone(), dir: dir.path().join("unseen") };
    let flusher = Flusher::start(parts, &config(|_| {})).expect("a thread");
    log.record(&[10, 20]);
    live.swap(support::release::load(&store, "next"));
    until("the log is written", || !written(dir.path()).is_empty());
    log.record(&[10]);
    flusher.stop();
    let texts: Vec<_> = written(dir.path()).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let named = |text: &String, name: &str| text.contains(&format!("\"release\":\"{name}\""));
    assert!(texts.len() == 2 && named(&texts[0], VERSION) && named(&texts[1], "next"), "{texts:?}");
}

#[test]
fn an_interval_writes() {
    let running = start_with(|config| config.unseen.flush = Duration::from_millis(10));
    record(&running, &[10, 20], 2);
    until("the log is written", || !written(running.dir()).is_empty());
    until("the memory is empty", || running.counted("segue_unseen_histories") == 0);
    assert_eq!(running.counted("segue_unseen_recorded_total"), 2);
}

/// Recording goes on while the disk refuses, and what it refused is written when it no longer does.
#[test]
fn a_disk_that_refuses_costs_a_metric() {
    let running = start_with(|config| config.unseen.flush = Duration::from_millis(10));
    let dir = segue::unseen::dir(running.dir());
    fs::write(&dir, "in the way").unwrap();
    let mut busy = record(&running, &[10, 20], 3);
    until("the disk refused", || running.counted("segue_unseen_flush_failures_total") > 0);
    busy += record(&running, &[10, 20], 1);
    fs::remove_file(&dir).unwrap();
    let sum = || written(running.dir()).iter().flat_map(|path| rows(path)).map(|row| row.count).sum::<u64>();
    until("all is written", || sum() == 4);
    assert_eq!(running.counted("segue_unseen_dropped_total"), busy);
}

#[test]
fn a_running_service_tells_its_files_and_its_memory() {
    let running = quiet();
    files::write(&segue::unseen::dir(running.dir()), &span(20, 0.5, &[row(&[10, 20], 4, 0)])).unwrap();
    record(&running, &[10, 20], 2);
    record(&running, &[30], 1);
    let admin = running.service.addresses().admin;
    let mut reply = ureq::get(format!("http://{admin}/admin/v1/unseen")).call().expect("status 200");
    let body = reply.body_mut().read_to_string().expect("UTF-8");
    assert_eq!(body.lines().count(), 5, "{body}");
    let text = exported(&["--to", &format!("http://{admin}/")]);
    let lines: Vec<_> = text.lines().skip(1).collect();
    assert_eq!(lines, [r#"{"history":[10,20],"count":10}"#, r#"{"history":[30],"count":1}"#]);
    assert_eq!(written(running.dir()).len(), 1, "asking changes nothing");
}

/// What the table holds exactly is not unseen, and neither is a history of which nothing is known.
#[test]
fn questions_are_recorded_where_the_table_misses() {
    let running = quiet();
    for history in ["10,20", "30,10", "7777,30,10", "20", "7777"] {
        running.http().get(&format!("/next-clusters?history={history}")).json::<serde_json::Value>(200);
    }
    assert_eq!(running.service.unseen().current(None).rows, [row(&[30, 10], 2, 0)]);
}

#[test]
fn an_export_says_what_is_wrong() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().to_str().unwrap();
    fs::write(dir.path().join("unseen-1-000.jsonl"), "{}\n").unwrap();
    for (args, code, expected) in [
        (&["--from-dir", path][..], 1, "unseen-1-000.jsonl cannot be used: line 1"),
        (&["--from-dir", "/none"], 1, "/none is no directory"),
        (&["--to", "127.0.0.1:9090"], 1, "`127.0.0.1:9090` is no address of a service"),
        (&["--from-dir", path, "--to", "http://127.0.0.1:1"], 2, "cannot be used with"),
        (&[], 2, "required"),
    ] {
        let output = export(args);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains(expected), "{args:?}: {error}");
        assert_eq!(output.status.code(), Some(code), "{args:?}");
    }
}

#[test]
fn an_export_goes_to_a_file_whole() {
    let dir = TempDir::new().unwrap();
    files::write(dir.path(), &span(20, 1.0, &[row(&[7], 4, 0), row(&[9], 1, 0)])).unwrap();
    let out = dir.path().join("all.jsonl");
    let printed = exported(&["--from-dir", dir.path().to_str().unwrap(), "--out", out.to_str().unwrap()]);
    assert_eq!(printed, "");
    assert_eq!(rows(&out), [row(&[7], 4, 0), row(&[9], 1, 0)]);
}
