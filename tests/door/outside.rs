//! That no name from outside leads out of the store, whatever it is made of.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use segue::config::Config;
use segue::metrics::Metrics;
use segue::snapshot::ingest::{Ingest, IngestRules, Parts};
use segue::snapshot::lifecycle::Book;
use segue::snapshot::manifest::{FILES, MANIFEST, Manifest, Version};
use segue::snapshot::parcel::{Address, Kind};
use segue::snapshot::state::State;
use segue::snapshot::store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::site::Parcel;

/// Names as attackers write them, and any others.
fn names() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "..",
        ".",
        "/",
        "\\",
        "a",
        "table.segue",
        "releases",
        "state.json",
        "%2e",
        "%2f",
        "\0",
        "~",
        ":",
        "C:",
        " ",
        "-rf",
        ".partial-push-a",
        "audit.jsonl",
        "..\\",
        "/etc/passwd",
        "\u{2024}",
        "\u{ff0f}",
        "\u{202e}",
        "\n",
    ]);
    prop_oneof![prop::collection::vec(parts, 0..6).prop_map(|parts| parts.concat()), any::<String>()]
}

/// Every path under a directory.
fn all(dir: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(dir).expect("it is there").flatten() {
        found.insert(entry.path().to_string_lossy().into_owned());
        if entry.path().is_dir() {
            found.extend(all(&entry.path()));
        }
    }
    found
}

fn open(root: &Path) -> Ingest {
    let dir = root.join("store");
    fs::create_dir_all(dir.join("releases")).expect("the directory can be written");
    let config = Config::defaults(&dir);
    let parts = Parts::new(&Store::open(&dir), &config, &Metrics::new(), &Book::new());
    Ingest::open(parts, IngestRules::new(&config))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_name_that_is_a_version_is_one_plain_part_of_a_path(name in names()) {
        let Ok(version) = name.parse::<Version>() else { return Ok(()) };
        prop_assert_eq!(version.as_str(), &name);
        let mut parts = Path::new(&name).components();
        prop_assert!(matches!(parts.next(), Some(std::path::Component::Normal(part)) if part == name.as_str()));
        prop_assert!(parts.next().is_none() && !name.starts_with('.'));
        // The pointer's names, which come back from a disk, go the same way.
        let state: State = serde_json::from_value(json!({ "current": name, "previous": null })).expect("a version");
        prop_assert_eq!(state.current, Some(version));
    }

    #[test]
    fn a_pointer_never_names_anything_else(name in names().prop_filter("a version", |name| name.parse::<Version>().is_err())) {
        for field in ["current", "previous", "staged", "pinned", "declined"] {
            let state = serde_json::from_value::<State>(json!({ "current": "a", "previous": null, field: name }));
            prop_assert!(state.is_err(), "{field} {name:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_push_writes_nothing_beside_its_own_directory(file in names(), listed in names(), version in names()) {
        let (root, parcel) = (TempDir::new().expect("a temporary directory"), Parcel::new("new", 0.25));
        let ingest = open(root.path());
        let address = Address { kind: Kind::Release, version: "new".parse().expect("a version") };
        ingest.begin(&address, &parcel.bytes(MANIFEST)).expect("a good manifest");
        let (before, known) = (all(root.path()), FILES.contains(&file.as_str()));
        prop_assert_eq!(ingest.receive(&address, &file, [parcel.bytes("table.segue")]).is_ok(), known && file == "table.segue");
        // A manifest that says where a file is to go is none.
        let mut manifest: Value = serde_json::from_slice(&parcel.bytes(MANIFEST)).expect("JSON");
        manifest["files"][0]["name"] = json!(listed);
        let bytes = serde_json::to_vec(&manifest).expect("JSON");
        prop_assert_eq!(Manifest::from_json(&bytes).is_ok(), listed == FILES[0]);
        manifest["files"][0]["name"] = json!(FILES[0]);
        manifest["version"] = json!(version);
        let bytes = serde_json::to_vec(&manifest).expect("JSON");
        prop_assert!(ingest.begin(&address, &bytes).is_err() || version == "new");
        let made: Vec<_> = all(root.path()).difference(&before).cloned().collect();
        let own = root.path().join("store/releases/.partial-push-new").to_string_lossy().into_owned();
        prop_assert!(made.iter().all(|path| path.starts_with(&own)), "{made:?}");
    }
}
