//! Pushing a release with its model: both arrive, in that order, and nothing that is refused changes the store or what
//! serves.

use std::fs;
use std::path::{Path, PathBuf};

use segue::config::MissingModel;
use segue::model::manifest::{LOGITS, MODEL_FILES, ModelManifest, WEIGHTS};
use segue::model::open::read_model_manifest;
use segue::snapshot::manifest::{CATALOGUE, FILES, MANIFEST};
use segue::snapshot::store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;

#[path = "support/model.rs"]
mod model;
#[path = "support/admin.rs"]
mod support;

use support::{FILE, Reply, Site, publish, publish_naming, replace, run, segue, version};

/// A way to spoil a model, and words of the refusal.
type Spoiled = (fn(&Path), &'static str);

/// Clusters of the catalogue that [`publish`] writes.
const CLUSTERS: u32 = 3;

/// A store elsewhere with a model and the release `new` that names it.
struct Parcels {
    dir: TempDir,
    model: ModelManifest,
}

impl Parcels {
    fn new() -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let catalogue = publish_naming(dir.path(), ("plain", None), 0.5).manifest.catalogue;
        let model = model::publish(dir.path(), &catalogue, CLUSTERS, 1).manifest;
        publish_naming(dir.path(), ("new", Some(model.version.clone())), 0.25);
        Self { dir, model }
    }

    fn store(&self) -> Store {
        Store::open(self.dir.path())
    }

    fn release(&self) -> PathBuf {
        self.store().release_path(&version("new"))
    }

    fn model(&self) -> PathBuf {
        self.store().model_path(&self.model.version)
    }

    fn push(&self, site: &Site, more: &[&str]) -> std::process::Command {
        let mut command = segue();
        command.arg("push").arg(self.release()).args(["--json", "--to", &site.url("")]).args(more);
        command
    }

    /// Sends the model by hand, all but the commit.
    fn send_model(&self, site: &Site) {
        for name in [MANIFEST].into_iter().chain(MODEL_FILES) {
            assert_eq!(self.put_model(site, name).status, 200, "{name}");
        }
    }

    fn put_model(&self, site: &Site, name: &str) -> Reply {
        put(site, &self.address_of_model(&format!("files/{name}")), &self.model().join(name))
    }

    fn commit_model(&self, site: &Site) -> Reply {
        site.post(&self.address_of_model("commit"), "")
    }

    fn address_of_model(&self, rest: &str) -> String {
        format!("/admin/v1/models/{}/{rest}", self.model.version)
    }

    /// Sends the release by hand, all but the commit.
    fn send_release(&self, site: &Site) {
        for name in [MANIFEST].into_iter().chain(FILES) {
            let reply = put(site, &format!("/admin/v1/releases/new/files/{name}"), &self.release().join(name));
            assert_eq!(reply.status, 200, "{name}");
        }
    }
}

fn put(site: &Site, address: &str, file: &Path) -> Reply {
    site.send(("PUT", address), &[FILE], &fs::read(file).expect("it is there"))
}

fn commit_release(site: &Site) -> Reply {
    site.post("/admin/v1/releases/new/commit", "")
}

