//! A release and its model: swapped as one, refused as one, and a model that two releases name is in memory once.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use segue::config::{Config, MissingModel};
use segue::model::engine::Precision;
use segue::model::manifest::{CONFIG, LOGITS, ModelManifest, WEIGHTS};
use segue::snapshot::manifest::{MANIFEST, Version};
use segue::snapshot::release::{Release, ReleaseError};
use segue::snapshot::shelf::ModelShelf;
use segue::snapshot::store::Store;
use serde_json::Value;
use tempfile::TempDir;

use crate::refused::told;
use crate::support::caller::Caller;
use crate::support::model::{self, replace};
use crate::support::release::{CLUSTERS, ROWS, publish_naming, version};
use crate::support::service::{Running, start_on};

/// A store with two models of one catalogue, and releases that name them: `first` and `again` the one, `other` the
/// other, `plain` none.
struct Shop {
    dir: TempDir,
    models: [Version; 2],
}

impl Shop {
    fn new() -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let publish = |name, model| publish_naming(dir.path(), (name, model), CLUSTERS, ROWS);
        let catalogue = publish("plain", None).catalogue;
        let train = |seed| model::publish(dir.path(), &catalogue, CLUSTERS.len() as u32, seed).manifest.version;
        let models = [train(1), train(2)];
        for (name, model) in [("first", 0), ("again", 0), ("other", 1)] {
            publish(name, Some(models[model].clone()));
        }
        Self { dir, models }
    }

    fn store(&self) -> Store {
        Store::open(self.dir.path())
    }

    /// A service on it that serves `plain`, and looks only when told to.
    fn serve(self, missing: MissingModel) -> (Running, [Version; 2]) {
        self.store().activate(&version("plain")).expect("it is complete");
        let running = start_on(self.dir, |config: &mut Config| {
            config.release.poll = Duration::from_secs(3600);
            config.model.missing = missing;
            // The logits of six clusters may lie so close together that bytes cannot tell them apart.
            config.model.precision = Precision::Full;
        });
        running.reload();
        (running, self.models)
    }
}

/// The release and the model that serve.
fn served(running: &Running) -> (String, Option<String>) {
    let status: Value = Caller::connect(running.service.addresses().admin).get("/admin/v1/status").json(200);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    (text(&status["release"]["version"]).expect("a release serves"), text(&status["model"]["version"]))
}

fn pair(name: &str, model: Option<&Version>) -> (String, Option<String>) {
    (name.to_owned(), model.map(ToString::to_string))
}

#[track_caller]
fn check_swapped(running: &Running, name: &str, model: Option<&Version>) {
    let outcome = running.follow(name);
    assert!(outcome.swapped().is_some(), "{outcome:?}");
    assert_eq!(served(running), pair(name, model));
}

#[test]
fn a_release_is_swapped_with_its_model() {
    let (running, [one, two]) = Shop::new().serve(MissingModel::Refuse);
    let steps = [("first", Some(&one)), ("other", Some(&two)), ("plain", None), ("again", Some(&one))];
    for (name, model) in steps {
        check_swapped(&running, name, model);
    }
    assert_eq!(running.counted("segue_release_load_phase_duration_seconds_count{phase=\"model\"}"), 1 + 4);
}

#[test]
fn two_releases_with_one_model_share_it() {
    let shop = Shop::new();
    let [one, two] = &shop.models;
    let shelf = ModelShelf::new(shop.store(), Precision::Full);
    let take = |model: &Version| shelf.take(model).expect("it is sound");
    let (first, again, other) = (take(one), take(one), take(two));
    assert!(Arc::ptr_eq(&first, &again) && !Arc::ptr_eq(&first, &other));
    let release = |name: &str| Release::load(&shop.store().release_path(&version(name))).expect("it is sound");
    let paired = ["first", "again"].map(|name| release(name).with_model(take(one)).expect("its own model"));
    assert!(paired.iter().all(|release| release.model().is_some_and(|model| Arc::ptr_eq(model, &first))));
    let wrong = release("other").with_model(first.clone()).expect_err("another release's model");
    assert!(matches!(wrong, ReleaseError::Unpaired(_)) && wrong.reason() == "model", "{wrong}");
    // What nobody holds is gone, and is loaded from the disk again.
    drop((paired, first, again));
    fs::remove_file(shop.store().model_path(one).join(WEIGHTS)).expect("it is there");
    assert!(shelf.take(one).is_err());
}

/// What is in memory already need not be read: the disk may have lost it.
#[test]
fn a_shared_model_is_loaded_once() {
    let (running, [one, _]) = Shop::new().serve(MissingModel::Refuse);
    check_swapped(&running, "first", Some(&one));
    fs::remove_file(running.store.model_path(&one).join(WEIGHTS)).expect("it is there");
    check_swapped(&running, "again", Some(&one));
    check_swapped(&running, "first", Some(&one));
}

