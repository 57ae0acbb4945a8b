//! Pushes as the store sees them: how many, for how long, and what an interrupted one leaves behind.

use std::fs;
use std::path::Path;
use std::time::Duration;

use segue::config::{Config, MissingModel};
use segue::metrics::Metrics;
use segue::model::engine::Precision;
use segue::snapshot::ingest::{Begun, Ingest, IngestError, IngestRules, Missing, PUSHES_MAX, Parts};
use segue::snapshot::lifecycle::Book;
use segue::snapshot::manifest::{FILES, MANIFEST};
use segue::snapshot::parcel::Address;
use segue::snapshot::store::Store;
use tempfile::TempDir;

#[path = "support/admin.rs"]
mod support;

use support::{Parcel, publish, version};

fn ingest(store: &Path, idle_max: Duration) -> Ingest {
    let (precision, model_missing) = (Precision::Full, MissingModel::Refuse);
    let parts = Parts::new(&Store::open(store), &Config::defaults(store), &Metrics::new(), &Book::new());
    Ingest::open(parts, IngestRules { bytes_max: 1 << 20, idle_max, precision, model_missing })
}

fn address(name: &str) -> Address {
    Address::release(version(name))
}

/// Nothing of a push has come.
fn all(parcel: &Parcel) -> Begun {
    let bytes = |name: &str| parcel.bytes(name).len() as u64;
    Begun::Open(FILES.map(|name| Missing { name, offset: 0, bytes: bytes(name) }).to_vec())
}

#[test]
fn an_abandoned_push_makes_room_for_the_next() {
    let store = TempDir::new().expect("a temporary directory");
    let (first, second) = (Parcel::new("new", 0.25), Parcel::new("new", 0.75));
    let begin = |ingest: &Ingest, parcel: &Parcel| ingest.begin(&address("new"), &parcel.bytes(MANIFEST));

    let patient = ingest(store.path(), Duration::from_secs(3600));
    assert_eq!(begin(&patient, &first).expect("nothing is open"), all(&first));
    patient.remove_abandoned();
    assert!(matches!(begin(&patient, &second), Err(IngestError::Busy { .. })));

    let hasty = ingest(store.path(), Duration::ZERO);
    begin(&hasty, &first).expect("what the other left is removed");
    assert_eq!(begin(&hasty, &second).expect("the first is abandoned"), all(&second));
    hasty.remove_abandoned();
    assert_eq!(fs::read_dir(store.path().join("releases")).expect("the store").count(), 0);
    assert!(matches!(hasty.commit(&address("new")), Err(IngestError::NotOpen { .. })));
}

#[test]
fn pushes_are_counted() {
    let store = TempDir::new().expect("a temporary directory");
    let ingest = ingest(store.path(), Duration::from_secs(3600));
    let names = ["a", "b", "c", "d", "e"];
    assert_eq!(names.len(), PUSHES_MAX + 1);
    for name in &names[..PUSHES_MAX] {
        ingest.begin(&address(name), &Parcel::new(name, 0.5).bytes(MANIFEST)).expect("there is room");
    }
    let over = ingest.begin(&address("e"), &Parcel::new("e", 0.5).bytes(MANIFEST));
    assert!(matches!(over, Err(IngestError::TooMany)), "{over:?}");
}

#[test]
fn what_an_interrupted_push_left_is_removed_at_the_start_and_nothing_else_is() {
    let store = TempDir::new().expect("a temporary directory");
    publish(store.path(), "old", 0.5);
    let releases = store.path().join("releases");
    for name in [".partial-push-new", ".partial-x1Y2z3"] {
        fs::create_dir(releases.join(name)).expect("the store can be written");
        fs::write(releases.join(name).join("table.segue"), "x").expect("the store can be written");
    }
    drop(ingest(store.path(), Duration::ZERO));
    let mut left: Vec<_> =
        fs::read_dir(releases).expect("the store").map(|entry| entry.expect("an entry").file_name()).collect();
    left.sort();
    assert_eq!(left, [".partial-x1Y2z3", "old"]);
}

#[test]
fn a_file_is_refused_at_the_first_byte_too_many() {
    let store = TempDir::new().expect("a temporary directory");
    let (ingest, parcel) = (ingest(store.path(), Duration::from_secs(3600)), Parcel::new("new", 0.5));
    ingest.begin(&address("new"), &parcel.bytes(MANIFEST)).expect("nothing is open");
    let mut taken = 0;
    let endless = std::iter::repeat_with(|| {
        taken += 1;
        parcel.bytes("table.segue")
    });
    let refused = ingest.receive(&address("new"), "table.segue", endless.take(100));
    assert!(matches!(refused, Err(IngestError::Size { .. })), "{refused:?}");
    assert_eq!(taken, 2, "the first chunk is the whole file");
}