/// The models in a site's store, hidden ones included.
fn models(site: &Site) -> Vec<String> {
    let entries = fs::read_dir(site.store().models_dir()).into_iter().flatten();
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

/// What no refusal may change.
#[track_caller]
fn check_unchanged(site: &Site) {
    assert_eq!((models(site), site.names(), site.served().as_deref()), (vec![], vec!["old".into()], Some("old")));
}

fn model_served(site: &Site) -> Value {
    site.get("/admin/v1/status").json()["model"]["version"].clone()
}

#[test]
fn the_command_pushes_both_and_the_service_serves_both() {
    let (site, parcels) = (Site::serving(|_| {}), Parcels::new());
    for present in [false, true] {
        let outcome: Value =
            serde_json::from_slice(&run(&mut parcels.push(&site, &[]), 0).stdout).expect("--json prints JSON");
        let model = json!({ "version": parcels.model.version, "bytes": parcels.model.bytes(), "present": present });
        assert_eq!(
            (&outcome["model"], &outcome["present"], &outcome["serving"]),
            (&model, &json!(present), &json!("new"))
        );
        assert_eq!((site.served().as_deref(), model_served(&site)), (Some("new"), json!(parcels.model.version)));
    }
    let pushed = site.store().model_path(&parcels.model.version);
    for name in [MANIFEST].into_iter().chain(MODEL_FILES) {
        let read = |dir: &Path| fs::read(dir.join(name)).expect("a complete model");
        assert_eq!(read(&pushed), read(&parcels.model()), "{name}");
    }
    let listed = site.get("/admin/v1/releases").json();
    let releases: Vec<_> =
        listed["releases"].as_array().into_iter().flatten().map(|entry| entry["version"].as_str()).collect();
    assert_eq!((releases, &listed["models"]), (vec![Some("new"), Some("old")], &json!([parcels.model.version])));
}

#[test]
fn the_model_may_lie_elsewhere_or_be_there_already() {
    let (site, parcels) = (Site::serving(|_| {}), Parcels::new());
    let elsewhere = TempDir::new().expect("a temporary directory");
    let aside = elsewhere.path().join(parcels.model.version.as_str());
    fs::rename(parcels.model(), &aside).expect("it is there");
    let refused = run(&mut parcels.push(&site, &[]), 1);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains(&format!("needs model {}, which the store lacks", parcels.model.version)), "{told}");
    let pushed = run(&mut parcels.push(&site, &["--model", &aside.to_string_lossy()]), 0);
    assert!(String::from_utf8_lossy(&pushed.stdout).contains("\"serving\": \"new\""));
    // Now the service has it, so that this side need not.
    assert!(run(&mut parcels.push(&site, &[]), 0).status.success());
    let wrong = publish(elsewhere.path(), "other", 0.5);
    let refused = run(segue().arg("push").arg(wrong).args(["--to", &site.url("")]).arg("--model").arg(&aside), 3);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("the release names model none"), "{told}");
}

#[test]
fn the_command_sends_nothing_of_a_damaged_model() {
    let (site, parcels) = (Site::serving(|_| {}), Parcels::new());
    let mut bytes = fs::read(parcels.model().join(WEIGHTS)).expect("it is there");
    *bytes.last_mut().expect("it is not empty") ^= 1;
    fs::write(parcels.model().join(WEIGHTS), bytes).expect("it can be written");
    run(&mut parcels.push(&site, &[]), 3);
    check_unchanged(&site);
}

#[test]
fn a_release_waits_for_its_model() {
    let (site, parcels) = (Site::serving(|_| {}), Parcels::new());
    parcels.send_release(&site);
    let detail = commit_release(&site).problem(409, "conflict");
    assert!(detail.contains("push the model first, then commit again"), "{detail}");
    assert_eq!(site.names(), [".partial-push-new", "old"], "what came of it is kept");
    parcels.send_model(&site);
    let committed = parcels.commit_model(&site).json();
    assert_eq!(committed["model"], json!(parcels.model.version));
    assert_eq!(parcels.commit_model(&site).json(), committed, "the answer may have been lost");
    assert_eq!(commit_release(&site).json()["release"], "new");
    assert_eq!((site.names(), site.served().as_deref()), (vec!["new".into(), "old".into()], Some("old")));
}

