//! The whole of it over real sockets: a release is staged, tried on callers, and taken back or made current.

use std::time::Duration;

use segue::config::Config;
use segue::error::Code;
use segue::snapshot::live::{Lot, Seed};
use segue::snapshot::reload::Outcome;
use segue::wire::json::{AnswerBody, BatchAnswerBody, QuestionBody};
use segue::wire::proto::v1;
use tokio::sync::oneshot::Receiver;
use tokio_stream::StreamExt;

use crate::site::{OTHER_ROWS, share};
use crate::support::release::{CLUSTERS, ROWS, VERSION, publish_naming, version};
use crate::support::service::{GrpcCaller, Running, start_with, until};

/// A service with the release of the vectors, and `two` staged beside it.
fn staged(change: impl FnOnce(&mut Config)) -> Running {
    let running = start_with(change);
    publish_naming(running.dir(), ("two", None), CLUSTERS, OTHER_ROWS);
    done(running.service.reloader().stage(version("two")));
    running
}

#[track_caller]
fn done(coming: Receiver<Outcome>) {
    let outcome = coming.blocking_recv().expect("the reloader runs");
    assert!(outcome.result.is_ok(), "{outcome:?}");
}

fn canary(running: &Running, ratio: f64) {
    done(running.service.reloader().set_canary(version("two"), share(ratio)));
}

/// The release that answers a unit, where half of all callers are `two`'s.
fn expected(unit: &str) -> &'static str {
    let lot = Lot::of(unit.as_bytes(), Seed::of(&version("two")));
    if share(0.5).holds(lot) { "two" } else { VERSION }
}

fn body(unit: &str) -> QuestionBody {
    QuestionBody { history: vec![10], limit: Some(2), unit: Some(unit.to_owned()), ..QuestionBody::default() }
}

fn message(unit: &str) -> v1::NextClustersRequest {
    let unit = Some(unit.to_owned());
    v1::NextClustersRequest { history: vec![10], limit: Some(2), unit, ..v1::NextClustersRequest::default() }
}

/// The releases that a stream of questions is answered by.
fn streamed(grpc: &GrpcCaller, units: &[String]) -> Vec<String> {
    let asked: Vec<_> =
        units.iter().map(|unit| v1::StreamNextClustersRequest { request: Some(message(unit)) }).collect();
    grpc.wait(async {
        let call = grpc.client.clone().stream_next_clusters(tokio_stream::iter(asked)).await;
        let replies: Vec<_> = call.expect("a stream").into_inner().collect().await;
        replies.into_iter().map(|reply| reply.expect("a reply").versions.expect("an answer").release).collect()
    })
}

#[test]
fn both_doors_give_a_caller_the_same_release_however_it_asks() {
    let running = staged(|_| {});
    canary(&running, 0.5);
    let (mut http, grpc) = (running.http(), running.grpc());
    let units: Vec<String> = (0..20).map(|user| format!("user {user} é")).collect();
    for unit in &units {
        let expected = expected(unit);
        let posted: AnswerBody = http.post("/next-clusters", &body(unit)).json(200);
        let second = if expected == "two" { 30 } else { 20 };
        let clusters: Vec<u32> = posted.candidates.iter().map(|candidate| candidate.cluster).collect();
        assert_eq!((posted.release.as_str(), clusters), (expected, vec![40, second]), "{unit}");
        let escaped = unit.replace(' ', "%20").replace('é', "%C3%A9");
        let got = http.get(&format!("/next-clusters?history=10&limit=2&unit={escaped}"));
        assert!(got.header("etag").expect("a tag").starts_with(&format!("\"{expected}.")), "{unit}");
        let batch: BatchAnswerBody =
            http.post("/next-clusters/batch", &serde_json::json!({ "requests": [body(unit), body("else")] })).json(200);
        let named = |of: &segue::wire::json::ResultBody| of.answer.as_ref().map(|answer| answer.release.clone());
        assert_eq!(batch.results.iter().filter_map(named).collect::<Vec<_>>(), [expected; 2], "{unit}");
        let said = grpc.next_clusters(message(unit)).expect("an answer");
        assert_eq!(said.versions.expect("its versions").release, expected, "{unit}");
    }
    assert_eq!(streamed(&grpc, &units), units.iter().map(|unit| expected(unit)).collect::<Vec<_>>());
}

