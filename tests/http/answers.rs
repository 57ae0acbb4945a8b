//! The shared vectors, asked in every way there is: all doors give one answer.

use segue::answer::Source;
use segue::wire::json::{AnswerBody, BatchAnswerBody, QuestionBody};

use crate::support::release::{self, VERSION};
use crate::support::service::{start, start_on};
use crate::support::spoken::{body, expected, message, path, retold};
use crate::support::vectors::{ask, vectors};

#[test]
fn both_doors_give_the_vectors() {
    let running = start();
    let (mut http, grpc) = (running.http(), running.grpc());
    for vector in vectors() {
        let posted: AnswerBody = http.post("/next-clusters", &body(&vector.question)).json(200);
        assert_eq!(posted, expected(&vector, &posted), "{}", vector.about);
        let got: AnswerBody = http.get(&path(&vector.question)).json(200);
        assert_eq!(got, posted, "{}", vector.about);
        let called = grpc.next_clusters(message(&vector.question)).expect(vector.about);
        assert_eq!(retold(called), posted, "{}", vector.about);
    }
}

#[test]
fn a_batch_gives_the_vectors_in_order() {
    let running = start();
    let mut http = running.http();
    for vectors in vectors().chunks(6) {
        let requests: Vec<QuestionBody> = vectors.iter().map(|vector| body(&vector.question)).collect();
        let batch: BatchAnswerBody =
            http.post("/next-clusters/batch", &serde_json::json!({ "requests": requests })).json(200);
        assert_eq!(batch.results.len(), vectors.len());
        for (vector, result) in vectors.iter().zip(batch.results) {
            let answer = result.answer.expect(vector.about);
            assert_eq!((result.status, &answer), (200, &expected(vector, &answer)), "{}", vector.about);
        }
    }
}

/// Every call stands under the version of the contract too, and only once.
#[test]
fn every_path_stands_under_v1() {
    let running = start();
    let mut http = running.http();
    for path in [
        "/next-clusters?history=10,20",
        "/clusters",
        "/clusters?after=10&limit=2",
        "/clusters/10",
        "/version",
        "/openapi.json",
        "/clusters/11",
        "/",
    ] {
        let (plain, prefixed) = (http.get(path), http.get(&format!("/v1{path}")));
        assert_eq!((plain.status, plain.text()), (prefixed.status, prefixed.text()), "{path}");
        http.get(&format!("/v1/v1{path}")).problem(404, "not_found");
    }
    let question = body(&ask(&[10, 20], 2));
    let (plain, prefixed) = (http.post("/next-clusters", &question), http.post("/v1/next-clusters", &question));
    assert_eq!(plain.json::<AnswerBody>(200), prefixed.json(200));
    let batch = serde_json::json!({ "requests": [question] });
    let plain = http.post("/next-clusters/batch", &batch);
    assert_eq!(plain.json::<BatchAnswerBody>(200), http.post("/v1/next-clusters/batch", &batch).json(200));
}

/// Names are anyone's text.
#[test]
fn names_are_escaped() {
    let names = ["say \"hi\"", "back\\slash", "line\nbreak\ttab", "nul\u{0}bell\u{7}", "</script>\u{2028}", "émoji 🍵"];
    let clusters: Vec<_> = (1..).zip(names).collect();
    let popular: Vec<_> = clusters.iter().map(|&(id, _)| (id, 0.2)).take(3).collect();
    let (last, rest) = clusters.split_at(3);
    let after: Vec<_> = rest.iter().map(|&(id, _)| (id, 0.4)).collect();
    let dir = tempfile::TempDir::new().expect("a temporary directory");
    release::publish(dir.path(), VERSION, &clusters, &[(&[], &popular), (&[last[0].0], &after)]);
    let running = start_on(dir, |_| {});
    running.follow(VERSION);
    let question = QuestionBody { names: true, ..body(&ask(&[1], 6)) };
    let mut http = running.http();
    let answer: AnswerBody = http.post("/next-clusters", &question).json(200);
    let told: Vec<_> = answer.candidates.iter().map(|found| (found.cluster, found.name.as_deref())).collect();
    assert_eq!(told, [4, 5, 6, 1, 2, 3].map(|id| (id, Some(names[id as usize - 1]))));
    let batch: BatchAnswerBody =
        http.post("/next-clusters/batch", &serde_json::json!({ "requests": [question] })).json(200);
    assert_eq!(batch.results[0].answer, Some(answer));
}

#[test]
fn answers_are_counted_by_source() {
    let running = start();
    let mut http = running.http();
    for vector in vectors() {
        http.post("/next-clusters", &body(&vector.question)).json::<AnswerBody>(200);
    }
    for source in [Source::Table, Source::Suffix, Source::Popular] {
        let asked = vectors().iter().filter(|vector| vector.source == source).count() as u64;
        let series = format!("segue_answers_total{{door=\"http\",source=\"{}\"}}", source.label());
        assert_eq!(running.counted(&series), asked, "{series}");
    }
    assert_eq!(running.counted("segue_clusters_ignored_total"), 3);
    assert_eq!(running.counted("segue_connections{door=\"http\"}"), 1);
}