#[test]
fn a_release_need_not_wait_where_the_configuration_says_so() {
    let (site, parcels) = (Site::serving(|config| config.model.missing = MissingModel::Serve), Parcels::new());
    parcels.send_release(&site);
    assert_eq!(commit_release(&site).status, 200);
    assert_eq!(site.post("/admin/v1/activate", r#"{"version":"new"}"#).status, 200);
    assert_eq!((site.served().as_deref(), model_served(&site)), (Some("new"), Value::Null));
    // The model that follows completes what serves.
    parcels.send_model(&site);
    assert_eq!(parcels.commit_model(&site).status, 200);
    assert_eq!(site.post("/admin/v1/activate", r#"{"version":"new"}"#).json()["changed"], true);
    assert_eq!(model_served(&site), json!(parcels.model.version));
}

#[test]
fn a_model_that_could_not_answer_is_not_published() {
    let rows: [Spoiled; 3] = [
        (|at| edit(at, WEIGHTS, |bytes| bytes.truncate(bytes.len() - 4)), ""),
        (|at| edit(at, WEIGHTS, |bytes| model::no_number(bytes)), "finite"),
        (|at| edit(at, LOGITS, model::wrong_logit), "golden prompt 0"),
    ];
    let site = Site::serving(|_| {});
    for (spoil, text) in rows {
        let bad = Parcels::new();
        // The manifest agrees with the bytes: only the checks of a load can tell.
        spoil(&bad.model());
        bad.send_model(&site);
        let detail = bad.commit_model(&site).problem(422, "refused");
        assert!(detail.starts_with("model ") && detail.contains("was refused: ") && detail.contains(text), "{detail}");
        check_unchanged(&site);
    }
}

#[test]
fn a_release_of_another_catalogue_than_its_models_is_not_published() {
    let (site, parcels) = (Site::serving(|_| {}), Parcels::new());
    let catalogue = String::from_utf8(fs::read(parcels.release().join(CATALOGUE)).expect("it is there")).expect("text");
    replace(&parcels.release(), CATALOGUE, catalogue.replacen("cluster 7", "cluster seven", 1).as_bytes());
    parcels.send_model(&site);
    assert_eq!(parcels.commit_model(&site).status, 200);
    parcels.send_release(&site);
    let detail = commit_release(&site).problem(422, "refused");
    assert!(detail.contains("was trained for catalogue"), "{detail}");
    assert_eq!((site.names(), site.served().as_deref()), (vec!["old".to_owned()], Some("old")));
}

#[test]
fn what_is_sent_as_a_model_must_be_one() {
    let (site, parcels) = (Site::serving(|config| config.admin.push_bytes_max = 1 << 50), Parcels::new());
    let manifest = |change: fn(&mut ModelManifest)| {
        let mut manifest = read_model_manifest(&parcels.model()).expect("it is there");
        change(&mut manifest);
        manifest.to_json()
    };
    let of_a_release = fs::read(parcels.release().join(MANIFEST)).expect("it is there");
    let rows: [(Vec<u8>, u16, &str, &str); 6] = [
        (b"{".to_vec(), 422, "refused", "the model's manifest cannot be read"),
        (of_a_release, 422, "refused", "the model's manifest cannot be read"),
        (manifest(|it| it.version = version("other")), 422, "refused", "sent to the address of model"),
        (manifest(|it| it.files[0].name = "../x".into()), 422, "refused", "the model's manifest lists [\"../x\""),
        (manifest(|it| it.files[0].bytes = u64::MAX), 413, "too_large", "the model has"),
        (manifest(|it| it.files[0].bytes = 1 << 49), 507, "storage_full", "the store's disk has"),
    ];
    for (manifest, status, kind, text) in rows {
        let reply = site.send(("PUT", &parcels.address_of_model("files/manifest.json")), &[FILE], &manifest);
        let detail = reply.problem(status, kind);
        assert!(detail.contains(text), "{detail}");
        check_unchanged(&site);
    }
    assert_eq!(parcels.put_model(&site, MANIFEST).json(), json!({ "published": false, "missing": MODEL_FILES }));
    for name in ["../x", "..%2f..%2fstate.json", "%2e%2e", "table.segue", "CONFIG.JSON", ""] {
        let before = models(&site);
        site.send(("PUT", &parcels.address_of_model(&format!("files/{name}"))), &[FILE], b"x")
            .problem(404, "not_found");
        assert_eq!(models(&site), before, "{name}");
    }
}

#[test]
fn a_version_never_changes() {
    let (site, parcels) = (Site::serving(|_| {}), Parcels::new());
    run(&mut parcels.push(&site, &[]), 0);
    let mut manifest = read_model_manifest(&parcels.model()).expect("it is there");
    manifest.created_unix_s = Some(1);
    let address = parcels.address_of_model("files/manifest.json");
    let detail = site.send(("PUT", &address), &[FILE], &manifest.to_json()).problem(409, "conflict");
    assert!(detail.contains("exists with other content; models never change"), "{detail}");
}

/// Changes a file of a model, and what the manifest lists of it.
fn edit(at: &Path, name: &str, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(at.join(name)).expect("it is there");
    edit(&mut bytes);
    model::replace(at, name, &bytes);
}
