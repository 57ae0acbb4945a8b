//! The commands as an operator runs them: the built program on releases made by the library.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use segue::config::render;
use segue::model::manifest::ModelManifest;
use segue::snapshot::catalogue::{Catalogue, Cluster};
use segue::snapshot::lifecycle::Reason;
use segue::snapshot::manifest::{MANIFEST, Manifest};
use segue::snapshot::publish::{About, ReleaseWriter, WriteShape};
use segue::snapshot::release::read_manifest;
use segue::snapshot::reload::OPERATOR;
use segue::snapshot::store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;

#[allow(dead_code, reason = "each test program uses its own part")]
#[path = "support/model.rs"]
mod model;

/// A row by cluster ids: a history and its candidates.
type Row<'a> = (&'a [u32], &'a [(u32, f32)]);

/// Arguments of a lookup, and the clusters, source and matched history that must come.
type Answered<'a> = (&'a [&'a str], &'a [u32], &'a str, &'a [u32]);

/// A store with two releases, `old` (current) and `new`, whose catalogues give the same cluster other indexes.
struct Fixture {
    dir: TempDir,
}

const OLD_CLUSTERS: &[(u32, &str)] = &[(7, "cake"), (9, "tea"), (22, "lamps"), (64, "bags"), (300, "toys")];
const NEW_CLUSTERS: &[(u32, &str)] = &[(3, "cards"), (7, "cakes"), (9, "tea"), (22, "lamps"), (64, "bags")];

const OLD_ROWS: &[Row<'_>] = &[
    (&[], &[(64, 0.4), (22, 0.3), (9, 0.2)]),
    (&[9], &[(22, 0.5)]),
    (&[22], &[(64, 0.5), (9, 0.25), (7, 0.125)]),
    (&[300], &[(7, 0.5)]),
    (&[9, 22], &[(64, 0.5)]),
    (&[22, 9], &[(64, 0.5), (7, 0.25)]),
];

/// Against the old rows: [9] answers another first cluster, [22] the same three in another order, [300] is gone with
/// its cluster, [64] is added, and so are and is, of two, [9, 64] and [9, 22].
const NEW_ROWS: &[Row<'_>] = &[
    (&[], &[(64, 0.4), (22, 0.3), (9, 0.2)]),
    (&[9], &[(64, 0.5)]),
    (&[22], &[(64, 0.5), (7, 0.25), (9, 0.125)]),
    (&[64], &[(3, 0.5)]),
    (&[9, 64], &[(3, 0.5)]),
    (&[22, 9], &[(64, 0.5), (3, 0.25)]),
];

impl Fixture {
    fn new() -> Self {
        let fixture = Self { dir: TempDir::new().expect("a temporary directory") };
        fixture.publish("old", OLD_CLUSTERS, OLD_ROWS);
        fixture.publish("new", NEW_CLUSTERS, NEW_ROWS);
        fixture.store().activate(&"old".parse().expect("a version")).expect("old is complete");
        fixture
    }

