//! One fault for each gate: refused with what was expected, what came and what to do; passed by a wider threshold; not
//! looked at where the gate is off.

use std::fs;

use segue::config::Gates;
use segue::snapshot::gate::{GateName, Occasion, Ruling, Verdict};
use segue::snapshot::manifest::TABLE;
use segue::snapshot::release::ReleaseError;

use crate::made::{Made, Plan, gates, refusals};
use crate::support::release::version;

/// A fault, and how its gate takes it.
struct Row {
    gate: GateName,
    about: &'static str,
    make: fn() -> Made,
    /// Configures the gate so that it sees the fault.
    strict: fn(&mut Gates),
    /// What the refusal must say.
    says: &'static [&'static str],
    /// Widens the gate's threshold so far that it passes.
    wide: fn(&mut Gates),
    off: fn(&mut Gates),
}

const DEFAULTS: fn(&mut Gates) = |_| {};

const ROWS: &[Row] = &[
    Row {
        gate: GateName::Compatibility,
        about: "another catalogue",
        make: || Made::new(&Plan { clusters: (130..170).collect(), ..Plan::default() }),
        strict: DEFAULTS,
        says: &[
            "at least 20 of the current catalogue's 40 clusters, by id and name",
            "got 10",
            "gates.catalogue_kept_min",
        ],
        wide: |rules| rules.catalogue_kept_min = 0.25,
        off: |rules| rules.compatibility = false,
    },
    Row {
        gate: GateName::Compatibility,
        about: "ids that stand for other clusters",
        make: || Made::new(&Plan { named: "topic", ..Plan::default() }),
        strict: DEFAULTS,
        says: &["by id and name", "got 0", "was built with the right catalogue"],
        wide: |rules| rules.compared_histories_min = 1_000_000,
        off: |rules| rules.compatibility = false,
    },
    Row {
        gate: GateName::Window,
        about: "older data",
        make: || Made::new(&Plan { data_end_unix_s: Some(1_699_999_940), ..Plan::default() }),
        strict: DEFAULTS,
        says: &[
            "up to 2023-11-14T22:13:20Z or later",
            "got data up to 2023-11-14T22:12:20Z",
            "gates.window_older_max_s",
        ],
        wide: |rules| rules.window_older_max_s = 60,
        off: |rules| rules.window = false,
    },
    Row {
        gate: GateName::Window,
        about: "data of no date",
        make: || Made::new(&Plan { data_end_unix_s: None, ..Plan::default() }),
        strict: DEFAULTS,
        says: &["got none", "build it from newer data"],
        wide: |rules| rules.window = false,
        off: |rules| rules.window = false,
    },
    Row {
        gate: GateName::Coverage,
        about: "histories gone",
        make: || Made::new(&Plan { stride: 3, ..Plan::default() }),
        strict: DEFAULTS,
        says: &["800 to 16000 histories of length 2", "got 534", "gates.coverage_min"],
        // A third of the histories is also a third of the bytes.
        wide: |rules| (rules.coverage_min, rules.size_min) = (0.33, 0.33),
        off: |rules| (rules.coverage, rules.size) = (false, false),
    },
    Row {
        gate: GateName::Coverage,
        about: "a smaller share of answers expected",
        make: || Made::new(&Plan { table_share: Some(0.44), ..Plan::default() }),
        strict: DEFAULTS,
        says: &["answers from the table of at least 0.450", "got 0.440", "gates.coverage_min"],
        wide: |rules| rules.coverage_min = 0.48,
        off: |rules| rules.coverage = false,
    },
    Row {
        gate: GateName::Coverage,
        about: "far more histories",
        make: || Made::new(&Plan { clusters: (100..180).collect(), ..Plan::default() }),
        strict: |rules| rules.coverage_times_max = 3,
        says: &["800 to 4800 histories of length 2", "got 6400", "gates.coverage_times_max"],
        wide: |rules| rules.coverage_times_max = 4,
        off: |rules| rules.coverage = false,
    },
    Row {
        gate: GateName::Size,
        about: "a narrower table",
        make: || Made::new(&Plan { width: 2, ..Plan::default() }),
        strict: DEFAULTS,
        says: &["bytes of table", "depth, width and catalogue", "gates.size_min"],
        wide: |rules| rules.size_min = 0.1,
        off: |rules| rules.size = false,
    },
    Row {
        gate: GateName::Size,
        about: "a wider table",
        make: || Made::new(&Plan { width: 32, ..Plan::default() }),
        strict: |rules| rules.size_times_max = 2,
        says: &["bytes of table", "gates.size_times_max"],
        wide: |rules| rules.size_times_max = 4,
        off: |rules| rules.size = false,
    },
    Row {
        gate: GateName::Golden,
        about: "a wrong answer",
        make: wrong_golden,
        strict: DEFAULTS,
        says: &["golden questions answered as listed", "golden question [", "gates.golden_right_min"],
        wide: |rules| rules.golden_right_min = 0.9,
        off: |rules| rules.golden = false,
    },
    Row {
        gate: GateName::Memory,
        about: "nothing left in reserve",
        make: || Made::new(&Plan::default()),
        // No machine that runs this has all of its memory free.
        strict: |rules| rules.memory_free_min = 1.0,
        says: &["free", "in reserve", "raise the memory limit"],
        wide: |rules| rules.memory_free_min = f64::MIN_POSITIVE,
        off: |rules| rules.memory = false,
    },
    Row {
        gate: GateName::Quality,
        about: "a figure below its floor",
        make: || Made::new(&Plan { hit_5: 0.24, ..Plan::default() }),
        strict: |rules| rules.quality_floors = vec!["hit_5=0.25".parse().unwrap()],
        says: &["hit_5 of at least 0.25", "got hit_5 0.2400", "gates.quality_floors"],
        wide: |rules| rules.quality_floors = vec!["hit_5=0.24".parse().unwrap()],
        off: |rules| {
            rules.quality_floors = vec!["hit_5=0.25".parse().unwrap()];
            rules.quality = false;
        },
    },
    Row {
        gate: GateName::Quality,
        about: "a figure that is not there",
        make: || Made::new(&Plan::default()),
        strict: |rules| rules.quality_floors = vec!["ndcg_10=0.1".parse().unwrap()],
        says: &["ndcg_10 of at least 0.1", "got no ndcg_10"],
        wide: |rules| rules.quality_floors = Vec::new(),
        off: |rules| rules.quality = false,
    },
    Row {
        gate: GateName::Format,
        about: "a format that is not taken",
        make: || Made::new(&Plan::default()),
        strict: |rules| rules.formats = vec!["segue.release/2".to_owned()],
        says: &["one of segue.release/2", "got segue.release/1", "gates.formats"],
        wide: |rules| rules.formats.push("segue.release/1".to_owned()),
        off: |rules| rules.format = false,
    },
];

