//! What a caller may send at most: bytes, time and requests at once.

use std::time::{Duration, Instant};

use segue::wire::json::AnswerBody;

use crate::support::caller::{Caller, head};
use crate::support::service::{Running, start_with, until};
use crate::support::spoken::body;
use crate::support::vectors::ask;

const BODY_BYTES_MAX: usize = 1024;

fn start_small() -> Running {
    start_with(|config| config.http.body_bytes_max = BODY_BYTES_MAX)
}

/// A question of exactly so many bytes.
fn question(bytes: usize) -> String {
    format!("{{{}}}", " ".repeat(bytes - 2))
}

#[test]
fn a_body_of_the_limit_passes_and_one_above_does_not() {
    let running = start_small();
    let mut http = running.http();
    assert_eq!(http.call("POST", "/next-clusters", &question(BODY_BYTES_MAX)).status, 200);
    let reply = http.call("POST", "/next-clusters", &question(BODY_BYTES_MAX + 1));
    assert_eq!(reply.problem(413, "too_large"), "the body is larger than 1024 bytes; send fewer questions at once");
}

/// A body that states no length is refused once it is too large, whatever its chunks.
#[test]
fn chunks_add_up_to_the_limit() {
    let running = start_small();
    for (bytes, status) in [(BODY_BYTES_MAX, 200), (BODY_BYTES_MAX + 1, 413)] {
        let mut http = running.http();
        http.send("POST /next-clusters HTTP/1.1\r\nhost: segue\r\ntransfer-encoding: chunked\r\n\r\n");
        for byte in question(bytes).chars() {
            // The reply may come, and the connection end, before the last chunk.
            let _ = http.try_send(format!("1\r\n{byte}\r\n"));
        }
        let _ = http.try_send("0\r\n\r\n");
        assert_eq!(http.receive().status, status, "{bytes}");
    }
}

/// A caller that asks first does not send what would be refused.
#[test]
fn a_body_that_says_it_is_too_large_is_not_asked_for() {
    let running = start_small();
    let expecting = |length: usize| {
        format!(
            "POST /next-clusters HTTP/1.1\r\nhost: segue\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    let mut http = running.http();
    http.send(expecting(BODY_BYTES_MAX));
    assert_eq!(http.receive().status, 100);
    http.send(question(BODY_BYTES_MAX));
    assert_eq!(http.receive().status, 200);
    http.send(expecting(1 << 40));
    http.receive().problem(413, "too_large");
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let running = start_with(|config| config.http.body_read_timeout = Duration::from_millis(20));
    let mut http = running.http();
    http.send(head("/next-clusters", 10));
    http.send("{");
    assert_eq!(http.receive().problem(408, "too_slow"), "the body did not arrive within 20 ms");
    http.wait_closed();
    // The caller's own fault is not counted among the service's.
    assert_eq!(running.counted("segue_deadlines_exceeded_total{door=\"http\"}"), 0);
    let counted = "segue_requests_total{door=\"http\",call=\"next_clusters\",code=\"too_slow\"}";
    until("the request is counted", || running.counted(counted) == 1);
    until("its place is free again", || running.counted("segue_requests_in_flight") == 0);
}

/// A deadline that the caller did not name does not run while its body comes; one that it named does.
#[test]
fn only_a_deadline_that_was_asked_for_runs_while_the_body_comes() {
    let allowed = Duration::from_millis(100);
    let running = start_with(|config| config.request.deadline_default = allowed);
    let mut other = running.http();
    let mut late = |header: &str| {
        until("nothing is in flight", || running.counted("segue_requests_in_flight") == 0);
        let mut http = running.http();
        http.send(format!("POST /next-clusters HTTP/1.1\r\nhost: segue\r\n{header}content-length: 2\r\n\r\n"));
        until("the head is read", || running.counted("segue_requests_in_flight") == 1);
        let started = Instant::now();
        until("the time is up", || other.get("/version").status == 200 && started.elapsed() > allowed);
        http.send("{}");
        http.receive().status
    };
    assert_eq!(late("request-timeout: 0.1\r\n"), 504);
    // A busy machine may take longer than this for the answer alone; a deadline that runs is always passed.
    until("it is answered", || late("") == 200);
}

/// Requests above the limit are shed at once and told when to come again; a place that is free is given again.
#[test]
fn requests_above_the_limit_are_shed() {
    let running = start_with(|config| config.request.in_flight_max = 2);
    let mut http = running.http();
    let mut slow: Vec<Caller> = (0..2).map(|_| running.http()).collect();
    slow.iter_mut().for_each(|slow| slow.send(head("/next-clusters", 2)));
    until("both places are taken", || running.counted("segue_requests_in_flight") == 2);
    let question = body(&ask(&[10], 1));
    let shed = [
        http.post("/next-clusters", &question),
        http.get("/next-clusters"),
        http.post("/next-clusters/batch", &serde_json::json!({ "requests": [question] })),
        http.get("/clusters"),
        http.get("/clusters/10"),
        http.get("/version"),
    ];
    for reply in &shed {
        assert_eq!(reply.problem(429, "overloaded"), "2 requests are in flight, the limit; try again in 1 s");
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    assert_eq!(running.counted("segue_requests_shed_total{door=\"http\"}"), shed.len() as u64);
    slow[0].send("{}");
    slow[0].receive().json::<AnswerBody>(200);
    until("a place is free", || http.post("/next-clusters", &question).status == 200);
    slow[1].send("{}");
    slow[1].receive().json::<AnswerBody>(200);
    until("all places are free", || running.counted("segue_requests_in_flight") == 0);
}
