//! The console's page and the calls that only it makes, over real sockets; how it looks and behaves in a browser is for
//! `tests/console/check.py`.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

#[path = "support/admin.rs"]
mod support;

use support::{Site, publish};

const TOKEN: &str = "0123456789abcdef";
/// The score of `old`'s candidates, a half, as a table keeps it.
const HALF: f64 = 0.50001;

/// Every file that the page is made of, by following what each names.
fn files(site: &Site) -> Vec<(String, String)> {
    let mut paths = vec!["/".to_owned()];
    let mut files: Vec<(String, String)> = Vec::new();
    while let Some(path) = paths.pop() {
        if files.iter().any(|(known, _)| *known == path) {
            continue;
        }
        let reply = site.get(&path);
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(guard_of(&reply.head), guard_of(&site.get("/").head), "{path}");
        let text = reply.text();
        let quoted = text.split('"').skip(1).step_by(2);
        let here = |name: &str| match name.strip_prefix("./") {
            Some(module) => Some(format!("/console/{module}")),
            None => name.starts_with("/console/").then(|| name.to_owned()),
        };
        paths.extend(quoted.filter_map(here));
        files.push((path, text));
    }
    files
}

fn guard_of(head: &str) -> Vec<&str> {
    let guards = ["content-security-policy:", "x-content-type-options:", "x-frame-options:", "referrer-policy:"];
    head.lines().filter(|line| guards.iter().any(|guard| line.starts_with(guard))).collect()
}

#[test]
fn the_page_is_whole_and_fetches_nothing_from_elsewhere() {
    let site = Site::empty(|_| {});
    let files = files(&site);
    assert!(files.len() > 15, "only {} files were followed", files.len());
    let head = site.get("/").head;
    assert_eq!(guard_of(&head).len(), 4, "{head}");
    for expected in ["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for"]
    {
        assert!(head.contains(expected), "{expected}: {head}");
    }
    for (path, text) in files {
        let foreign = text.replace("http://www.w3.org/2000/svg", "");
        for forbidden in ["http://", "https://", "url(", "@import", "innerHTML", "outerHTML", "eval(", " style=\""] {
            assert!(!foreign.contains(forbidden), "{path} has {forbidden}");
        }
    }
}

#[test]
fn every_file_beside_the_page_is_served() {
    let site = Site::empty(|_| {});
    let files = files(&site);
    for entry in fs::read_dir("src/console").expect("the page's directory").filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if name == "index.html" { "/".to_owned() } else { format!("/console/{name}") };
        assert!(files.iter().any(|(served, _)| *served == path), "{name} is not part of the page");
    }
}

#[test]
fn figures_name_the_release_and_refuse_what_they_do_not_know() {
    let site = Site::empty(|_| {});
    let empty = site.get("/admin/v1/figures").json();
    assert_eq!((&empty["release"], &empty["in_flight"]["now"]), (&Value::Null, &json!(0)));
    let site = Site::serving(|_| {});
    let figures = site.get("/admin/v1/figures?after_unix_ms=0").json();
    assert_eq!(figures["release"]["version"], "old");
    assert!(figures["spans"].is_array(), "{figures}");
    site.get("/admin/v1/figures?colour=red").problem(400, "invalid_request");
    site.get("/admin/v1/clusters?colour=red").problem(400, "invalid_request");
}

#[test]
fn a_history_is_looked_up_as_the_service_answers_it() {
    let site = Site::serving(|_| {});
    let found = site.get("/admin/v1/lookup?history=9,22&limit=5").json();
    let current = &found["current"];
    assert_eq!((&current["release"], &current["source"]), (&json!("old"), &json!("table")), "{found}");
    assert_eq!(current["candidates"][0], json!({"cluster": 9, "score": HALF, "source": "table", "name": "cluster 9"}));
    assert_eq!(found["staged"], Value::Null);
    assert!(site.get("/admin/v1/lookup?history=9,x").problem(400, "invalid_request").contains("history"));
    assert!(site.get("/admin/v1/lookup?limit=1000000").problem(400, "invalid_request").contains("limit"));
    Site::empty(|_| {}).get("/admin/v1/lookup").problem(503, "unavailable");
}

#[test]
fn a_staged_release_is_looked_up_beside_what_serves() {
    let site = Site::serving(|_| {});
    publish(site.dir.path(), "new", 0.25);
    assert_eq!(site.post("/admin/v1/stage", r#"{"version":"new"}"#).status, 200);
    let found = site.get("/admin/v1/lookup?history=22").json();
    let firsts = ["current", "staged"].map(|which| (&found[which]["release"], &found[which]["candidates"][0]["score"]));
    assert_eq!(firsts, [(&json!("old"), &json!(HALF)), (&json!("new"), &json!(0.25))], "{found}");
}

#[test]
fn what_is_typed_is_completed_and_nobody_is_kept_waiting_by_it() {
    let site = Site::serving(|_| {});
    let names = |query: &str| {
        let found = site.get(&format!("/admin/v1/clusters?query={query}")).json();
        found["clusters"].as_array().expect("a list").iter().map(|one| one["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names("cluster%202"), [json!(22)]);
    assert_eq!(names(""), [json!(7), json!(9), json!(22)]);
    assert_eq!(names(&"%C3%A4".repeat(3000)), Vec::<Value>::new());
}

#[test]
fn the_session_says_what_is_asked_before_anything_is_refused() {
    let open = Site::empty(|_| {});
    let session = json!({"reads_ask": false, "changes_ask": false, "who": "local", "role": "operator"});
    assert_eq!(open.get("/admin/v1/session").json(), session);
    let dir = TempDir::new().expect("a temporary directory");
    let path = dir.path().join("tokens");
    fs::write(&path, format!("reader ada {TOKEN}\n")).expect("the directory can be written");
    let site = Site::empty(|config| config.admin.token_file = Some(path));
    let asked = |token: &str| {
        let header = format!("authorization: Bearer {token}");
        site.send(("GET", "/admin/v1/session"), &[&header], b"").json()
    };
    let known = json!({"reads_ask": false, "changes_ask": true, "who": "ada", "role": "reader"});
    let unknown = json!({"reads_ask": false, "changes_ask": true, "who": null, "role": null});
    assert_eq!((asked(TOKEN), asked("fedcba9876543210")), (known, unknown.clone()));
    assert_eq!(site.get("/admin/v1/session").json(), unknown);
}