fn wrong_golden() -> Made {
    let made = Made::new(&Plan::default());
    made.edit_golden(|text| text.replacen("\"score\":0.99", "\"score\":0.98", 1));
    made
}

/// The verdict of a gate, refusing or not.
fn verdict(row: &Row, change: fn(&mut Gates), made: &Made) -> Verdict {
    let (gates, _) = gates(change);
    match made.judge(&gates, Occasion::New) {
        Ok(verdicts) => verdicts.into_iter().find(|verdict| verdict.gate == row.gate).unwrap(),
        Err(ReleaseError::Refused(refused)) => *refused,
        Err(other) => panic!("{}: {other}", row.about),
    }
}

#[test]
fn each_gate_refuses_its_fault_and_says_why() {
    for row in ROWS {
        let made = (row.make)();
        let refused = verdict(row, row.strict, &made);
        assert_eq!((refused.gate, refused.ruling), (row.gate, Ruling::Refused), "{}: {refused:?}", row.about);
        let says = |word: &&str| refused.text.contains(*word);
        assert!(row.says.iter().all(says), "{}: {}", row.about, refused.text);
        let start = format!("gate {}: expected ", row.gate);
        assert!(refused.text.starts_with(&start) && refused.text.contains(", got "), "{}", refused.text);
        let passed = verdict(row, row.wide, &made);
        assert!(passed.gate == row.gate && passed.ruling != Ruling::Refused, "{}: {passed:?}", row.about);
        assert_eq!(verdict(row, row.off, &made).ruling, Ruling::Off, "{}", row.about);
    }
}

