//! Releases that must not serve: each is refused for its own reason, changes nothing, and blocks nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use segue::snapshot::gate::GateName;
use segue::snapshot::manifest::{CATALOGUE, GOLDEN, MANIFEST, Manifest, TABLE, Version};
use segue::snapshot::release::ReleaseError;
use segue::snapshot::store::Store;
use segue::wire::json::AnswerBody;
use tempfile::TempDir;

use crate::signed::{name, publish_one};
use crate::support::release::{endless, version};
use crate::support::service::{Running, start_on, until};

/// A way to spoil a release, and how it is refused.
struct Row {
    about: &'static str,
    spoil: fn(&Path),
    reason: &'static str,
    /// The one count that tells of it: of the gate that refuses it, or else of loads that failed.
    counted: &'static str,
    /// What the failure's text must name.
    says: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        about: "a missing table",
        spoil: |at| remove(at, TABLE),
        reason: "missing",
        counted: "reason=\"missing\"",
        says: TABLE,
    },
    Row {
        about: "a missing manifest",
        spoil: |at| remove(at, MANIFEST),
        reason: "missing",
        counted: "reason=\"missing\"",
        says: MANIFEST,
    },
    Row {
        about: "a missing directory",
        spoil: |at| fs::remove_dir_all(at).expect("it is there"),
        reason: "missing",
        counted: "reason=\"missing\"",
        says: MANIFEST,
    },
    Row {
        about: "a directory for a file",
        spoil: |at| {
            remove(at, TABLE);
            fs::create_dir(at.join(TABLE)).expect("it can be made");
        },
        reason: "io",
        counted: "reason=\"io\"",
        says: "cannot be read",
    },
    Row {
        about: "no manifest",
        spoil: |at| write(at, MANIFEST, b"{}"),
        reason: "manifest",
        counted: "reason=\"manifest\"",
        says: "manifest",
    },
    Row {
        about: "no catalogue",
        spoil: |at| write(at, CATALOGUE, b"{}\n"),
        reason: "catalogue",
        counted: "reason=\"catalogue\"",
        says: "line 1",
    },
    Row {
        about: "a flipped byte in a table's header",
        spoil: |at| flip(at, TABLE, 9),
        reason: "table",
        counted: "gate=\"integrity\"",
        says: "",
    },
    Row {
        about: "a truncated table",
        spoil: |at| truncate(at, TABLE),
        reason: "table",
        counted: "gate=\"integrity\"",
        says: "",
    },
    Row {
        about: "an empty table",
        spoil: |at| write(at, TABLE, b""),
        reason: "table",
        counted: "gate=\"integrity\"",
        says: "",
    },
    Row {
        about: "a flipped byte in a table's last record",
        spoil: flip_last,
        reason: "checksum",
        counted: "gate=\"integrity\"",
        says: TABLE,
    },
    Row {
        about: "a changed name",
        spoil: |at| rename_cluster(at),
        reason: "checksum",
        counted: "gate=\"integrity\"",
        says: CATALOGUE,
    },
    Row {
        about: "another catalogue",
        spoil: other_catalogue,
        reason: "incompatible",
        counted: "gate=\"compatibility\"",
        says: "6 clusters, the catalogue has 5",
    },
    Row {
        about: "a wrong golden answer",
        spoil: wrong_golden,
        reason: "golden",
        counted: "gate=\"golden\"",
        says: "golden question",
    },
    Row {
        about: "no golden questions",
        spoil: |at| replace(at, GOLDEN, b""),
        reason: "golden",
        counted: "gate=\"golden\"",
        says: "golden_required",
    },
    Row { about: "no model", spoil: no_model, reason: "model", counted: "reason=\"model\"", says: "model" },
];

fn remove(at: &Path, file: &str) {
    fs::remove_file(at.join(file)).expect("it is there");
}

fn write(at: &Path, file: &str, bytes: &[u8]) {
    fs::write(at.join(file), bytes).expect("it can be written");
}

fn read(at: &Path, file: &str) -> Vec<u8> {
    fs::read(at.join(file)).expect("it is there")
}

fn flip(at: &Path, file: &str, byte: usize) {
    let mut bytes = read(at, file);
    bytes[byte] ^= 1;
    write(at, file, &bytes);
}

fn flip_last(at: &Path) {
    let last = read(at, TABLE).len() - 1;
    flip(at, TABLE, last);
}

fn truncate(at: &Path, file: &str) {
    let bytes = read(at, file);
    write(at, file, &bytes[..bytes.len() - 1]);
}