/// A way to spoil a model, and words of the refusal.
type Spoiled = (fn(&Path), &'static str);

const SPOILED: &[Spoiled] = &[
    (|at| fs::remove_dir_all(at).expect("it is there"), "holds none; push or copy the model there"),
    (|at| remove(at, MANIFEST), "holds none; push or copy the model there"),
    (|at| remove(at, WEIGHTS), "model.safetensors is missing"),
    (|at| remove(at, LOGITS), "golden.json is missing"),
    (|at| flip(at, CONFIG), "config.json has"),
    (|at| flip(at, WEIGHTS), "model.safetensors has"),
    (|at| flip(at, LOGITS), "golden.json has"),
    (|at| fs::write(at.join(MANIFEST), "{}").expect("it can be written"), "the model's manifest cannot be read"),
    (|at| edit(at, |manifest| manifest.catalogue = version("another")), "was trained for catalogue another"),
    (|at| edit(at, |manifest| manifest.version = version("another")), "a model may not be renamed"),
    (|at| edit_bytes(at, WEIGHTS, |bytes| bytes.truncate(bytes.len() - 4)), ""),
    (|at| edit_bytes(at, WEIGHTS, |bytes| model::no_number(bytes)), "finite"),
    (|at| edit_bytes(at, LOGITS, model::wrong_logit), "golden prompt 0"),
    (|at| edit_text(at, CONFIG, "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1"), ""),
    (|at| edit_text(at, CONFIG, "\"barred\": \"history\"", "\"barred\": 1"), "configuration cannot be read"),
];

fn remove(at: &Path, file: &str) {
    fs::remove_file(at.join(file)).expect("it is there");
}

fn read(at: &Path, file: &str) -> Vec<u8> {
    fs::read(at.join(file)).expect("it is there")
}

/// Changes a byte behind the manifest's back.
fn flip(at: &Path, file: &str) {
    let mut bytes = read(at, file);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(at.join(file), bytes).expect("it can be written");
}

fn edit(at: &Path, edit: impl FnOnce(&mut ModelManifest)) {
    let mut manifest = ModelManifest::from_json(&read(at, MANIFEST)).expect("a manifest");
    edit(&mut manifest);
    fs::write(at.join(MANIFEST), manifest.to_json()).expect("it can be written");
}

/// Changes a file and what the manifest lists of it.
fn edit_bytes(at: &Path, file: &str, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = read(at, file);
    edit(&mut bytes);
    replace(at, file, &bytes);
}

fn edit_text(at: &Path, file: &str, from: &str, to: &str) {
    let text = String::from_utf8(read(at, file)).expect("text");
    assert!(text.contains(from), "{file} has no {from}");
    replace(at, file, text.replacen(from, to, 1).as_bytes());
}

#[test]
fn a_release_with_a_bad_model_changes_nothing_and_blocks_nothing() {
    let (running, [one, two]) = Shop::new().serve(MissingModel::Refuse);
    check_swapped(&running, "first", Some(&one));
    for (number, (spoil, says)) in (0..).zip(SPOILED) {
        let bad = publish_bad(running.dir(), number, *spoil);
        let failure = running.follow(&bad).result.expect_err(says);
        assert_eq!((failure.reason, failure.version), ("model", Some(version(&bad))), "{}", failure.text);
        assert!(failure.text.contains(says), "{says}: {}", failure.text);
        assert_eq!(served(&running), pair("first", Some(&one)), "{says}");
        let count = |told: String| told.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0);
        assert_eq!(told(&running).into_iter().map(count).sum::<u64>(), number + 1, "{says}");
    }
    check_swapped(&running, "other", Some(&two));
}

/// Publishes a release with a model of its own that is then spoiled; gives the release's name.
fn publish_bad(dir: &Path, number: u64, spoil: fn(&Path)) -> String {
    let catalogue = publish_naming(dir, ("plain", None), CLUSTERS, ROWS).catalogue;
    let model = model::publish(dir, &catalogue, CLUSTERS.len() as u32, 100 + number);
    let name = format!("bad-{number}");
    publish_naming(dir, (&name, Some(model.manifest.version)), CLUSTERS, ROWS);
    spoil(&model.path);
    name
}

#[test]
fn a_release_without_its_model_serves_where_the_configuration_says_so() {
    let (running, [one, two]) = Shop::new().serve(MissingModel::Serve);
    check_swapped(&running, "first", Some(&one));
    let aside = |model: &Version| -> [PathBuf; 2] { [running.store.model_path(model), running.dir().join("aside")] };
    let [place, away] = aside(&two);
    fs::rename(&place, &away).expect("it is there");
    check_swapped(&running, "other", None);
    assert!(running.reload().is_unchanged());
    // One that is there and bad is no reason to change what serves, nor is it missing.
    fs::create_dir(&place).and_then(|()| fs::write(place.join(MANIFEST), "{}")).expect("its place is free");
    assert!(running.reload().failure().is_some_and(|failure| failure.reason == "model"));
    assert_eq!(served(&running), pair("other", None));
    // It comes late, and heals what serves.
    fs::remove_dir_all(&place).and_then(|()| fs::rename(&away, &place)).expect("it was there");
    let outcome = running.reload();
    assert_eq!(outcome.swapped(), Some(&version("other")), "{outcome:?}");
    assert_eq!(served(&running), pair("other", Some(&two)));
    assert!(running.reload().is_unchanged());
}
