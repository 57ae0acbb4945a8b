//! The gates in a service that runs: what is refused changes nothing that serves, whoever asked for it, and is counted.

use std::fs;

use segue::config::{Config, Signing};
use segue::snapshot::lifecycle::Standing;
use segue::snapshot::manifest::TABLE;
use segue::snapshot::reload::Outcome;

use crate::made::{Made, Plan};
use crate::support::release::version;
use crate::support::service::{Running, start_on};

/// A way to be refused: a release, and the gate that is against it.
type Fault = (&'static str, fn() -> Plan, &'static str);

const DAY_S: u64 = 86_400;
const END_S: u64 = 1_700_000_000;

const FAULTS: [Fault; 5] = [
    ("older", || Plan { data_end_unix_s: Some(END_S - DAY_S), ..Plan::default() }, "window"),
    ("fewer", || Plan { stride: 3, ..Plan::default() }, "coverage"),
    ("narrower", || Plan { width: 2, ..Plan::default() }, "size"),
    ("other", || Plan { clusters: (200..240).collect(), ..Plan::default() }, "compatibility"),
    ("worse", || Plan { hit_5: 0.1, ..Plan::default() }, "quality"),
];

/// A service whose current release is sound, in a store with a fault for each gate and `newer`, which is sound too.
fn start(change: impl FnOnce(&mut Config)) -> Running {
    let made = Made::new(&Plan { data_end_unix_s: Some(END_S + DAY_S), ..Plan::default() });
    FAULTS.iter().for_each(|(name, plan, _)| made.publish(name, &plan()));
    made.store.activate(&version("current")).unwrap();
    let running = start_on(made.dir, |config| {
        config.gates.quality_floors = vec!["hit_5=0.2".parse().unwrap()];
        change(config);
    });
    running.reload();
    running
}

fn refused(running: &Running, gate: &str) -> u64 {
    running.counted(&format!("segue_gate_refusals_total{{gate=\"{gate}\"}}"))
}

/// How often a load failed, for whatever reason.
fn failed(running: &Running) -> u64 {
    let text = running.service.metrics().render();
    let counts = text.lines().filter_map(|line| line.strip_prefix("segue_release_load_failures_total{"));
    counts.map(|line| line.rsplit(' ').next().and_then(|count| count.parse::<u64>().ok()).expect("a count")).sum()
}

fn serving(running: &Running) -> String {
    running.service.reloader().status().serving.unwrap().to_string()
}

fn activate(running: &Running, name: &str) -> Outcome {
    running.service.reloader().activate(version(name)).blocking_recv().unwrap()
}

#[test]
fn what_a_gate_refuses_changes_nothing_that_serves() {
    let running = start(|_| {});
    for (name, _, gate) in FAULTS {
        let before = refused(&running, gate);
        let failure = activate(&running, name).result.unwrap_err();
        assert_eq!((failure.reason, refused(&running, gate) - before), (gate, 1), "{name}: {}", failure.text);
        assert!(failure.text.contains(", got "), "{}", failure.text);
        let entry = running.service.reloader().book().entry(&version(name)).unwrap();
        assert_eq!((entry.standing, entry.reason.map(|reason| reason.class)), (Standing::Failed, Some(gate)), "{name}");
        assert_eq!(serving(&running), "current");
    }
    assert_eq!(failed(&running), 0, "a refusal is no load that failed");
    assert!(activate(&running, "next").result.is_ok(), "a sound one passes after all of them");
    assert_eq!(serving(&running), "next");
    // Its data is older than what serves now, but it served before.
    assert!(activate(&running, "current").result.is_ok());
}

#[test]
fn a_pointer_that_someone_moved_passes_no_gate() {
    let running = start(|_| {});
    let failure = running.follow("older").result.unwrap_err();
    assert_eq!((failure.reason, refused(&running, "window"), serving(&running).as_str()), ("window", 1, "current"));
    assert!(running.follow("next").result.is_ok());
    assert!(running.follow("current").result.is_ok(), "back to what served before");
}

#[test]
fn damage_and_a_missing_signature_are_refusals_of_their_gates() {
    let running = start(|_| {});
    let path = running.store.release_path(&version("next")).join(TABLE);
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let failure = activate(&running, "next").result.unwrap_err();
    assert_eq!((failure.reason, refused(&running, "integrity")), ("checksum", 1), "{}", failure.text);
    assert_eq!(failed(&running), 0, "{}", failure.text);
    let running = start(|config| config.gates.signature = Signing::Required);
    let status = running.service.reloader().status();
    assert_eq!((status.serving, status.failure.unwrap().reason), (None, "signature"), "not even at the start");
}

#[test]
fn a_service_without_room_says_so_and_goes_on() {
    let running = start(|config| config.gates.memory_free_min = 1.0);
    let failure = running.service.reloader().status().failure.unwrap();
    assert_eq!((failure.reason, refused(&running, "memory") > 0), ("memory", true), "{}", failure.text);
    assert!(failure.text.contains("raise the memory limit"), "{}", failure.text);
}
