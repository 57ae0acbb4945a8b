//! Who answers a history that the table does not hold, and that every door and call says the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use segue::answer::{LADDER, Source};
use segue::config::{MissingModel, Rung};
use segue::model::worker::EngineCompute;
use segue::wire::json::{AnswerBody, BatchAnswerBody};
use segue::wire::proto::v1;
use serde_json::json;

use crate::site::{RUNGS, Site, UNSEEN, check_degraded, of_source, question};
use crate::support::service::until;
use crate::support::spoken::{message, path, retold};
use crate::support::vectors::ask;

/// Novel clusters, all that are not in the history: the model ranks three of six, and the rest is topped up.
#[test]
fn the_model_answers_and_every_door_gives_its_answer() {
    let site = Site::new();
    let (mut http, grpc) = (site.running.http(), site.running.grpc());
    let answer: AnswerBody = http.post("/next-clusters", &question(UNSEEN, 5)).json(200);
    assert_eq!((answer.source, answer.matched.as_slice(), &answer.degraded), (Source::Model, UNSEEN, &None));
    assert_eq!(of_source(&answer, Source::Model), site.expected("one", UNSEEN, 3));
    assert_eq!(of_source(&answer, Source::Suffix).len(), 1, "{answer:?}");
    assert_eq!(answer.model, Some(site.models[0].to_string()));
    let asked = ask(UNSEEN, 5);
    assert_eq!(http.get(&path(&asked)).json::<AnswerBody>(200), answer);
    assert_eq!(retold(grpc.next_clusters(message(&asked)).expect("it is answered")), answer);
    assert_eq!(batch_over_http(&site, &[UNSEEN]), std::slice::from_ref(&answer));
    assert_eq!(batch_over_grpc(&site, &[UNSEEN]), std::slice::from_ref(&answer));
    assert_eq!(stream(&site, &[UNSEEN]), [answer]);
}

#[test]
fn a_batch_and_a_stream_mix_what_the_table_holds_with_what_it_does_not() {
    let site = Site::new();
    let histories: [&[u32]; 6] = [UNSEEN, &[10, 20], &[60], &[], &[999], &[30, 60, 50]];
    let batch = batch_over_http(&site, &histories);
    let sources: Vec<_> = batch.iter().map(|answer| answer.source).collect();
    use Source::{Model, Popular, Table};
    assert_eq!(sources, [Model, Table, Model, Popular, Popular, Model]);
    for (answer, history) in batch.iter().zip(histories).filter(|(answer, _)| answer.source == Model) {
        assert_eq!(of_source(answer, Model), site.expected("one", history, of_source(answer, Model).len()));
        assert_eq!(answer.matched, history);
    }
    assert_eq!(batch_over_grpc(&site, &histories), batch);
    assert_eq!(stream(&site, &histories), batch);
}

/// The last known clusters, each once, as many as the model reads: six.
#[test]
fn the_model_reads_the_last_distinct_known_clusters() {
    let site = Site::new();
    let mut http = site.running.http();
    for (history, read) in
        [(&[20, 60, 999, 30, 20, 7][..], &[60, 30, 20][..]), (&[30, 30, 60], &[30, 60]), (&[999, 60], &[60])]
    {
        let answer: AnswerBody = http.post("/next-clusters", &question(history, 1)).json(200);
        assert_eq!((answer.source, answer.matched.as_slice()), (Source::Model, read), "{history:?}");
        assert_eq!(of_source(&answer, Source::Model), site.expected("one", read, 1), "{history:?}");
    }
}

/// What the question excludes makes room; a model that has nothing left to offer leaves the answer to the next rung.
#[test]
fn filters_hold_for_the_model_too() {
    let site = Site::new();
    let mut http = site.running.http();
    let all = site.expected("one", UNSEEN, 3);
    let mut excluding = question(UNSEEN, 2);
    excluding.exclude = vec![all[0].0];
    let answer: AnswerBody = http.post("/next-clusters", &excluding).json(200);
    assert_eq!(of_source(&answer, Source::Model), all[1..]);
    excluding.exclude = all.iter().map(|&(cluster, _)| cluster).collect();
    let answer: AnswerBody = http.post("/next-clusters", &excluding).json(200);
    assert_eq!((answer.source, answer.degraded), (Source::Suffix, None));
}