#[test]
fn every_gate_has_a_fault() {
    let elsewhere = [GateName::Integrity, GateName::Signature];
    let seen = |gate: &&GateName| elsewhere.contains(gate) || ROWS.iter().any(|row| row.gate == **gate);
    assert_eq!(GateName::ALL.iter().filter(seen).count(), GateName::ALL.len());
}

#[test]
fn a_changed_byte_is_refused_unless_nobody_looks() {
    let made = Made::new(&Plan::default());
    let path = made.store.release_path(&version("next")).join(TABLE);
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let (on, _) = gates(DEFAULTS);
    let error = made.judge(&on, Occasion::New).unwrap_err();
    assert!(error.to_string().contains("the manifest says"), "{error}");
    assert_eq!(error.gate(), Some(GateName::Integrity));
    let (off, _) = gates(|rules| rules.integrity = false);
    // The last byte is a score that nobody asks for, and may stand there.
    let verdicts = made.judge(&off, Occasion::New).unwrap();
    assert_eq!(verdicts[0].ruling, Ruling::Off);
}

#[test]
fn bytes_that_nobody_read_are_not_taken_for_sound() {
    let made = Made::new(&Plan::default());
    let next = segue::snapshot::release::Release::open(&made.store.release_path(&version("next"))).unwrap();
    let (gates, _) = gates(DEFAULTS);
    let refused = gates.judge(&next, None, Occasion::New).remove(0);
    assert_eq!((refused.gate, refused.ruling), (GateName::Integrity, Ruling::Refused), "{refused}");
}

#[test]
fn what_served_before_is_compared_with_nothing() {
    let older = Plan { data_end_unix_s: Some(1), stride: 9, table_share: None, width: 1, ..Plan::default() };
    let made = Made::new(&older);
    let (gates, metrics) = gates(DEFAULTS);
    assert!(made.judge(&gates, Occasion::Return).is_ok());
    let error = made.judge(&gates, Occasion::New).unwrap_err();
    assert_eq!(error.reason(), "window");
    let counted = ["window", "coverage", "size"].map(|gate| refusals(&metrics, gate));
    assert_eq!(counted, [0, 1, 1], "the first is for whoever gives the release up to count");
}

#[test]
fn a_small_current_release_is_no_measure() {
    let made = Made::new(&Plan { stride: 9, width: 1, table_share: None, clusters: vec![1, 2], ..Plan::default() });
    let (strict, _) = gates(|rules| rules.compared_histories_min = 1_641);
    assert_eq!(made.judge(&strict, Occasion::New).unwrap_err().reason(), "compatibility");
    let (lax, _) = gates(|rules| rules.compared_histories_min = 1_642);
    let verdicts = made.judge(&lax, Occasion::New).unwrap();
    let why = verdicts.iter().filter(|verdict| verdict.text.contains("too few histories")).count();
    assert_eq!(why, 2, "{verdicts:?}");
}

#[test]
fn churn_is_reported_and_refuses_nothing() {
    for (shift, sampled, expected) in [(1, 10_000, 0.0), (2, 10_000, 1.0), (2, 10, 1.0)] {
        let made = Made::new(&Plan { shift, ..Plan::default() });
        let (gates, metrics) = gates(|rules| rules.churn_histories_max = sampled);
        made.judge(&gates, Occasion::New).unwrap();
        let line = format!("segue_gate_churn_ratio {expected}");
        assert!(metrics.render().lines().any(|shown| shown == line), "{line}: {}", metrics.render());
    }
    let (silent, metrics) = gates(|rules| rules.churn_histories_max = 0);
    Made::new(&Plan::default()).judge(&silent, Occasion::New).unwrap();
    assert!(!metrics.render().contains("segue_gate_churn_ratio "));
}
