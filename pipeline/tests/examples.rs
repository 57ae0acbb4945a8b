//! What training sees is what serving shows: contexts as of a time are the records of a release built of the log until then.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::Path;

use segue::model::prompt::Context;
use segue::snapshot::release::Release;
use segue_pipeline::build::CountSettings;
use segue_pipeline::clusters::{CatalogueColumns, read_catalogue};
use segue_pipeline::examples::{AsOf, Counting, Log};
use segue_pipeline::progress::Progress;
use segue_pipeline::read::{Columns, Decoder, EventReader, Format, Target, TimeUnit};
use segue_pipeline::refusals::{Policy, Refusals};
use segue_pipeline::sequence::Mode;
use segue_pipeline::sort::Sorter;
use support::{json, log, release_path, rows, write};

const SETTINGS: [(Mode, &str); 3] = [
    (Mode::Distinct, "--mode distinct"),
    (Mode::Changes, "--mode changes --window-days 60 --gap-days 20"),
    (Mode::Raw, "--mode raw --half-life-days 30 --smoothing 20,7 --min-count 3"),
];

#[test]
fn a_context_is_the_record_that_a_release_of_its_time_holds() {
    let dir = log(6_000);
    let events = read(dir.path());
    let (from_us, to_us) = events.span_us().unwrap();
    let until_us = from_us + (to_us - from_us) / 3 * 2;
    write(dir.path(), "until.csv", &rows_before(dir.path(), until_us));
    for (mode, flags) in SETTINGS {
        let out = format!("{}_store", mode.name());
        json(
            dir.path(),
            &format!("build --catalogue clusters.csv --events until.csv {flags} --depth 3 --width 9 --out {out}"),
        );
        let counting = counting(mode);
        let mut as_of = AsOf::new(&events, &counting);
        as_of.advance(until_us);
        let release = Release::open(&release_path(&dir.path().join(&out))).unwrap();
        for length in 0..=3 {
            for (history, record) in release.table().histories(length) {
                let continuations = record.iter().map(|(cluster, score)| (cluster, score.value())).collect();
                assert_eq!(
                    as_of.retrieve(&history),
                    Context { matched: length, continuations },
                    "{mode:?} {history:?}"
                );
            }
        }
    }
}

fn counting(mode: Mode) -> Counting {
    let count = CountSettings {
        mode,
        gap_days: (mode == Mode::Changes).then_some(20.0),
        window_days: (mode == Mode::Changes).then_some(60.0),
        half_life_days: (mode == Mode::Raw).then_some(30.0),
        smoothing: if mode == Mode::Raw { vec![20.0, 7.0] } else { vec![50.0] },
        seen_min: if mode == Mode::Raw { 3 } else { 1 },
        users_min: 1,
        user_day_max: None,
    };
    Counting { count, depth: 3, width: 9 }
}

fn read(dir: &Path) -> Log {
    let name = |name: &str| name.to_owned();
    let columns = CatalogueColumns { id: name("cluster"), name: name("name"), keywords: None, parent: None };
    let catalogue = read_catalogue(&dir.join("clusters.csv"), &columns).unwrap();
    let columns = Columns { user: name("user"), time: name("ts"), target: name("cluster"), weight: None };
    let decoder = Decoder::new(&catalogue, Target::Cluster, TimeUnit::default());
    let (refusals, sorter) = (Refusals::new(Policy::Strict), Sorter::new(dir, usize::MAX));
    let mut reader = EventReader::new(&columns, decoder, refusals, sorter);
    reader.read(&dir.join("events.csv"), Format::Csv, &Progress::hidden()).unwrap();
    Log::collect(reader.finish(), catalogue.len() as u32).unwrap()
}

/// The rows of the log that came before a time.
fn rows_before(dir: &Path, until_us: i64) -> String {
    let before = |row: &Vec<String>| row[1].parse::<i64>().unwrap() * 1_000_000 < until_us;
    let rows: String = rows(dir).into_iter().filter(before).map(|row| row.join(",") + "\n").collect();
    format!("user,ts,item,cluster\n{rows}")
}