#[test]
fn the_order_of_the_rungs_decides_who_is_asked() {
    let rows: &[(&[Rung], &[u32], Source)] = &[
        (&[Rung::Table, Rung::Suffix, Rung::Model, Rung::Popular], UNSEEN, Source::Suffix),
        (&[Rung::Table, Rung::Suffix, Rung::Model, Rung::Popular], &[60], Source::Model),
        (&[Rung::Model, Rung::Table, Rung::Popular], &[10, 20], Source::Model),
        (&[Rung::Table, Rung::Popular], UNSEEN, Source::Popular),
        (&[Rung::Table, Rung::Popular, Rung::Model], UNSEEN, Source::Popular),
    ];
    for (rungs, history, source) in rows {
        let site = Site::computing(Arc::new(EngineCompute), |config| {
            config.answer.rungs = rungs.to_vec();
        });
        let answer: AnswerBody = site.running.http().post("/next-clusters", &question(history, 1)).json(200);
        assert_eq!((answer.source, answer.degraded), (*source, None), "{rungs:?}");
        assert_eq!(batch_over_http(&site, &[history])[0].source, *source, "{rungs:?}");
    }
}

/// A release that names no model is whole without one; one whose model is not there says so.
#[test]
fn a_model_that_is_missing_degrades_and_one_that_was_never_named_does_not() {
    let site = Site::computing(Arc::new(EngineCompute), |config| {
        config.model.missing = MissingModel::Serve;
    });
    site.running.follow("plain");
    let mut http = site.running.http();
    let plain: AnswerBody = http.post("/next-clusters", &question(UNSEEN, 1)).json(200);
    assert_eq!((plain.source, plain.degraded), (Source::Suffix, None));
    std::fs::remove_dir_all(site.running.store.model_path(&site.models[1])).expect("it is there");
    site.running.follow("two");
    check_degraded(&http.post("/next-clusters", &question(UNSEEN, 1)).json(200), "model_missing");
    check_degraded(&batch_over_http(&site, &[UNSEEN])[0], "model_missing");
    check_degraded(&batch_over_grpc(&site, &[UNSEEN])[0], "model_missing");
    let counted = |door| format!("segue_degraded_total{{door=\"{door}\",reason=\"model_missing\"}}");
    assert_eq!((site.running.counted(&counted("http")), site.running.counted(&counted("grpc"))), (2, 1));
    assert_eq!(site.running.counted("segue_model_asked_total"), 0);
}

/// Whatever is swapped meanwhile, an answer is of one release: its versions, its model's scores.
#[test]
fn an_answer_is_of_one_release_while_models_are_swapped() {
    let site = Site::computing(Arc::new(EngineCompute), |config| {
        // So that the model is asked again and again.
        config.model.memo_max = 1;
    });
    let histories: [&[u32]; 3] = [UNSEEN, &[60], &[30, 60, 50]];
    let expected = ["one", "two"].map(|release| histories.map(|history| site.expected(release, history, 1)));
    assert_ne!(expected[0], expected[1], "the models must differ for this to show anything");
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut seen = [0; 2];
            while !over.load(Ordering::Relaxed) {
                let batch = batch_over_http(&site, &histories);
                let of = usize::from(batch[0].release == "two");
                for (answer, expected) in batch.iter().zip(&expected[of]) {
                    assert_eq!(
                        (&answer.release, &of_source(answer, Source::Model)[..1]),
                        (&batch[0].release, &expected[..])
                    );
                    assert_eq!(answer.model, Some(site.models[of].to_string()));
                }
                seen[of] += 1;
            }
            seen
        });
        let moving = scope.spawn(|| (0..60).for_each(|step| drop(site.running.follow(["two", "one"][step % 2]))));
        let moved = moving.join();
        over.store(true, Ordering::Relaxed);
        let seen = asking.join().expect("every answer is right");
        moved.expect("every move is followed");
        assert!(seen.iter().all(|&count| count > 0), "{seen:?}");
    });
}

