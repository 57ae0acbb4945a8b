//! The operator's door as probes, scrapers and operators meet it, over real sockets.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use segue::drain::Stage;
use serde_json::{Value, json};
use tempfile::TempDir;

#[path = "support/admin.rs"]
mod support;

use support::{Site, publish, receive, replace, run, segue};

const TOKEN: &str = "0123456789abcdef";

/// What the probes must say: readiness, its reason, and the release.
#[track_caller]
fn check_probes(site: &Site, status: u16, reason: &Value, release: &Value) {
    assert_eq!(site.get("/livez").status, 200);
    let ready = site.get("/readyz");
    assert_eq!(ready.status, status, "{}", ready.text());
    assert!(ready.head.contains("content-type: application/json"), "{}", ready.head);
    let health = site.get("/healthz");
    assert_eq!(health.status, 200);
    for body in [ready.json(), health.json()] {
        let reason_given = body.get("reason").unwrap_or(&Value::Null);
        assert_eq!(
            (&body["ready"], reason_given, &body["release"]),
            (&json!(status == 200), reason, release),
            "{body}"
        );
    }
}

#[test]
fn readiness_follows_the_release_and_the_drain() {
    let site = Site::empty(|_| {});
    site.reload();
    check_probes(&site, 503, &json!("no_release"), &Value::Null);
    publish(site.dir.path(), "first", 0.5);
    assert_eq!(site.post("/admin/v1/activate", r#"{"version":"first"}"#).status, 200);
    check_probes(&site, 200, &Value::Null, &json!("first"));
    for stage in [Stage::Unready, Stage::Closing] {
        site.drain.advance(stage);
        check_probes(&site, 503, &json!("draining"), &json!("first"));
    }
}

#[test]
fn health_tells_the_last_failure_until_a_load_succeeds() {
    let site = Site::empty(|_| {});
    site.reload();
    let failure = &site.get("/healthz").json()["failure"];
    assert_eq!((&failure["release"], &failure["reason"]), (&Value::Null, &json!("missing")), "{failure}");
    publish(site.dir.path(), "first", 0.5);
    assert_eq!(site.post("/admin/v1/activate", r#"{"version":"first"}"#).status, 200);
    assert_eq!(site.get("/healthz").json()["failure"], Value::Null);
}

#[test]
fn metrics_have_the_type_that_prometheus_asks_for() {
    let reply = Site::serving(|_| {}).get("/metrics");
    assert_eq!(reply.status, 200);
    assert!(reply.head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{}", reply.head);
    for line in ["# TYPE segue_ready gauge", "segue_ready 1", "segue_release_loads_total 1"] {
        assert!(reply.text().lines().any(|shown| shown == line), "{line}\n{}", reply.text());
    }
}

#[test]
fn the_status_tells_what_serves_what_should_and_what_went_wrong() {
    let site = Site::serving(|config| config.request.in_flight_max = 300);
    let status = site.get("/admin/v1/status").json();
    assert_eq!(status["ready"], true);
    assert_eq!(status["stage"], "serving");
    assert_eq!(status["release"]["version"], "old");
    assert_eq!(status["release"]["table"]["depth"], 1);
    assert!(status["release"]["loaded_unix_s"].as_u64().is_some_and(|at| at > 1_700_000_000), "{status}");
    assert_eq!(status["pointer"], json!({ "current": "old", "previous": null }));
    assert_eq!(status["in_flight"], json!({ "now": 0, "limit": 300 }));
    assert_eq!(status["failure"], Value::Null);

    fs::write(site.dir.path().join("state.json"), "{").expect("the store can be written");
    let status = site.get("/admin/v1/status").json();
    assert_eq!((&status["ready"], &status["pointer"]), (&json!(true), &Value::Null));
    assert!(status["pointer_failure"].as_str().is_some_and(|text| text.contains("state.json")), "{status}");
}

#[test]
fn releases_are_listed_with_where_the_pointer_stands() {
    let site = Site::serving(|_| {});
    publish(site.dir.path(), "new", 0.25);
    assert_eq!(site.post("/admin/v1/activate", r#"{"version":"new"}"#).status, 200);
    let listed = site.get("/admin/v1/releases").json();
    let standings: Vec<_> = listed["releases"].as_array().expect("a list").iter().map(standing).collect();
    assert_eq!(standings, [("new", "current"), ("old", "previous")]);
    let pointers = ["serving", "current", "previous", "staged", "pinned", "declined"].map(|name| &listed[name]);
    let [new, old, none] = [json!("new"), json!("old"), Value::Null];
    assert_eq!(pointers, [&new, &new, &old, &none, &none, &none]);
    let one = site.get("/admin/v1/releases/old").json();
    assert_eq!(one, listed["releases"][1]);
    assert_eq!(one["facts"]["histories"], 2);
    site.get("/admin/v1/releases/none").problem(404, "not_found");
    site.get("/admin/v1/releases/.no").problem(400, "invalid_request");
}

fn standing(entry: &Value) -> (&str, &str) {
    (entry["version"].as_str().expect("a name"), entry["standing"].as_str().unwrap_or_default())
}

/// What a change says after the fact, without who else stands where.
fn changed(reply: &support::Reply) -> (u16, Value) {
    let body = reply.json();
    (reply.status, json!({ "release": body["release"], "changed": body["changed"] }))
}

#[test]
fn activation_answers_after_the_fact_and_goes_back_the_same_way() {
    let site = Site::serving(|_| {});
    publish(site.dir.path(), "new", 0.25);
    for (version, changed) in [("new", true), ("new", false), ("old", true)] {
        let reply = site.post("/admin/v1/activate", &json!({ "version": version }).to_string());
        assert_eq!(self::changed(&reply), (200, json!({ "release": version, "changed": changed })));
        assert_eq!(reply.json()["after"]["serving"], version);
        assert_eq!(site.served().as_deref(), Some(version));
    }
}

#[test]
fn what_cannot_serve_is_not_activated() {
    let site = Site::serving(|_| {});
    flip_last_byte(publish(site.dir.path(), "damaged", 0.25).join("table.segue"));
    replace(&publish(site.dir.path(), "unasked", 0.25), "golden.jsonl", b"");
    let rows = [
        (r#"{"version":"damaged"}"#, 422, "refused", "release damaged was not activated: table.segue has"),
        (r#"{"version":"unasked"}"#, 422, "refused", "release unasked was not activated: the release has no golden"),
        (r#"{"version":"none"}"#, 404, "not_found", "release none was not activated: "),
        (r#"{"version":"../old"}"#, 400, "invalid_request", "`../old` is no version name"),
        (r#"{"version":"old","x":1}"#, 400, "invalid_request", "unknown field `x`"),
        ("", 400, "invalid_request", "expected {\"version\":\"NAME\"}"),
        (&format!("{{\"version\":\"{}\"}}", "x".repeat(4096)), 413, "too_large", "2048 bytes"),
    ];
    for (body, status, kind, text) in rows {
        let detail = site.post("/admin/v1/activate", body).problem(status, kind);
        assert!(detail.contains(text), "{body}: {detail}");
        assert_eq!(site.served().as_deref(), Some("old"));
        assert_eq!(site.store().state().expect("a pointer").current, Some("old".parse().expect("a version")));
    }
}

#[test]
fn reload_follows_the_pointer_or_says_why_not() {
    let site = Site::serving(|_| {});
    let unchanged = changed(&site.post("/admin/v1/reload", ""));
    assert_eq!(unchanged, (200, json!({ "release": "old", "changed": false })));
    publish(site.dir.path(), "new", 0.25);
    site.store().activate(&"new".parse().expect("a version")).expect("new is complete");
    assert_eq!(changed(&site.post("/admin/v1/reload", "")), (200, json!({ "release": "new", "changed": true })));

    flip_last_byte(publish(site.dir.path(), "damaged", 0.75).join("table.segue"));
    site.store().activate(&"damaged".parse().expect("a version")).expect("its manifest is complete");
    let detail = site.post("/admin/v1/reload", "").problem(422, "refused");
    assert!(detail.starts_with("what served before still serves: table.segue has"), "{detail}");
    assert_eq!(site.served().as_deref(), Some("new"));
    let failure = &site.get("/admin/v1/status").json()["failure"];
    assert_eq!((&failure["release"], &failure["reason"]), (&json!("damaged"), &json!("checksum")), "{failure}");

    fs::remove_file(site.dir.path().join("state.json")).expect("the pointer is there");
    site.post("/admin/v1/reload", "").problem(409, "conflict");
}

#[test]
fn changes_need_the_token_and_reads_do_not() {
    let (_dir, token_file) = token_file(TOKEN);
    let site = Site::serving(|config| config.admin.token_file = Some(token_file.clone()));
    let rows: [(&[&str], u16); 7] = [
        (&[], 401),
        (&["content-type: application/json"], 401),
        (&["authorization: Bearer 0123456789abcdeF"], 401),
        (&["authorization: Basic 0123456789abcdef"], 401),
        (&["authorization: Bearer"], 401),
        (&["authorization: Bearer 0123456789abcdef"], 200),
        (&["authorization: bearer 0123456789abcdef", "host: segue.example"], 200),
    ];
    for (headers, status) in rows {
        let reply = site.send(("POST", "/admin/v1/reload"), headers, b"");
        assert_eq!(reply.status, status, "{headers:?}: {}", reply.text());
        assert_eq!(reply.head.contains("www-authenticate: bearer"), status == 401, "{}", reply.head);
    }
    for (method, path) in
        [("POST", "activate"), ("PUT", "releases/x/files/manifest.json"), ("POST", "releases/x/commit")]
    {
        site.send((method, &format!("/admin/v1/{path}")), &[], b"").problem(401, "unauthorized");
    }
    for path in ["/livez", "/readyz", "/healthz", "/metrics", "/admin/v1/status", "/admin/v1/releases"] {
        assert_eq!(site.get(path).status, 200, "{path}");
    }
    fs::write(&token_file, "fedcba9876543210").expect("the token can be rotated");
    let rotated = |token| site.send(("POST", "/admin/v1/reload"), &[token], b"").status;
    assert_eq!(rotated("authorization: Bearer 0123456789abcdef"), 401);
    assert_eq!(rotated("authorization: Bearer fedcba9876543210"), 200);
    fs::remove_file(&token_file).expect("the token can be lost");
    assert_eq!(rotated("authorization: Bearer fedcba9876543210"), 503);
}

#[test]
fn without_a_token_no_web_page_changes_anything() {
    let site = Site::serving(|_| {});
    let rows: [(&[&str], u16); 9] = [
        (&[], 415),
        (&["content-type: text/plain"], 415),
        (&["content-type: application/x-www-form-urlencoded"], 415),
        (&["content-type: multipart/form-data; boundary=application/json"], 415),
        (&["content-type: application/json", "host: rebound.example:9090"], 403),
        (&["content-type: application/json", "host: 127.0.0.1.example"], 403),
        (&["content-type: application/json; charset=utf-8"], 200),
        (&["content-type: application/json", "host: localhost:9090"], 200),
        (&["content-type: application/json", "host: [::1]:9090"], 200),
    ];
    for (headers, status) in rows {
        let reply = site.send(("POST", "/admin/v1/reload"), headers, b"");
        assert_eq!(reply.status, status, "{headers:?}: {}", reply.text());
    }
    // What a browser asks before it sends anything else across sites.
    let asked = site.send(("OPTIONS", "/admin/v1/reload"), &["origin: https://evil.example"], b"");
    assert!(!asked.head.contains("access-control"), "{}", asked.head);
}

#[test]
fn paths_and_methods_that_are_not_there_are_problems() {
    let site = Site::empty(|_| {});
    site.get("/nothing").problem(404, "not_found");
    site.get("/admin/v1/nothing").problem(404, "not_found");
    site.send(("DELETE", "/readyz"), &[], b"").problem(405, "method_not_allowed");
    site.get("/admin/v1/reload").problem(405, "method_not_allowed");
}

#[test]
fn a_head_that_drips_is_cut_off() {
    let site = Site::empty(|config| config.admin.header_read_timeout = Duration::from_millis(20));
    let mut stream = site.connect();
    // On a busy machine its time may be up before it says anything.
    let _ = stream.write_all(b"GET /livez HTTP/1.1\r\nhost:");
    let rest = rest(stream);
    assert!(!rest.starts_with(b"HTTP/1.1 200"), "{rest:?}");
}

#[test]
fn a_connection_that_says_nothing_is_cut_off() {
    let site = Site::empty(|config| config.admin.header_read_timeout = Duration::from_millis(20));
    assert_eq!(rest(site.connect()), b"");
    // Half of what begins HTTP/2, and nothing after it.
    let mut stream = site.connect();
    let _ = stream.write_all(b"PRI * HTTP/2.0");
    rest(stream);
}

#[test]
fn connections_past_the_limit_wait_for_a_place() {
    let site = Site::empty(|config| config.admin.connections_max = 1);
    let mut first = site.connect();
    first.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").expect("the door is open");
    let mut start = [0; 15];
    first.read_exact(&mut start).expect("the first connection has its place");
    assert_eq!(&start, b"HTTP/1.1 200 OK");
    let second = site.begin(("GET", "/livez"), &[], 0);
    second.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout above zero");
    assert!((&second).read(&mut start).is_err(), "answered past the limit");
    drop(first);
    second.set_read_timeout(None).expect("none is fine");
    assert_eq!(receive(second).status, 200);
}

#[test]
fn the_health_command_exits_as_the_probe_says() {
    let site = Site::serving(|_| {});
    let asked = |url: &str, code| run(segue().args(["health", "--url", url]), code);
    assert!(String::from_utf8_lossy(&asked(&site.url("/readyz"), 0).stdout).contains(r#""ready":true"#));
    site.drain.advance(Stage::Unready);
    assert!(String::from_utf8_lossy(&asked(&site.url("/readyz"), 1).stdout).contains("draining"));
    asked(&site.url("/livez"), 0);
    let nobody = site.url("/readyz");
    drop(site);
    asked(&nobody, 1);
}

/// What comes until the service closes the connection. It may do so with a reset; only this reader giving up is no end.
fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let ended = stream.read_to_end(&mut rest).map_err(|error| error.kind());
    assert!(!matches!(ended, Err(ErrorKind::WouldBlock)), "it is still waited for");
    rest
}

fn token_file(token: &str) -> (TempDir, PathBuf) {
    let dir = TempDir::new().expect("a temporary directory");
    let path = dir.path().join("token");
    fs::write(&path, format!("{token}\n")).expect("the directory can be written");
    (dir, path)
}

fn flip_last_byte(path: PathBuf) {
    let mut bytes = fs::read(&path).expect("the file is there");
    *bytes.last_mut().expect("it is not empty") ^= 1;
    fs::write(&path, bytes).expect("it can be written");
}