    fn publish(&self, version: &str, clusters: &[(u32, &str)], rows: &[Row<'_>]) {
        let cluster = |&(id, name): &(u32, &str)| Cluster { id, name: name.into(), keywords: vec![], parent: None };
        let catalogue = Catalogue::new(clusters.iter().map(cluster).collect()).expect("distinct ids");
        let index = |id: u32| catalogue.index_of(id).expect("rows name the catalogue's clusters");
        let shape = WriteShape { depth: 2, width: 3 };
        let mut writer = ReleaseWriter::create(self.path(), catalogue.clone(), shape, 1 << 16).expect("a store");
        for (history, candidates) in rows {
            let history: Vec<_> = history.iter().map(|&id| index(id)).collect();
            let candidates: Vec<_> = candidates.iter().map(|&(id, score)| (index(id), score)).collect();
            writer.push(&history, &candidates).expect("rows are sorted");
        }
        let about = About {
            version: Some(version.parse().expect("a version")),
            created_unix_s: Some(1_767_225_600),
            quality: [("hit@5".to_owned(), 0.25)].into(),
            ..About::default()
        };
        writer.finish(about).expect("the release is published");
    }

    /// Changes what a release says of itself.
    fn edit(&self, version: &str, edit: impl FnOnce(&mut Manifest)) {
        let mut manifest = read_manifest(&self.release(version)).expect("it was published");
        edit(&mut manifest);
        fs::write(self.release(version).join(MANIFEST), manifest.to_json()).expect("it can be written");
    }

    fn store(&self) -> Store {
        Store::open(self.path())
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn release(&self, version: &str) -> PathBuf {
        self.store().release_path(&version.parse().expect("a version"))
    }
}

/// The program with nothing of this process's environment.
fn segue() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
    command.env_clear();
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the program writes UTF-8")
}

#[track_caller]
fn run(command: &mut Command, code: i32) -> Output {
    let output = command.output().expect("the program starts");
    assert_eq!(output.status.code(), Some(code), "{}{}", text(&output.stdout), text(&output.stderr));
    output
}

#[track_caller]
fn json_of(command: &mut Command, code: i32) -> Value {
    serde_json::from_slice(&run(command.arg("--json"), code).stdout).expect("--json prints JSON")
}

#[test]
fn inspect_tells_what_a_release_is() {
    let fixture = Fixture::new();
    let shown = json_of(segue().arg("inspect").arg(fixture.release("new")), 0);
    assert_eq!(shown["manifest"]["version"], "new");
    let present: Vec<_> = shown["levels"].as_array().expect("a list").iter().map(|level| &level["present"]).collect();
    assert_eq!(present, [1, 3, 2]);
    assert_eq!(shown["levels"][2]["possible"], 25);
    let human = text(&run(segue().arg("inspect").arg(fixture.release("new")), 0).stdout);
    for expected in ["release", "(5 clusters)", "2026-01-01T00:00:00Z", "quality hit@5", "0.25", "8.00 %", "blake3"] {
        assert!(human.contains(expected), "{expected}\n{human}");
    }
}

#[test]
fn a_release_is_found_by_its_store_and_by_a_relative_path() {
    let fixture = Fixture::new();
    assert_eq!(json_of(segue().arg("inspect").arg(fixture.path()), 0)["manifest"]["version"], "old");
    let here = json_of(segue().args(["inspect", "."]).current_dir(fixture.release("new")), 0);
    assert_eq!(here["manifest"]["version"], "new");
    fs::remove_file(fixture.path().join("state.json")).expect("the pointer is there");
    let refused = text(&run(segue().arg("inspect").arg(fixture.path()), 1).stderr);
    assert!(refused.contains("has no current release"), "{refused}");
    let refused = text(&run(segue().arg("inspect").arg(fixture.path().join("nowhere")), 1).stderr);
    assert!(refused.contains("cannot be found"), "{refused}");
}

#[test]
fn verify_passes_a_good_release_and_times_every_check() {
    let fixture = Fixture::new();
    let verified = json_of(segue().arg("verify").arg(fixture.release("old")), 0);
    assert_eq!((&verified["good"], verified["checks"].as_array().map(Vec::len)), (&json!(true), Some(4)));
    assert!(verified["checks"].as_array().expect("a list").iter().all(|check| check["seconds"].as_f64() > Some(0.0)));
    let human = text(&run(segue().arg("verify").arg(fixture.release("old")), 0).stdout);
    assert!(human.contains("golden questions") && human.contains("\ngood: "), "{human}");
}

#[test]
fn verify_finds_damage_in_every_file_and_exits_3() {
    for name in ["manifest.json", "table.segue", "catalogue.jsonl", "golden.jsonl"] {
        let fixture = Fixture::new();
        let path = fixture.release("old").join(name);
        let mut bytes = fs::read(&path).expect("a file of the release");
        let last = bytes.len() - 2;
        bytes[last] ^= 1;
        fs::write(&path, bytes).expect("the file can be damaged");
        let verified = json_of(segue().arg("verify").arg(fixture.release("old")), 3);
        assert_eq!(verified["good"], false, "{name}: {verified}");
        let checks = verified["checks"].as_array().expect("a list");
        let failed: Vec<_> = checks.iter().map(|check| check["problem"].is_string()).collect();
        assert_eq!(failed.iter().filter(|failed| **failed).count(), 1, "{name}: {verified}");
        assert_eq!(failed.last(), Some(&true), "{name}: the failed check is the last: {verified}");
    }
}

#[test]
fn verify_calls_a_missing_file_damage_and_a_missing_release_a_failure() {
    let fixture = Fixture::new();
    fs::remove_file(fixture.release("old").join("table.segue")).expect("the table is there");
    run(segue().arg("verify").arg(fixture.release("old")), 3);
    run(segue().arg("inspect").arg(fixture.release("old")), 3);
    run(segue().arg("verify").arg(fixture.release("gone")), 1);
}

/// A store whose release `new` names a model of its catalogue, which is there.
fn with_model() -> (Fixture, ModelManifest) {
    let fixture = Fixture::new();
    let catalogue = read_manifest(&fixture.release("new")).expect("just published").catalogue;
    // A seed whose logits lie far enough apart for bytes.
    let model = model::publish(fixture.path(), &catalogue, NEW_CLUSTERS.len() as u32, 4).manifest;
    fixture.edit("new", |manifest| manifest.model = Some(model.version.clone()));
    (fixture, model)
}

#[test]
fn verify_checks_the_model_too() {
    let (fixture, model) = with_model();
    let verify = |more: &[&str], code| json_of(segue().arg("verify").arg(fixture.release("new")).args(more), code);
    let verified = verify(&[], 0);
    let checks: Vec<_> = verified["checks"].as_array().expect("a list").iter().map(|check| &check["check"]).collect();
    assert_eq!(checks[4..], ["model, in full", "model, quantised"]);
    let (place, aside) = (fixture.store().model_path(&model.version), fixture.path().join(model.version.as_str()));
    fs::rename(&place, &aside).expect("it is there");
    assert_eq!(verify(&["--model", &aside.to_string_lossy()], 0)["good"], true);
    let problem = |verified: Value| verified["checks"][4]["problem"].as_str().map(str::to_owned).unwrap_or_default();
    assert!(problem(verify(&[], 3)).contains("push or copy the model there"));
    let listed = json_of(segue().args(["releases", "--dir"]).arg(fixture.path()), 0);
    assert_eq!(listed["releases"][0]["problem"], format!("model {} is missing", model.version));
    fs::rename(&aside, &place).expect("it is there");
    fixture.edit("new", |manifest| manifest.model = Some("other".parse().expect("a version")));
    assert!(problem(verify(&["--model", &place.to_string_lossy()], 3)).contains("the release names model other"));
    run(segue().arg("verify").arg(fixture.release("new")).args(["--model", "/nonexistent"]), 1);
    fs::write(place.join("model.safetensors"), "x").expect("it can be written");
    fixture.edit("new", |manifest| manifest.model = Some(model.version.clone()));
    assert!(problem(verify(&[], 3)).contains("model.safetensors has"));
}

#[test]
fn inspect_tells_what_a_model_is() {
    let (fixture, model) = with_model();
    let alone = json_of(segue().arg("inspect").arg(fixture.store().model_path(&model.version)), 0);
    assert_eq!((&alone["manifest"]["version"], &alone["config"]["hidden_size"]), (&json!(model.version), &json!(32)));
    assert!(alone["parameters"].as_u64() > Some(1_000), "{alone}");
    let beside = json_of(segue().arg("inspect").arg(fixture.release("new")), 0);
    assert_eq!((&beside["model"], &beside["manifest"]["model"]), (&alone, &json!(model.version)));
    assert_eq!(json_of(segue().arg("inspect").arg(fixture.release("old")), 0)["model"], Value::Null);
    for (path, facts) in [
        (fixture.store().model_path(&model.version), ["2 layers of 32", "figure hit_at_5", "2023-11-14T22:13:20Z"]),
        (fixture.release("new"), ["2 layers of 32", "model figure hit_at_5", "model trained"]),
    ] {
        let human = text(&run(segue().arg("inspect").arg(path), 0).stdout);
        assert!(facts.iter().all(|fact| human.contains(fact)), "{human}");
    }
    fs::write(fixture.store().model_path(&model.version).join("config.json"), "{}").expect("it can be written");
    run(segue().arg("inspect").arg(fixture.store().model_path(&model.version)), 3);
}

#[test]
fn lookup_answers_as_the_service_does() {
    let fixture = Fixture::new();
    let rows: &[Answered<'_>] = &[
        (&["22,9"], &[64, 7, 22, 9], "table", &[22, 9]),
        (&["9,22", "--limit", "1"], &[64], "table", &[9, 22]),
        (&["64,9", "--limit", "1"], &[22], "suffix", &[9]),
        (&["64"], &[64, 22, 9], "popular", &[]),
        (&[], &[64, 22, 9], "popular", &[]),
        (&["22", "--exclude", "64,7", "--limit", "2"], &[9, 22], "table", &[22]),
        (&["22,9", "--exclude-history"], &[64, 7], "table", &[22, 9]),
        (&["22,9", "--min-score", "0.45"], &[64, 22], "table", &[22, 9]),
    ];
    for (args, clusters, source, matched) in rows {
        let reply = json_of(segue().arg("lookup").arg(fixture.path()).args(*args), 0);
        let candidates = reply["candidates"].as_array().expect("a list");
        let got: Vec<_> = candidates.iter().map(|candidate| candidate["cluster"].clone()).collect();
        assert_eq!(json!(got), json!(clusters), "{args:?}: {reply}");
        assert_eq!((&reply["source"], &reply["matched"]), (&json!(source), &json!(matched)), "{args:?}: {reply}");
    }
}

#[test]
fn lookup_asks_the_model_for_what_the_table_does_not_hold() {
    let (fixture, model) = with_model();
    let lookup = |args: &[&str]| json_of(segue().arg("lookup").arg(fixture.release("new")).args(args), 0);
    let told = lookup(&["3,7", "--limit", "2"]);
    assert_eq!((&told["source"], &told["matched"], &told["degraded"]), (&json!("model"), &json!([3, 7]), &Value::Null));
    assert_eq!(told["candidates"].as_array().map(Vec::len), Some(2));
    assert_eq!(lookup(&["3,7", "--precision", "full"])["source"], "model");
    assert_eq!(lookup(&["22,9"])["source"], "table");
    let place = fixture.store().model_path(&model.version);
    let aside = fixture.path().join(model.version.as_str());
    fs::rename(&place, &aside).expect("it is there");
    assert_eq!(lookup(&["3,7", "--limit", "2", "--model", &aside.to_string_lossy()]), told);
    let without = lookup(&["3,7"]);
    assert_eq!((&without["source"], &without["degraded"]), (&json!("popular"), &json!("model_missing")));
    assert_eq!(lookup(&["22,9"])["degraded"], Value::Null);
    run(segue().arg("lookup").arg(fixture.release("new")).args(["3", "--precision", "half"]), 2);
}

#[test]
fn lookup_names_clusters_versions_and_what_it_ignored() {
    let fixture = Fixture::new();
    let reply = json_of(segue().arg("lookup").arg(fixture.path()).args(["999,22,9", "--limit", "2"]), 0);
    let expected = json!([
        { "cluster": 64, "score": 0.50001, "source": "table", "name": "bags" },
        { "cluster": 7, "score": 0.25, "source": "table", "name": "cake" },
    ]);
    assert_eq!(reply["candidates"], expected);
    assert_eq!((&reply["ignored"], &reply["release"], &reply["model"]), (&json!([999]), &json!("old"), &Value::Null));
    let human = text(&run(segue().arg("lookup").arg(fixture.path()).args(["999,22,9"]), 0).stdout);
    for expected in ["source table", "matched [22, 9]", "ignored [999]", "release old", "bags", "0.25000"] {
        assert!(human.contains(expected), "{expected}\n{human}");
    }
    for refused in [["22", "--limit", "0"], ["22", "--min-score", "1.5"]] {
        run(segue().arg("lookup").arg(fixture.path()).args(refused), 2);
    }
}

#[test]
fn diff_compares_by_cluster_id_and_level() {
    let fixture = Fixture::new();
    let diff = json_of(segue().arg("diff").arg(fixture.release("old")).arg(fixture.release("new")), 0);
    assert_eq!((&diff["from"], &diff["to"]), (&json!("old"), &json!("new")));
    assert_eq!(diff["clusters"], json!({ "both": 4, "added": 1, "gone": 1, "changed": 1 }));
    let level = |length: Option<u32>, counts: [u64; 3], shares: [f64; 3]| {
        json!({
            "length": length, "both": counts[0], "added": counts[1], "gone": counts[2],
            "top_1_differs": shares[0], "top_5_differs": shares[1], "overlap_at_5": shares[2],
        })
    };
    let third = 1.0 / 3.0;
    let levels = [
        level(Some(0), [1, 0, 0], [0.0, 0.0, 1.0]),
        level(Some(1), [2, 1, 1], [0.5, 1.0, 0.5]),
        level(Some(2), [1, 1, 1], [0.0, 1.0, third]),
    ];
    assert_eq!(diff["levels"], json!(levels));
    assert_eq!(diff["all"], level(None, [4, 2, 2], [0.25, 0.75, (2.0 + third) / 4.0]));
    let same = json_of(segue().arg("diff").arg(fixture.release("old")).arg(fixture.path()), 0);
    assert_eq!(same["all"], level(None, [6, 0, 0], [0.0, 0.0, 1.0]));
    let human = text(&run(segue().arg("diff").arg(fixture.release("old")).arg(fixture.release("new")), 0).stdout);
    assert!(human.contains("old -> new") && human.contains("75.00 %"), "{human}");
}

#[test]
fn activate_moves_the_pointer_and_refuses_what_cannot_serve() {
    let fixture = Fixture::new();
    let dir = || ["--dir".as_ref(), fixture.path().as_os_str()];
    let moved = json_of(segue().args(["activate", "new"]).args(dir()), 0);
    assert_eq!(moved, json!({ "current": "new", "previous": "old" }));
    let refused = text(&run(segue().args(["activate", "gone"]).args(dir()), 1).stderr);
    assert!(refused.contains("gone cannot be activated"), "{refused}");
    run(segue().args(["activate", "../new"]).args(dir()), 2);
    let state = fixture.store().state().expect("the pointer");
    assert_eq!(serde_json::to_value(state).expect("JSON"), moved);
}

#[test]
fn releases_lists_the_store_complete_or_not() {
    let fixture = Fixture::new();
    fs::create_dir(fixture.release("empty")).expect("the store is writable");
    let listed = json_of(segue().args(["releases", "--dir"]).arg(fixture.path()), 0);
    assert_eq!((&listed["current"], &listed["previous"]), (&json!("old"), &Value::Null));
    let releases = listed["releases"].as_array().expect("a list");
    let versions: Vec<_> = releases.iter().map(|release| (&release["version"], &release["histories"])).collect();
    let expected = [("empty", 0), ("new", 6), ("old", 6)].map(|(name, histories)| (json!(name), json!(histories)));
    assert_eq!(versions, expected.each_ref().map(|(name, histories)| (name, histories)));
    assert!(releases[0]["problem"].is_string() && releases[1]["problem"].is_null(), "{listed}");
    let human = text(&run(segue().args(["releases", "--dir"]).arg(fixture.path()), 0).stdout);
    assert!(human.contains("current") && human.contains("missing"), "{human}");
    let reason = Reason { class: OPERATOR, text: "wrong log".to_owned() };
    fixture.store().quarantine(&"new".parse().expect("a version"), &reason).expect("it does not serve");
    let human = text(&run(segue().args(["releases", "--dir"]).arg(fixture.path()), 0).stdout);
    assert!(human.contains("quarantined"), "{human}");
    run(segue().args(["releases", "--dir", "/nonexistent"]), 1);
}

#[test]
fn config_check_reports_every_problem_of_every_source_and_exits_2() {
    let dir = TempDir::new().expect("a temporary directory");
    let file = dir.path().join("segue.toml");
    fs::write(&file, "[http]\nlisen = \"x\"\n").expect("a file");
    let check = || {
        let mut command = segue();
        command.args(["config", "check"]).env("SEGUE_CONFIG", &file);
        command
    };
    let refused = run(check().env("SEGUE_LOG_LEVEL", "loud").args(["--http-listen", "x"]), 2);
    let message = text(&refused.stderr);
    for expected in ["4 problems", "segue.toml:2: unknown key http.lisen; did you mean http.listen?"] {
        assert!(message.contains(expected), "{message}");
    }
    for expected in ["variable SEGUE_LOG_LEVEL", "flag --http-listen", "release.dir: not set"] {
        assert!(message.contains(expected), "{message}");
    }
    fs::write(&file, "[release]\ndir = \"store\"\n").expect("a file");
    assert_eq!(text(&run(&mut check(), 0).stdout), "the configuration is valid\n");
    run(segue().args(["config", "check", "--nonsense"]), 2);
    run(segue().args(["serve", "--release-dir", "store", "--http-listen", "x"]), 2);
}

#[test]
fn config_show_prints_values_with_origins_and_no_secrets() {
    let dir = TempDir::new().expect("a temporary directory");
    let token = dir.path().join("token");
    fs::write(&token, "hunter2").expect("a file");
    let show = || {
        let mut command = segue();
        command.args(["config", "show", "--release-dir", "d"]).env("SEGUE_ADMIN_TOKEN_FILE", &token);
        command
    };
    let shown = text(&run(&mut show(), 0).stdout);
    assert!(shown.contains("# flag --release-dir") && shown.contains("contents hidden"), "{shown}");
    let json = json_of(&mut show(), 0);
    assert_eq!(json["admin.token_file"]["origin"], "variable SEGUE_ADMIN_TOKEN_FILE");
    assert!(!format!("{shown}{json}").contains("hunter2"));
    let unusable = run(segue().args(["config", "show"]), 2);
    assert!(text(&unusable.stdout).contains("# dir has no usable value"), "{}", text(&unusable.stdout));
}

#[test]
fn config_reference_prints_the_reference() {
    assert_eq!(text(&run(segue().args(["config", "reference"]), 0).stdout), render::reference());
}

#[test]
fn openapi_prints_the_document_that_is_served() {
    let printed = text(&run(segue().arg("openapi"), 0).stdout);
    assert_eq!(printed, segue::http::openapi::json());
    let document: Value = serde_json::from_str(&printed).expect("JSON");
    assert!(document["paths"]["/next-clusters"]["post"].is_object(), "{printed}");
}

#[test]
fn completions_are_written_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = text(&run(segue().args(["completions", shell]), 0).stdout);
        assert!(script.contains("inspect") && script.contains("http-listen"), "{shell}");
    }
}

#[test]
fn a_reader_that_left_early_is_no_failure() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = run(segue().args(["config", "reference"]).stdout(Stdio::from(writer)), 0);
    assert_eq!(text(&output.stderr), "");
}