#[test]
fn both_doors_refuse_a_unit_that_is_too_long() {
    let running = start_with(|config| config.request.unit_bytes_max = 8);
    let problem = running.http().post("/next-clusters", &body("123456789")).problem(400, "invalid_request");
    assert!(problem.contains("`unit` has 9 bytes, at most 8"), "{problem}");
    let status = running.grpc().next_clusters(message("123456789")).unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::InvalidRequest.grpc(), problem.as_str()));
    running.http().post("/next-clusters", &body("12345678")).json::<AnswerBody>(200);
}

/// `two` holds no pair, so that a quarter of the questions would be answered by less than before.
#[test]
fn a_canary_that_answers_worse_is_taken_back_and_never_serves_again() {
    let running = staged(|config| config.canary.check = Duration::from_millis(10));
    canary(&running, 0.5);
    let mut http = running.http();
    let ask = |http: &mut crate::support::caller::Caller, user: u32| -> AnswerBody {
        let question = QuestionBody { history: vec![10 + user % 2 * 30, 20], ..body(&format!("user-{user}")) };
        http.post("/next-clusters", &question).json(200)
    };
    let mut user = 0;
    until("it is taken back", || {
        user += 1;
        ask(&mut http, user);
        running.counted("segue_canary_aborts_total{reason=\"fallback\"}") == 1
    });
    (0..50).for_each(|user| assert_eq!(ask(&mut http, user).release, VERSION));
    until("it is quarantined", || running.store.state().expect("a state").quarantined.contains_key(&version("two")));
    let again = running.service.reloader().stage(version("two")).blocking_recv().expect("the reloader runs");
    assert_eq!(again.failure().map(|failure| failure.reason), Some("quarantined"), "{again:?}");
}

#[test]
fn a_canary_that_has_baked_becomes_the_one_that_serves() {
    let running = staged(|config| {
        config.canary.check = Duration::from_millis(10);
        (config.canary.promote, config.canary.bake_s, config.canary.samples_min) = (true, 0, 20);
    });
    publish_naming(running.dir(), ("same", None), CLUSTERS, ROWS);
    done(running.service.reloader().stage(version("same")));
    done(running.service.reloader().set_canary(version("same"), share(0.5)));
    let mut http = running.http();
    let mut user = 0;
    until("it is promoted", || {
        user += 1;
        http.post("/next-clusters", &body(&format!("user-{user}"))).json::<AnswerBody>(200);
        running.counted("segue_canary_promotions_total") == 1
    });
    let replies =
        (0..20).map(|user| http.post("/next-clusters", &body(&format!("user-{user}"))).json::<AnswerBody>(200));
    replies.for_each(|reply| assert_eq!(reply.release, "same"));
    assert_eq!(running.store.state().expect("a state").current, Some(version("same")));
}

#[test]
fn a_shadow_shows_in_the_figures_and_in_no_reply() {
    let running = staged(|_| {});
    done(running.service.reloader().set_shadow(version("two"), share(1.0)));
    let mut http = running.http();
    for user in 0..20 {
        let reply: AnswerBody = http.post("/next-clusters", &body(&format!("user-{user}"))).json(200);
        assert_eq!(reply.release, VERSION);
    }
    until("all are compared", || running.counted("segue_shadow_compared_total") == 20);
    assert_eq!(running.counted("segue_shadow_top1_agreed_total"), 20);
    assert_eq!(running.counted("segue_canary_answers_total{arm=\"current\",source=\"table\"}"), 0);
    done(running.service.reloader().end_trial());
    http.post("/next-clusters", &body("user-1")).json::<AnswerBody>(200);
    assert_eq!(running.counted("segue_shadow_sampled_total"), 20);
}
