//! What visitors see of a log, whatever its format, its cut into files, the threads and the memory.

use std::collections::BTreeMap;
use std::path::Path;

use segue::snapshot::catalogue::Catalogue;

use super::{Scan, Ties, Visitor};
use crate::build::LogSettings;
use crate::clusters::{CatalogueColumns, read_catalogue};
use crate::event::Event;
use crate::generate::write::LogFormat;
use crate::generate::{GenerateSettings, generate};
use crate::progress::Progress;
use crate::read::{Columns, Tally, TimeUnit};
use crate::refusals::{Policy, Reason};
use crate::users::{hash_of_integer, hash_of_text};

/// Every user's events: time in microseconds and cluster.
type Seen = BTreeMap<u64, Vec<(i64, u32)>>;

#[derive(Default)]
struct Keep(Seen);

impl Visitor for Keep {
    fn user(&mut self, user: u64, events: &[Event]) {
        let events = events.iter().map(|event| (event.time_us, event.cluster)).collect();
        assert!(self.0.insert(user, events).is_none(), "a user is seen once");
    }
}

fn log(events: &[&str]) -> LogSettings {
    let name = |name: &str| name.to_owned();
    LogSettings {
        events: events.iter().map(|source| name(source)).collect(),
        format: None,
        columns: Columns { user: name("user"), time: name("ts"), target: name("cluster"), weight: None },
        time_unit: TimeUnit::Seconds,
        weight_min: None,
        items: None,
    }
}

fn catalogue(dir: &Path) -> Catalogue {
    let name = |name: &str| name.to_owned();
    let columns = CatalogueColumns { id: name("cluster"), name: name("name"), keywords: None, parent: None };
    read_catalogue(&dir.join("clusters.csv"), &columns).unwrap()
}

fn seen(dir: &Path, events: &[&str], (ties, threads, memory_bytes): (Ties, usize, usize)) -> (Seen, Tally, usize) {
    let paths: Vec<String> = events.iter().map(|name| dir.join(name).display().to_string()).collect();
    let log = log(&paths.iter().map(String::as_str).collect::<Vec<_>>());
    let (catalogue, progress) = (catalogue(dir), Progress::hidden());
    let scan = Scan {
        log: &log,
        catalogue: &catalogue,
        policy: Policy::Strict,
        ties,
        memory_bytes,
        spill_dir: dir,
        threads,
        progress: &progress,
    };
    let scanned = scan.run(Keep::default).unwrap();
    let all = scanned.visitors.into_iter().flat_map(|visitor| visitor.0);
    let mut users = Seen::new();
    all.for_each(|(user, events)| assert!(users.insert(user, events).is_none(), "by one visitor"));
    (users, scanned.tally, scanned.spills)
}

const ROOMY: (Ties, usize, usize) = (Ties::ByCluster, 1, usize::MAX);

#[test]
fn nothing_depends_on_format_files_threads_or_memory() {
    let dir = tempfile::tempdir().unwrap();
    let settings = GenerateSettings { events: 20_000, users: 300, clusters: 40, months: 4, seed: 3 };
    for format in [LogFormat::Csv, LogFormat::CsvGz, LogFormat::Jsonl, LogFormat::Parquet] {
        generate(&settings, format, dir.path()).unwrap();
    }
    let text = std::fs::read_to_string(dir.path().join("events.csv")).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    std::fs::create_dir_all(dir.path().join("parts/day=2")).unwrap();
    for (at, name) in ["parts/b.csv", "parts/day=2/a.csv"].into_iter().enumerate() {
        let half: Vec<&str> = rows.lines().rev().skip(at).step_by(2).collect();
        std::fs::write(dir.path().join(name), format!("{header}\n{}\n", half.join("\n"))).unwrap();
    }
    std::fs::write(dir.path().join("parts/_SUCCESS"), "").unwrap();
    let (expected, tally, _) = seen(dir.path(), &["events.csv"], ROOMY);
    assert_eq!((tally.rows, tally.events, tally.users), (20_000, 20_000, expected.len() as u64));
    for events in ["events.csv.gz", "events.jsonl", "events.parquet", "parts", "parts/day=*/../*.csv,parts/day=2"] {
        for (threads, memory_bytes) in [(1, usize::MAX), (3, 100_000)] {
            let sources: Vec<&str> = events.split(',').collect();
            let (users, same, spills) = seen(dir.path(), &sources, (Ties::ByCluster, threads, memory_bytes));
            assert_eq!((users == expected, same), (true, tally), "{events} {threads} {memory_bytes}");
            assert_eq!(spills > 0, memory_bytes < usize::MAX);
        }
    }
}

