//! What the audit log holds after an operator's day, and that nothing changes without it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::roles::token_file;
use crate::site::{Parcel, Site, publish};

/// The log's lines, without what differs from run to run.
fn lines(site: &Site) -> Vec<Value> {
    let text = fs::read_to_string(site.dir.path().join("audit.jsonl")).expect("there is a log");
    let line = |line: &str| {
        let mut line: Value = serde_json::from_str(line).expect("JSON");
        let fields = line.as_object_mut().expect("an object");
        for field in ["at", "id", "peer"] {
            assert!(fields.remove(field).is_some_and(|value| value.is_string()), "{field}: {fields:?}");
        }
        line
    };
    text.lines().map(line).collect()
}

fn done(line: Value) -> [Value; 2] {
    let mut begun = line.clone();
    begun["outcome"] = json!("begun");
    [begun, line]
}

#[test]
fn every_change_is_recorded_with_who_made_it() {
    let (_dir, tokens) = token_file();
    let site = Site::serving(|config| config.admin.token_file = Some(tokens.clone()));
    publish(site.dir.path(), "new", 0.25);
    let operator = ["content-type: application/json", "authorization: Bearer operator-0123456789abcdef"];
    let post = |path: &str, body: &str| site.send(("POST", path), &operator, body.as_bytes()).status;
    assert_eq!(post("/admin/v1/activate", r#"{"version":"new"}"#), 200);
    assert_eq!(post("/admin/v1/pin", r#"{"version":"new"}"#), 200);
    assert_eq!(post("/admin/v1/rollback", "{}"), 409);
    assert_eq!(post("/admin/v1/unpin", ""), 200);
    assert_eq!(post("/admin/v1/rollback", "{}"), 200);
    assert_eq!(site.served().as_deref(), Some("old"));
    let lines = lines(&site);
    let line = |change: &str, from: &str, outcome: &str| json!({ "who": "ann", "role": "operator", "change": change, "from": from, "outcome": outcome });
    let told: Vec<_> = lines.iter().map(|line| (line["change"].as_str(), line["outcome"].as_str())).collect();
    let pairs =
        [("activate", "done"), ("pin", "done"), ("rollback", "refused"), ("unpin", "done"), ("rollback", "done")];
    let expected: Vec<_> =
        pairs.iter().flat_map(|(change, end)| [(Some(*change), Some("begun")), (Some(*change), Some(*end))]).collect();
    assert_eq!(told, expected);
    let mut activated = line("activate", "old", "done");
    activated["to"] = json!("new");
    assert_eq!(lines[..2], done(activated));
    assert!(lines[5]["reason"].as_str().is_some_and(|reason| reason.contains("pinned")), "{}", lines[5]);
    assert_eq!((&lines[9]["from"], &lines[9]["to"]), (&json!("new"), &json!("old")));
    assert!(!fs::read_to_string(site.dir.path().join("audit.jsonl")).expect("a log").contains("0123456789abcdef"));
}

#[test]
fn what_a_caller_may_not_do_leaves_no_line_and_what_it_asks_wrongly_neither() {
    let (_dir, tokens) = token_file();
    let site = Site::serving(|config| config.admin.token_file = Some(tokens.clone()));
    let reader = ["content-type: application/json", "authorization: Bearer reader-0123456789abcdef"];
    assert_eq!(site.send(("POST", "/admin/v1/activate"), &reader, br#"{"version":"old"}"#).status, 403);
    let operator = ["content-type: application/json", "authorization: Bearer operator-0123456789abcdef"];
    assert_eq!(site.send(("POST", "/admin/v1/activate"), &operator, br#"{"version":"../old"}"#).status, 400);
    assert_eq!(lines(&site), Vec::<Value>::new());
}

/// Takes a log's place, so that nothing can be written there.
fn obstruct(path: &Path) {
    fs::remove_file(path).expect("there is a log");
    fs::create_dir(path).expect("the store can be written");
}

#[test]
fn what_cannot_be_recorded_is_not_done() {
    let site = Site::serving(|_| {});
    let parcel = Parcel::new("new", 0.25);
    publish(site.dir.path(), "other", 0.75);
    parcel.send(&site);
    let log = site.dir.path().join("audit.jsonl");
    obstruct(&log);
    for (path, body) in [
        ("/admin/v1/activate", r#"{"version":"other"}"#),
        ("/admin/v1/stage", r#"{"version":"other"}"#),
        ("/admin/v1/pin", r#"{"version":"old"}"#),
        ("/admin/v1/quarantine", r#"{"version":"other","reason":"no"}"#),
        ("/admin/v1/reload", ""),
        ("/admin/v1/releases/new/commit", ""),
    ] {
        let detail = site.post(path, body).problem(500, "internal");
        assert!(detail.starts_with("nothing was changed, since") && detail.contains("admin.audit_file"), "{detail}");
    }
    let state = site.store().state().expect("a pointer");
    assert_eq!((site.served().as_deref(), state.pinned, state.quarantined.len()), (Some("old"), None, 0));
    assert_eq!(site.names().iter().filter(|name| !name.starts_with('.')).collect::<Vec<_>>(), ["old", "other"]);
    let text = site.get("/metrics").text();
    assert!(text.contains("segue_audit_failures_total 6"), "{text}");
    // Once it can be recorded again, it is done; the push has lost nothing.
    fs::remove_dir(&log).expect("it is empty");
    assert_eq!(parcel.commit(&site).status, 200);
    assert_eq!(site.post("/admin/v1/activate", r#"{"version":"new"}"#).status, 200);
}

#[test]
fn a_log_elsewhere_is_made_with_its_directory_and_one_that_cannot_be_is_told_at_the_start() {
    let site = Site::serving(|config| config.admin.audit_file = Some(config.release.dir.join("logs/changes.jsonl")));
    site.post("/admin/v1/reload", "");
    let text = fs::read_to_string(site.dir.path().join("logs/changes.jsonl")).expect("there is a log");
    assert_eq!(text.lines().count(), 2);
    assert!(!site.dir.path().join("audit.jsonl").exists());
}
