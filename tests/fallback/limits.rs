//! Time, room in the queue, and callers who leave: every reply arrives in time, from the next rung if need be.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use segue::answer::Source;
use segue::wire::json::{AnswerBody, BatchAnswerBody, QuestionBody};
use serde_json::json;

use crate::puppet::{Deed, Strings, puppet};
use crate::site::{Site, UNSEEN, check_degraded, question};
use crate::support::caller::{PATIENCE, request};
use crate::support::service::until;
use crate::support::spoken::message;
use crate::support::vectors::ask;

/// Histories that end in 20 and that the table does not hold.
const OTHERS: [&[u32]; 3] = [&[30, 20], &[50, 20], &[60, 20]];

fn site(change: impl FnOnce(&mut segue::config::Config)) -> (Site, Strings) {
    let (puppet, strings) = puppet();
    (Site::computing(Arc::new(puppet), change), strings)
}

fn post(site: &Site, question: &QuestionBody) -> AnswerBody {
    site.running.http().post("/next-clusters", question).json(200)
}

/// The thread computes one question, another waits, and there is no room for a third.
#[test]
fn a_full_queue_sends_the_question_to_the_next_rung() {
    let (site, strings) = site(|config| config.model.queue_max = 1);
    thread::scope(|scope| {
        let first = scope.spawn(|| post(&site, &question(OTHERS[0], 1)));
        strings.begun();
        let second = scope.spawn(|| post(&site, &question(OTHERS[1], 1)));
        until("it waits", || site.running.counted("segue_model_queue_length") == 1);
        check_degraded(&post(&site, &question(UNSEEN, 1)), "model_saturated");
        let over_grpc = site.running.grpc().next_clusters(message(&ask(UNSEEN, 1))).expect("it is answered");
        assert_eq!(over_grpc.answer.and_then(|answer| answer.degraded).as_deref(), Some("model_saturated"));
        (0..2).for_each(|_| strings.end(Deed::Answer));
        for answered in [first, second] {
            assert_eq!(answered.join().expect("it is answered").source, Source::Model);
        }
    });
    assert_eq!(site.running.counted("segue_model_refused_total{reason=\"model_saturated\"}"), 2);
    assert_eq!(site.running.counted("segue_model_breaker_state"), 0, "no room is no failure");
}

/// A table's answer is never kept waiting by a model that does not end.
#[test]
fn the_table_answers_while_the_model_does_not() {
    let (site, strings) = site(|_| {});
    thread::scope(|scope| {
        scope.spawn(|| post(&site, &question(UNSEEN, 1)));
        strings.begun();
        for _ in 0..20 {
            assert_eq!(post(&site, &question(&[10, 20], 1)).source, Source::Table);
        }
        strings.end(Deed::Answer);
    });
}

/// Whether the time is the model's or the caller's own, the reply comes before the caller's is up.
#[test]
fn a_reply_arrives_within_its_time_whatever_the_model_does() {
    let own = |timeout_ms| QuestionBody { timeout_ms: Some(timeout_ms), ..question(UNSEEN, 1) };
    for (model_ms, asked) in [(20, question(UNSEEN, 1)), (20_000, own(1_000)), (1, own(1_000))] {
        let in_time = || {
            let (site, _strings) = site(|config| config.model.timeout = Duration::from_millis(model_ms));
            let started = Instant::now();
            let reply = site.running.http().post("/next-clusters", &asked);
            let in_time =
                reply.status != 504 && started.elapsed() < asked.timeout_ms.map_or(PATIENCE, Duration::from_millis);
            in_time.then(|| check_degraded(&reply.json(200), "model_timeout"));
            in_time
        };
        // A busy machine may be late with anything; a model that is waited for makes the reply late every time.
        assert!((0..5).any(|_| in_time()), "{model_ms} ms");
    }
}

/// Twenty times what the pool can take, while it computes nothing at all.
#[test]
fn saturated_every_caller_gets_its_reply_in_time() {
    const IN_TIME: Duration = Duration::from_secs(30);
    let (site, strings) = site(|config| {
        (config.model.queue_max, config.model.batch_max) = (2, 1);
        config.model.timeout = Duration::from_millis(100);
        config.model.breaker_failures = 1_000;
    });
    let asked = QuestionBody { timeout_ms: Some(30_000), ..question(UNSEEN, 1) };
    let reasons: Vec<String> = thread::scope(|scope| {
        let asking = |number: usize| {
            let history = [[10, 30, 40, 50, 60][number % 5], [10, 30, 40, 50, 60][number / 5 % 5], 20];
            let asked = QuestionBody { history: history.to_vec(), exclude: vec![], ..asked.clone() };
            let site = &site;
            scope.spawn(move || {
                let started = Instant::now();
                let answer = post(site, &asked);
                assert!(started.elapsed() < IN_TIME, "{:?}", started.elapsed());
                answer.degraded.unwrap_or_default()
            })
        };
        let askers: Vec<_> = (0..60).map(asking).collect();
        askers.into_iter().map(|asker| asker.join().expect("it is answered")).collect()
    });
    let count = |reason: &str| reasons.iter().filter(|told| *told == reason).count();
    assert!(count("model_saturated") > 0 && count("model_timeout") > 0, "{reasons:?}");
    assert_eq!(strings.count(), 1, "the rest was never begun");
}

/// A caller that hangs up takes its question back; one whose time is up does too.
#[test]
fn work_that_nobody_waits_for_is_dropped() {
    let (site, strings) = site(|_| {});
    thread::scope(|scope| {
        let first = scope.spawn(|| post(&site, &question(UNSEEN, 1)));
        let begun = strings.begun();
        let mut leaving = site.running.http();
        let asked = serde_json::to_string(&question(OTHERS[0], 1)).expect("it has a JSON form");
        leaving.send(request("POST", "/next-clusters", &asked));
        until("it waits", || site.running.counted("segue_model_queue_length") == 1);
        drop(leaving);
        until("it is gone", || site.running.counted("segue_requests_in_flight") == 1);
        let late = QuestionBody { timeout_ms: Some(300), ..question(OTHERS[1], 1) };
        let reply = site.running.http().post("/next-clusters", &late);
        // A busy machine may take from the reply what the model was not given.
        if reply.status != 504 {
            check_degraded(&reply.json(200), "model_timeout");
        }
        strings.end(Deed::Answer);
        assert_eq!((first.join().expect("it is answered").source, begun.len()), (Source::Model, 1));
    });
    until("both are dropped", || site.running.counted("segue_model_dropped_total") == 2);
    assert_eq!(strings.count(), 0);
}

/// All of a batch are in the queue before the first is waited for: the first is computed alone, as the thread was idle,
/// and the others together.
#[test]
fn the_questions_of_a_batch_are_computed_together() {
    let (site, strings) = site(|_| {});
    thread::scope(|scope| {
        let blocking = scope.spawn(|| post(&site, &question(UNSEEN, 1)));
        strings.begun();
        let batch = scope.spawn(|| {
            let questions: Vec<_> = OTHERS.iter().map(|history| question(history, 1)).collect();
            let batch: BatchAnswerBody =
                site.running.http().post("/next-clusters/batch", &json!({ "requests": questions })).json(200);
            batch.results.into_iter().map(|result| result.answer.expect("an answer").source).collect::<Vec<_>>()
        });
        until("they wait", || site.running.counted("segue_model_queue_length") == 3);
        (0..2).for_each(|_| strings.end(Deed::Answer));
        assert_eq!(strings.begun().len(), 3);
        assert_eq!(batch.join().expect("it is answered"), [Source::Model; 3]);
        blocking.join().expect("it is answered");
    });
}