fn rename_cluster(at: &Path) {
    let text = String::from_utf8(read(at, CATALOGUE)).expect("text");
    write(at, CATALOGUE, text.replace("cluster 1 of", "cluster one of").as_bytes());
}

/// A sound catalogue, listed by the manifest, that the table was not made for.
fn other_catalogue(at: &Path) {
    let text = String::from_utf8(read(at, CATALOGUE)).expect("text");
    let (most, _last) = text.trim_end().rsplit_once('\n').expect("several lines");
    replace(at, CATALOGUE, format!("{most}\n").as_bytes());
}

fn wrong_golden(at: &Path) {
    let text = String::from_utf8(read(at, GOLDEN)).expect("text");
    assert!(text.contains("\"cluster\":2"), "{text}");
    replace(at, GOLDEN, text.replace("\"cluster\":2", "\"cluster\":3").as_bytes());
}

/// What stands in the model's place is none.
fn no_model(at: &Path) {
    let mut manifest = Manifest::from_json(&read(at, MANIFEST)).expect("a manifest");
    let model = version("none");
    let models = Store::open(at.join("../..")).model_path(&model);
    fs::create_dir_all(&models).expect("it can be made");
    write(&models, MANIFEST, b"{}");
    manifest.model = Some(model);
    write(at, MANIFEST, &manifest.to_json());
}

/// Gives a release another file, and a manifest that lists it as it is now.
fn replace(at: &Path, file: &str, bytes: &[u8]) {
    write(at, file, bytes);
    let mut manifest = Manifest::from_json(&read(at, MANIFEST)).expect("a manifest");
    let digest = blake3::hash(bytes);
    let listed = manifest.files.iter_mut().find(|listed| listed.name == file).expect("a file of the release");
    (listed.bytes, listed.blake3) = (bytes.len() as u64, digest.to_hex().to_string());
    if file == CATALOGUE {
        manifest.catalogue = Version::of_digest(&digest);
    }
    write(at, MANIFEST, &manifest.to_json());
}

/// A service with release 0, and release 1 beside it, complete and pointed at, but not looked at yet.
fn pointed(poll: Duration) -> Running {
    let dir = TempDir::new().expect("a temporary directory");
    (0..3).for_each(|number| publish_one(dir.path(), number));
    Store::open(dir.path()).activate(&version(&name(0))).expect("it is complete");
    let running = start_on(dir, |config| config.release.poll = poll);
    running.reload();
    running
}

fn served(running: &Running) -> String {
    running.http().get("/next-clusters").json::<AnswerBody>(200).release
}

fn refusals(running: &Running, reason: &str) -> u64 {
    running.counted(&format!("segue_release_load_failures_total{{reason=\"{reason}\"}}"))
}

/// What the loads that failed and the gates count, where they count anything: one cause is told once.
pub(crate) fn told(running: &Running) -> Vec<String> {
    let text = running.service.metrics().render();
    let families = ["segue_release_load_failures_total", "segue_gate_refusals_total"];
    let counts = text.lines().filter_map(|line| families.iter().find_map(|family| line.strip_prefix(family)));
    counts.filter(|count| !count.ends_with(" 0")).map(str::to_owned).collect()
}

#[test]
fn a_bad_release_changes_nothing_and_blocks_nothing() {
    for Row { about, spoil, reason, counted, says } in ROWS {
        let running = pointed(Duration::from_secs(3600));
        let before = running.service.reloader().status().loaded_unix_s;
        running.store.activate(&version(&name(1))).expect("it is still good");
        spoil(&running.store.release_path(&version(&name(1))));
        let failure = running.reload().result.expect_err(about);
        assert_eq!(
            (failure.reason, &failure.version),
            (*reason, &Some(version(&name(1)))),
            "{about}: {}",
            failure.text
        );
        assert!(failure.text.contains(says), "{about}: {}", failure.text);
        let status = running.service.reloader().status();
        assert_eq!((status.serving, status.loading, status.loaded_unix_s), (Some(version(&name(0))), None, before));
        assert_eq!(status.failure.map(|failure| failure.text), Some(failure.text), "{about}");
        assert_eq!((served(&running), told(&running)), (name(0), vec![format!("{{{counted}}} 1")]), "{about}");
        assert_eq!(running.counted("segue_ready"), 1);

        assert!(running.follow(&name(2)).swapped().is_some(), "{about}: a good one comes after it");
        assert!(running.service.reloader().status().failure.is_none(), "{about}");
        assert!(running.follow(&name(0)).swapped().is_some(), "{about}: and the first one comes back");
        assert_eq!(served(&running), name(0));
    }
    let reasons: BTreeSet<_> = ROWS.iter().map(|row| row.reason).collect();
    // What only a gate refuses has its rows in `tests/gates`.
    let own = ReleaseError::REASONS.into_iter().filter(|reason| reasons.contains(reason) || !is_gate(reason));
    assert_eq!(reasons, own.collect(), "a reason without a row");
}