#[test]
fn what_is_asked_and_answered_is_counted() {
    let site = Site::new();
    let mut http = site.running.http();
    for history in [UNSEEN, UNSEEN, &[60]] {
        http.post("/next-clusters", &question(history, 1)).json::<AnswerBody>(200);
    }
    http.post("/next-clusters", &question(&[10, 20], 1)).json::<AnswerBody>(200);
    let counted = |name: &str| site.running.counted(name);
    assert_eq!((counted("segue_model_asked_total"), counted("segue_model_answered_total")), (3, 3));
    assert_eq!((counted("segue_memo_hits_total"), counted("segue_memo_entries")), (1, 2));
    assert_eq!(counted("segue_answers_total{door=\"http\",source=\"model\"}"), 3);
    assert_eq!((counted("segue_model_breaker_state"), counted("segue_model_queue_length")), (0, 0));
    until("both computations are counted", || counted("segue_model_batch_size_count") == 2);
    let info = format!("segue_model_info{{model=\"{}\",precision=\"full\",kernel=\"", site.models[0]);
    assert!(site.running.service.metrics().render().contains(&info));
    site.running.follow("plain");
    assert!(!site.running.service.metrics().render().contains("segue_model_info{"));
}

/// A refresh can learn from all that the table did not hold, by whichever door it came and whoever answered.
#[test]
fn every_history_that_the_table_does_not_hold_is_noted() {
    for rungs in [&RUNGS[..], &LADDER] {
        let site = Site::computing(Arc::new(EngineCompute), |config| {
            config.answer.rungs = rungs.to_vec();
            config.unseen.flush = std::time::Duration::from_secs(3600);
        });
        let histories: [&[u32]; 4] = [UNSEEN, &[10, 20], &[999], &[]];
        for history in histories {
            site.running.http().post("/next-clusters", &question(history, 1)).json::<AnswerBody>(200);
        }
        site.running.grpc().next_clusters(message(&ask(UNSEEN, 1))).expect("it is answered");
        batch_over_http(&site, &histories);
        batch_over_grpc(&site, &histories);
        stream(&site, &histories);
        let noted = site.running.service.unseen().current(None);
        let noted: Vec<_> = noted.rows.iter().map(|row| (row.history.as_slice(), row.count)).collect();
        assert_eq!(noted, [(UNSEEN, 5)], "{rungs:?}");
    }
}

fn batch_over_http(site: &Site, histories: &[&[u32]]) -> Vec<AnswerBody> {
    let questions: Vec<_> = histories.iter().map(|history| question(history, 5)).collect();
    let batch: BatchAnswerBody =
        site.running.http().post("/next-clusters/batch", &json!({ "requests": questions })).json(200);
    batch.results.into_iter().map(|result| result.answer.expect("every item is answered")).collect()
}

fn batch_over_grpc(site: &Site, histories: &[&[u32]]) -> Vec<AnswerBody> {
    let grpc = site.running.grpc();
    let requests = histories.iter().map(|history| message(&ask(history, 5))).collect();
    let batch = v1::BatchNextClustersRequest { requests, timeout_ms: None };
    let reply = grpc.wait(grpc.client.clone().batch_next_clusters(batch)).expect("it is answered").into_inner();
    reply.results.into_iter().map(|result| told(result, reply.versions.clone())).collect()
}

fn stream(site: &Site, histories: &[&[u32]]) -> Vec<AnswerBody> {
    let grpc = site.running.grpc();
    let request = |history: &&[u32]| v1::StreamNextClustersRequest { request: Some(message(&ask(history, 5))) };
    let requests: Vec<_> = histories.iter().map(request).collect();
    let replies = grpc.wait(async {
        let asked = grpc.client.clone().stream_next_clusters(tokio_stream::iter(requests)).await;
        let mut replies = asked.expect("it is taken").into_inner();
        let mut all = Vec::new();
        while let Some(reply) = replies.message().await.expect("it goes on") {
            all.push(reply);
        }
        all
    });
    replies.into_iter().map(|reply| told(reply.result.expect("a result"), reply.versions)).collect()
}

fn told(result: v1::Result, versions: Option<v1::Versions>) -> AnswerBody {
    match result.outcome {
        Some(v1::result::Outcome::Answer(answer)) => {
            retold(v1::NextClustersResponse { answer: Some(answer), versions })
        }
        other => panic!("expected an answer, got {other:?}"),
    }
}
