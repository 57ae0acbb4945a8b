//! Every way to be refused, each as a problem with its status, kind and text.

use tempfile::TempDir;

use crate::support::caller::{Caller, PATIENCE, head, request};
use crate::support::service::{start, start_on, start_with};
use crate::support::spoken::{body, path};
use crate::support::vectors::refusals;

/// A request and how it is refused.
struct Row {
    /// As it is sent.
    request: String,
    status: u16,
    kind: &'static str,
    /// What the problem's detail must say.
    says: &'static str,
}

fn row(request: String, (status, kind): (u16, &'static str), says: &'static str) -> Row {
    Row { request, status, kind, says }
}

const INVALID: (u16, &str) = (400, "invalid_request");

/// A POST with headers of its own.
fn post(headers: &str, text: &str) -> String {
    let length = text.len();
    format!("POST /next-clusters HTTP/1.1\r\nhost: segue\r\n{headers}content-length: {length}\r\n\r\n{text}")
}

fn get(headers: &str, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: segue\r\n{headers}\r\n")
}

fn bodies() -> Vec<Row> {
    let json = |text| request("POST", "/next-clusters", text);
    vec![
        row(json("{"), INVALID, "EOF while parsing an object at line 1 column 1; see /openapi.json"),
        row(json("{}x"), INVALID, "trailing characters"),
        row(json("[[10,20],5]"), INVALID, "invalid type: sequence, expected an object"),
        row(json("7"), INVALID, "invalid type: integer `7`, expected an object"),
        row(json("{\"colour\":1}"), INVALID, "unknown field `colour`"),
        row(json("{\"limit\":1,\"limit\":2}"), INVALID, "duplicate field `limit`"),
        row(json("{\"history\":[-1]}"), INVALID, "invalid value: integer `-1`, expected u32"),
        row(json("{\"history\":[4294967296]}"), INVALID, "expected u32"),
        row(json("{\"history\":\"10\"}"), INVALID, "expected a sequence"),
        row(json("{\"min_score\":1e999}"), INVALID, "number out of range"),
        row(post("", ""), INVALID, "EOF"),
        row(
            post("content-type: text/plain\r\n", "{}"),
            (415, "unsupported_media"),
            "`text/plain`, expected application/json",
        ),
    ]
}

fn queries() -> Vec<Row> {
    let get = |query| get("", &format!("/next-clusters?{query}"));
    vec![
        row(get("history=tea"), INVALID, "`history` holds `tea`, expected cluster ids with commas"),
        row(get("exclude=1;2"), INVALID, "`exclude` holds `1;2`"),
        row(get("history=1&history=2"), INVALID, "duplicate field `history`"),
        row(get("colour=red"), INVALID, "unknown field `colour`"),
        row(get("limit=ten"), INVALID, "invalid digit"),
        row(get("min_score=NaN"), INVALID, "`min_score` is NaN, expected a number from 0 to 1"),
        row(get("min_score=inf"), INVALID, "`min_score` is inf"),
    ]
}

fn routes_and_headers() -> Vec<Row> {
    let (missing, not_allowed, late) = ((404, "not_found"), (405, "method_not_allowed"), (504, "deadline_exceeded"));
    let timed = |timeout| get(&format!("request-timeout: {timeout}\r\n"), "/next-clusters");
    vec![
        row(get("", "/"), missing, "no such path"),
        row(get("", "/next-clusters/"), missing, "no such path"),
        row(get("", "/next-clusters/other"), missing, "no such path"),
        row(get("", "/v2/next-clusters"), missing, "no such path"),
        row(request("DELETE", "/next-clusters", ""), not_allowed, "the method is not allowed here"),
        row(get("", "/next-clusters/batch"), not_allowed, "the method is not allowed here"),
        row(request("POST", "/clusters", "{}"), not_allowed, "the method is not allowed here"),
        row(request("OPTIONS", "/v1/version", ""), not_allowed, "the method is not allowed here"),
        row(timed("soon"), INVALID, "the request timeout is `soon`, expected seconds above 0"),
        row(timed("0"), INVALID, "the request timeout is `0`"),
        row(timed("inf"), INVALID, "the request timeout is `inf`"),
        row(timed("0.000000001"), late, "the deadline of 0 ms passed"),
        row(post("request-timeout: 0.000000001\r\n", "{\"timeout_ms\":60000}"), late, "the deadline of 0 ms passed"),
        row(post("request-timeout: 60\r\n", "{\"timeout_ms\":0}"), late, "the deadline of 0 ms passed"),
        // The time comes first, as at the other door.
        row(post("", "{\"timeout_ms\":0,\"limit\":0}"), late, "the deadline of 0 ms passed"),
    ]
}

#[test]
fn what_is_wrong_is_told_as_a_problem() {
    let running = start();
    let mut http = running.http();
    for row in [bodies(), queries(), routes_and_headers()].into_iter().flatten() {
        http.send(&row.request);
        let said = http.receive().problem(row.status, row.kind);
        assert!(said.contains(row.says), "{}\n{said}", row.request);
    }
    assert_eq!(http.get("/next-clusters").status, 200, "one connection took it all");
}

/// The shared refusals, however the question is asked.
#[test]
fn a_question_that_cannot_be_answered_is_refused() {
    let running = start();
    let mut http = running.http();
    for refusal in refusals() {
        let (status, kind) = (refusal.code.http().as_u16(), refusal.code.label());
        let posted = http.post("/next-clusters", &body(&refusal.question)).problem(status, kind);
        assert!(posted.contains(refusal.says), "{}: {posted}", refusal.about);
        assert_eq!(http.get(&path(&refusal.question)).problem(status, kind), posted);
    }
    let counted = |code: &str| {
        running.counted(&format!("segue_requests_total{{door=\"http\",call=\"next_clusters\",code=\"{code}\"}}"))
    };
    assert_eq!(counted("invalid_request"), 2 * (refusals().len() as u64 - 1));
    assert_eq!(
        (counted("deadline_exceeded"), running.counted("segue_deadlines_exceeded_total{door=\"http\"}")),
        (2, 2)
    );
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    let running = start();
    let mut http = running.http();
    let rows = [
        ("/next-clusters", vec!["GET", "HEAD", "POST"]),
        ("/v1/next-clusters/batch", vec!["POST"]),
        ("/clusters", vec!["GET", "HEAD"]),
        ("/v1/clusters/10", vec!["GET", "HEAD"]),
        ("/version", vec!["GET", "HEAD"]),
    ];
    for (path, expected) in rows {
        let reply = http.call("OPTIONS", path, "");
        reply.problem(405, "method_not_allowed");
        let mut methods: Vec<_> = reply.header("allow").expect("the methods that there are").split(',').collect();
        methods.sort_unstable();
        assert_eq!(methods, expected, "{path}");
    }
}

/// Until a release is loaded, every call that needs one is refused and may come again.
#[test]
fn nothing_is_answered_while_nothing_is_loaded() {
    let running = start_on(TempDir::new().expect("a temporary directory"), |_| {});
    let mut http = running.http();
    for (method, path) in [
        ("POST", "/next-clusters"),
        ("GET", "/next-clusters"),
        ("GET", "/clusters"),
        ("GET", "/clusters/10"),
        ("GET", "/version"),
    ] {
        let reply = http.call(method, path, if method == "POST" { "{}" } else { "" });
        assert!(reply.problem(503, "unavailable").starts_with("no release is loaded yet"), "{method} {path}");
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    http.call("POST", "/next-clusters/batch", "{\"requests\":[{}]}").problem(503, "unavailable");
    assert_eq!(http.get("/openapi.json").status, 200);
}

/// A type that says more than JSON, and one that says nothing, are read as JSON.
#[test]
fn json_by_other_names_is_read() {
    let running = start();
    let mut http = running.http();
    for media in [
        "",
        "content-type: application/json; charset=utf-8\r\n",
        "content-type: APPLICATION/JSON\r\n",
        "content-type: application/vnd.segue+json\r\n",
    ] {
        http.send(post(media, "{}"));
        assert_eq!(http.receive().status, 200, "{media}");
    }
}

/// What ends a request early is told where anyone still listens.
#[test]
fn a_body_that_breaks_off_is_refused() {
    let running = start_with(|config| config.http.body_read_timeout = PATIENCE);
    let mut http: Caller = running.http();
    http.send(head("/next-clusters", 10));
    http.send("{");
    http.finish_sending();
    assert!(http.receive().problem(400, "invalid_request").starts_with("the body broke off"));
    http.wait_closed();
}
