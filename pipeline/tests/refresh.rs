//! `refresh`: a release for what is new and no other, the same bytes however it was interrupted, and never one that a gate refuses.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../tests/support/model.rs"]
#[allow(dead_code, reason = "each test program uses its own part")]
mod model;
mod refreshing;
mod support;

use std::fs::{self, File};
use std::path::Path;

use refreshing::{MONTHS, Site};
use segue::snapshot::release::Release;
use segue::snapshot::store::Store;
use serde_json::Value;

#[test]
fn publishes_what_is_new_and_then_has_nothing_to_do() {
    let site = Site::new();
    site.arrive(0);
    let report = site.refresh("", 0);
    let release = report["release"].as_str().unwrap();
    let store = Store::open(site.path("store"));
    assert_eq!(store.state().unwrap().current.unwrap().as_str(), release);
    let channel: Value = serde_json::from_slice(&fs::read(site.path("store/channels/main.json")).unwrap()).unwrap();
    assert_eq!((channel["release"].as_str(), channel["previous"].as_str()), (Some(release), None));
    let loaded = Release::load(&store.release_path(&release.parse().unwrap())).unwrap();
    assert!(loaded.manifest().expected_sources["table"] > 0.0 && loaded.manifest().quality["hit_5"] > 0.0);
    let before = site.files();
    assert_eq!(site.refresh("", 3)["outcome"], "nothing_to_do");
    assert_eq!(before, site.files());
}

#[test]
fn only_a_new_partition_is_read() {
    let site = Site::new();
    site.arrive(0);
    let first = site.refresh("", 0);
    let report = site.arrive(1).refresh("", 0);
    assert_eq!(report["partitions_new"], serde_json::json!(["month-1.csv"]));
    assert_eq!(stage(&report, "count")["rows_in"], site.rows(1));
    assert_eq!(report["previous"], first["release"]);
    assert!(report["quality"].get("agreement_top_1").is_some());
}

#[test]
fn months_one_by_one_and_all_at_once_give_the_same_table() {
    let (one_by_one, at_once) = (Site::new(), Site::new());
    (0..MONTHS).for_each(|month| drop(one_by_one.arrive(month).refresh("", 0)));
    for month in 0..MONTHS {
        at_once.arrive(month);
    }
    at_once.refresh("", 0);
    assert_eq!(one_by_one.table(), at_once.table());
}

#[test]
fn the_same_inputs_give_the_same_bytes_and_force_makes_them_again() {
    let sites = [Site::new(), Site::new()];
    let made = sites.each_ref().map(|site| {
        site.arrive(0).refresh("", 0);
        site.releases()
    });
    assert!(made[0] == made[1]);
    let release = sites[0].refresh("", 3)["run"].clone();
    let forced = sites[0].refresh("--force", 0);
    assert_eq!(forced["run"], release);
    assert!(forced["stages"].as_array().unwrap().iter().all(|stage| stage["resumed"] == false));
    assert_eq!(sites[0].table(), sites[1].table());
}

#[test]
fn a_dry_run_changes_nothing() {
    let site = Site::new();
    site.arrive(0);
    let before = site.files();
    let report = site.refresh("--dry-run", 0);
    assert_eq!((&report["outcome"], &report["partitions_new"][0]), (&"planned".into(), &"month-0.csv".into()));
    assert_eq!(before, site.files());
    site.refresh("", 0);
    site.refresh("--dry-run", 3);
}

#[test]
fn a_refusal_leaves_the_store_alone_and_other_gates_go_on_from_there() {
    let site = Site::new();
    site.arrive(0).refresh("", 0);
    let before = site.releases();
    site.arrive(1).configure("recall = 0.999\n");
    let report = site.refresh("", 4);
    assert_eq!((&report["outcome"], &report["release"]), (&"refused".into(), &Value::Null));
    let refused = report["gates"].as_array().unwrap().iter().find(|gate| gate["ruling"] == "refused").unwrap();
    assert!(refused["gate"] == "recall" && refused["reason"].as_str().unwrap().contains("0.999"), "{refused}");
    assert!(before == site.releases());
    site.refresh("", 4);
    site.configure("");
    let report = site.refresh("", 0);
    assert_eq!(
        (&stage(&report, "blend")["resumed"], &stage(&report, "release")["resumed"]),
        (&true.into(), &false.into())
    );
}

#[test]
fn a_second_run_refuses() {
    let site = Site::new();
    site.arrive(0);
    fs::create_dir_all(site.path("state")).unwrap();
    let lock = File::create(site.path("state/.lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(site.refresh("", 5)["outcome"], "busy");
    drop(lock);
    site.refresh("", 0);
}

#[test]
fn a_model_answers_for_every_history_and_goes_where_the_release_goes() {
    let site = Site::with_model();
    let report = site.arrive(0).refresh("", 0);
    let model = report["model"].as_str().unwrap();
    assert!(Path::new(&site.path("store/models")).join(model).join("manifest.json").is_file());
    let store = Store::open(site.path("store"));
    let release = Release::load(&store.release_path(&report["release"].as_str().unwrap().parse().unwrap())).unwrap();
    let manifest = release.manifest();
    assert!(manifest.table.levels.iter().all(|level| level.present == level.possible));
    assert_eq!(manifest.model.as_ref().unwrap().as_str(), model);
    assert_eq!(manifest.expected_sources["table"], 1.0);
    assert!(manifest.provenance.settings.contains_key("kernel"));
}

#[test]
fn counts_that_were_made_elsewhere_take_the_place_of_events() {
    let (events, counts) = (Site::new(), Site::new());
    events.arrive(0).refresh("", 0);
    counts.arrive(0);
    let line = "count --events events --catalogue clusters.csv --out counted --max-user-day 100 --request-users 1";
    support::json(counts.path(".").as_path(), line);
    let report = counts.refresh("--counts counted", 0);
    assert!(report["stages"].as_array().unwrap().iter().all(|stage| stage["stage"] != "count"));
    assert_eq!(events.table(), counts.table());
    counts.refresh("--counts counted", 3);
}

#[test]
fn an_operator_who_rolled_back_is_not_overruled() {
    let site = Site::new();
    let first = site.arrive(0).refresh("", 0);
    site.arrive(1).refresh("", 0);
    let store = Store::open(site.path("store"));
    store.activate(&first["release"].as_str().unwrap().parse().unwrap()).unwrap();
    site.refresh("", 3);
    assert_eq!(store.state().unwrap().current.unwrap().as_str(), first["release"]);
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let site = Site::new();
    site.configure("recall = 7\n[cuont]\ndepth = 2\n");
    let output = support::run(site.path(".").as_path(), "refresh --config refresh.toml");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("cuont") && told.contains("gates.recall"), "{told}");
}

#[test]
fn the_report_is_kept_and_only_it() {
    let site = Site::new();
    let report = site.arrive(0).refresh("", 0);
    let run = site.path(&format!("state/runs/{}", report["run"].as_str().unwrap()));
    let left: Vec<_> = fs::read_dir(&run).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["report.json"]);
    let kept: Value = serde_json::from_slice(&fs::read(run.join("report.json")).unwrap()).unwrap();
    assert_eq!(kept["stages"], report["stages"]);
    let stages: Vec<_> =
        kept["stages"].as_array().unwrap().iter().map(|stage| stage["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, ["count", "merge", "rehearse", "blend", "gate", "release", "publish"]);
}

fn stage<'a>(report: &'a Value, name: &str) -> &'a Value {
    let stages = report["stages"].as_array().unwrap();
    stages.iter().find(|stage| stage["stage"] == name).unwrap_or_else(|| panic!("no {name} in {stages:?}"))
}