#[test]
fn equal_times_come_by_cluster_or_as_they_were_read() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("clusters.csv"), "cluster,name\n5,a\n7,b\n9,c\n").unwrap();
    std::fs::write(dir.path().join("1.csv"), "user,ts,cluster\nx,2,9\nx,1,7\nx,2,5\n12,3,5\n").unwrap();
    std::fs::write(dir.path().join("2.csv"), "user,ts,cluster\nx,2,7\nx,0,7\n").unwrap();
    let second = 1_000_000;
    let of =
        |clusters: [u32; 5]| [0, 1, 2, 2, 2].map(|time| time * second).into_iter().zip(clusters).collect::<Vec<_>>();
    let cases = [
        (Ties::ByCluster, ["1.csv", "2.csv"], of([1, 1, 0, 1, 2])),
        (Ties::ByCluster, ["2.csv", "1.csv"], of([1, 1, 0, 1, 2])),
        (Ties::AsRead, ["1.csv", "2.csv"], of([1, 1, 2, 0, 1])),
        (Ties::AsRead, ["2.csv", "1.csv"], of([1, 1, 1, 2, 0])),
    ];
    for (ties, events, expected) in cases {
        for threads in [1, 4] {
            let (users, ..) = seen(dir.path(), &events, (ties, threads, usize::MAX));
            assert_eq!(users[&hash_of_text("x")], expected, "{ties:?} {events:?}");
            assert_eq!(users[&hash_of_integer(12)], [(3 * second, 0)]);
        }
    }
}

#[test]
fn refused_rows_are_those_that_one_thread_would_name() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("clusters.csv"), "cluster,name\n5,a\n").unwrap();
    let names: Vec<String> = (0..8).map(|file| format!("{file}.csv")).collect();
    for name in &names {
        std::fs::write(dir.path().join(name), "user,ts,cluster\nx,1,5\nx,1,6\nx,noon,5\n").unwrap();
    }
    let log = log(&[dir.path().join("*.csv").to_str().unwrap()]);
    let (mut log, catalogue, progress) = (log, catalogue(dir.path()), Progress::hidden());
    log.events = names.iter().map(|name| dir.path().join(name).display().to_string()).collect();
    for threads in [1, 4] {
        let scan = |policy| Scan {
            log: &log,
            catalogue: &catalogue,
            policy,
            ties: Ties::AsRead,
            memory_bytes: 1 << 20,
            spill_dir: dir.path(),
            threads,
            progress: &progress,
        };
        let refused = scan(Policy::Strict).run(Keep::default).map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains("0.csv:3: refused (unknown_cluster)"), "{refused}");
        let scanned = scan(Policy::Count).run(Keep::default).unwrap();
        let named: Vec<_> =
            scanned.refusals.named().iter().map(|row| (row.file.as_str(), row.row, row.reason)).collect();
        let both = |file| [(file, 3, Reason::UnknownCluster), (file, 4, Reason::Time)];
        assert_eq!(named, ["0.csv", "1.csv", "2.csv"].map(both).concat());
        assert_eq!((scanned.refusals.total(), scanned.tally.rows, scanned.tally.events), (16, 24, 8));
    }
}