fn is_gate(reason: &str) -> bool {
    GateName::ALL.iter().any(|gate| gate.word() == reason)
}

/// Back to the one before, by the pointer alone.
#[test]
fn a_rollback_is_the_same_move() {
    let running = pointed(Duration::from_secs(3600));
    running.follow(&name(1));
    let previous = running.store.state().expect("a pointer").previous.expect("it was moved");
    assert_eq!((served(&running), previous.as_str()), (name(1), name(0).as_str()));
    assert_eq!(running.follow(previous.as_str()).swapped(), Some(&previous));
    assert_eq!(served(&running), name(0));
    let state = running.store.state().expect("a pointer");
    assert_eq!((state.current, state.previous), (Some(previous), Some(version(&name(1)))));
}

/// Back at what serves, there is nothing to complain about any more.
#[test]
fn a_pointer_that_comes_back_settles_the_failure() {
    let running = pointed(Duration::from_secs(3600));
    running.store.activate(&version(&name(1))).expect("it is complete");
    remove(&running.store.release_path(&version(&name(1))), TABLE);
    assert!(running.reload().failure().is_some());
    assert!(running.follow(&name(0)).is_unchanged());
    assert!(running.service.reloader().status().failure.is_none());
}

/// A file that comes late heals the release, unasked.
#[test]
fn a_release_that_heals_is_tried_again() {
    let running = pointed(Duration::from_millis(10));
    let table = running.store.release_path(&version(&name(1))).join(TABLE);
    let aside = running.dir().join("aside");
    fs::rename(&table, &aside).expect("it is there");
    running.store.activate(&version(&name(1))).expect("its manifest is complete");
    until("it is refused", || refusals(&running, "missing") > 0);
    assert_eq!(served(&running), name(0));
    fs::rename(&aside, &table).expect("it was there");
    until("it serves", || served(&running) == name(1));
    assert!(running.service.reloader().status().failure.is_none());
}

/// A pointer that cannot be read is a failure of its own, about no release.
#[test]
fn a_pointer_that_is_none_is_refused() {
    let running = pointed(Duration::from_secs(3600));
    fs::write(running.dir().join("state.json"), "{").expect("it can be written");
    let failure = running.reload().result.expect_err("it is no pointer");
    assert_eq!((failure.version, failure.reason), (None, "io"));
    assert!(failure.text.contains("is not a pointer"), "{}", failure.text);
    assert_eq!((served(&running), refusals(&running, "io")), (name(0), 1));
    fs::remove_file(running.dir().join("state.json")).expect("it is there");
    let failure = running.reload().result.expect_err("there is no pointer");
    assert_eq!((failure.version, failure.reason), (None, "missing"));
    assert!(running.follow(&name(1)).swapped().is_some());
}

/// All who ask while a load is under way are told the outcome of the look that follows it, or of another one that finds all done
/// where the deciding thread hears them only after it.
#[test]
fn everyone_who_asks_is_answered() {
    let running = pointed(Duration::from_secs(3600));
    let pipe = endless(running.dir(), "endless");
    running.store.activate(&version("endless")).expect("its manifest is complete");
    let reloader = running.service.reloader();
    let first = reloader.request();
    until("it is loading", || reloader.status().loading == Some(version("endless")));
    let asked: Vec<_> = (0..8).map(|_| reloader.request()).collect();
    running.store.activate(&version(&name(1))).expect("it is complete");
    fs::write(pipe, "").expect("someone reads it");
    assert!(first.blocking_recv().is_ok_and(|outcome| outcome.failure().is_some()), "an empty catalogue is none");
    let told: Vec<_> = asked.into_iter().map(|outcome| outcome.blocking_recv().expect("the reloader runs")).collect();
    for outcome in &told {
        assert_eq!(outcome.after.serving, Some(version(&name(1))), "{outcome:?}");
        assert!(outcome.failure().is_none(), "{outcome:?}");
    }
    assert_eq!(running.counted("segue_release_loads_total"), 2, "one load did for all");
}
