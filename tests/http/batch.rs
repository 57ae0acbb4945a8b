//! Batches: a status for each item, one time and one release for all.

use segue::wire::json::{AnswerBody, BatchAnswerBody};
use serde_json::json;

use crate::support::caller::head;
use crate::support::service::{start, start_with, until};
use crate::support::spoken::body;
use crate::support::vectors::{ask, refusals};

/// A bad question spoils only itself, and is told what it alone would have been told. A batch has one time for all, so
/// a question's own is not read.
#[test]
fn a_batch_refuses_item_by_item() {
    let running = start();
    let mut http = running.http();
    let good = body(&ask(&[10, 20], 1));
    for refusal in refusals().iter().filter(|refusal| refusal.question.timeout_ms.is_none()) {
        let bad = body(&refusal.question);
        let batch: BatchAnswerBody =
            http.post("/next-clusters/batch", &json!({ "requests": [&good, &bad, &good] })).json(200);
        assert_eq!(batch.results.iter().map(|result| result.status).collect::<Vec<_>>(), [200, 400, 200]);
        assert!(batch.results[0].answer.is_some() && batch.results[1].answer.is_none());
        assert_eq!(batch.results[0], batch.results[2]);
        assert_eq!(batch.results[1].error, Some(http.post("/next-clusters", &bad).json(400)), "{}", refusal.about);
    }
}

#[test]
fn an_empty_batch_is_answered() {
    let batch: BatchAnswerBody = start().http().post("/next-clusters/batch", &json!({ "requests": [] })).json(200);
    assert_eq!(batch.results, []);
}

#[test]
fn a_batch_costs_its_size() {
    let running = start_with(|config| config.request.in_flight_max = 4);
    let (mut slow, mut http) = (running.http(), running.http());
    let of = |count| json!({ "requests": vec![body(&ask(&[10], 1)); count] });
    http.post("/next-clusters/batch", &of(4)).json::<BatchAnswerBody>(200);
    slow.send(head("/next-clusters", 2));
    until("the slow request has its place", || http.post("/next-clusters/batch", &of(4)).status == 429);
    assert_eq!(http.post("/next-clusters/batch", &of(4)).header("retry-after"), Some("1"));
    http.post("/next-clusters/batch", &of(3)).json::<BatchAnswerBody>(200);
    slow.send("{}");
    slow.receive().json::<AnswerBody>(200);
    until("its place is free again", || http.post("/next-clusters/batch", &of(4)).status == 200);
}

#[test]
fn a_batch_is_refused_whole_where_the_whole_is_wrong() {
    let running = start();
    let mut http = running.http();
    let question = body(&ask(&[10], 1));
    let said =
        http.post("/next-clusters/batch", &json!({ "requests": vec![&question; 7] })).problem(400, "invalid_request");
    assert!(said.starts_with("`requests` holds 7 entries, at most 6"), "{said}");
    let late = http.post("/next-clusters/batch", &json!({ "requests": [&question], "timeout_ms": 0 }));
    assert!(late.problem(504, "deadline_exceeded").starts_with("the deadline of 0 ms"));
    http.post("/next-clusters/batch", &json!({ "requests": [&question], "colour": 1 })).problem(400, "invalid_request");
    for shapeless in [json!([[]]), json!({ "requests": [[]] })] {
        let said = http.post("/next-clusters/batch", &shapeless).problem(400, "invalid_request");
        assert!(said.contains("invalid type: sequence, expected an object"), "{said}");
    }
}
