//! Every way to hold a connection: kept alive, pipelined, dripped on, over-full, one too many.

use std::time::Duration;

use segue::wire::json::AnswerBody;

use crate::support::caller::request;
use crate::support::service::{start, start_with, until};

#[test]
fn pipelined_requests_are_answered_in_order() {
    let running = start();
    let mut http = running.http();
    let questions: Vec<String> = (1..=20).map(|limit| format!("{{\"limit\":{limit}}}")).collect();
    let all: String = questions.iter().map(|text| request("POST", "/next-clusters", text)).collect();
    http.send(all + &request("GET", "/version", "") + &request("GET", "/nowhere", ""));
    for limit in 1..=20 {
        let answer: AnswerBody = http.receive().json(200);
        assert_eq!(answer.candidates.len(), limit.min(3));
    }
    assert_eq!((http.receive().status, http.receive().status), (200, 404));
}

/// A request may come a byte at a time, as long as it comes.
#[test]
fn bytes_may_come_one_by_one() {
    let running = start();
    let mut http = running.http();
    for byte in request("POST", "/next-clusters", "{\"history\":[10,20]}").bytes() {
        http.send([byte]);
    }
    assert_eq!(http.receive().json::<AnswerBody>(200).matched, [10, 20]);
}

/// The clock of a head is not set back by the bytes that drip in.
#[test]
fn a_dripping_head_is_cut_off() {
    let running = start_with(|config| config.http.header_read_timeout = Duration::from_millis(100));
    let mut http = running.http();
    // On a busy machine its time may be up before anything is sent.
    let _ = http.try_send("GET /version HTTP/1.1\r\nx: ");
    until("the connection is closed", || {
        // The pause between drips is the wait for the end.
        http.try_send("x").is_err() || http.is_closed_within(Duration::from_millis(5))
    });
    until("it is counted as gone", || running.counted("segue_connections{door=\"http\"}") == 0);
}

#[test]
fn an_idle_connection_is_closed() {
    let running = start_with(|config| config.http.header_read_timeout = Duration::from_millis(50));
    // On a busy machine a connection may be idle for so long before it has asked.
    until("a connection that was served is closed", || {
        let mut http = running.http();
        let served = http.try_get("/version").is_some_and(|reply| reply.status == 200);
        http.wait_closed();
        served
    });
}

/// A head above its limit is refused by the protocol itself, and takes no other connection along.
#[test]
fn a_head_that_is_too_large_is_refused() {
    let running = start();
    let (mut http, mut other) = (running.http(), running.http());
    // It may be refused before all of it is sent.
    let _ = http.try_send(format!("GET /version HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(256 * 1024)));
    assert_eq!(http.receive().status, 431);
    assert_eq!(other.get("/version").status, 200);
}

#[test]
fn what_is_not_http_is_refused() {
    let running = start();
    let mut http = running.http();
    http.send("HELO segue\r\n\r\n");
    assert_eq!(http.receive().status, 400);
    http.wait_closed();
    let mut other = running.http();
    other.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    other.wait_closed();
}

/// Past the limit a connection waits, and is served once another has gone.
#[test]
fn a_connection_too_many_waits_its_turn() {
    let running = start_with(|config| config.http.connections_max = 1);
    let (mut first, mut second) = (running.http(), running.http());
    assert_eq!(first.get("/version").status, 200);
    second.send(request("GET", "/version", ""));
    assert!(!second.is_closed_within(Duration::from_millis(20)));
    assert_eq!(first.get("/version").status, 200, "the first is still served");
    assert_eq!(running.counted("segue_connections{door=\"http\"}"), 1);
    drop(first);
    assert_eq!(second.receive().status, 200);
}
