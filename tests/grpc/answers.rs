//! The shared vectors, through every call that answers.

use segue::answer::Source;
use segue::metrics::Watched;
use segue::snapshot::manifest::Manifest;
use segue::wire::proto::v1;

use crate::door::{Opened, message, open, soon};
use crate::support::release::{CLUSTERS, MODEL, VERSION};
use crate::support::vectors::{Vector, vectors};

fn source(source: Source) -> v1::Source {
    match source {
        Source::Table => v1::Source::Table,
        Source::Suffix => v1::Source::Suffix,
        Source::Model => v1::Source::Model,
        Source::Popular => v1::Source::Popular,
    }
}

fn expected(vector: &Vector) -> v1::Answer {
    let name = |cluster| CLUSTERS.iter().find(|(id, _)| *id == cluster).expect("a known cluster").1.to_owned();
    let candidate = |&(cluster, score, from): &(u32, f32, Source)| v1::Candidate {
        cluster,
        score,
        source: source(from).into(),
        name: vector.question.names.then(|| name(cluster)),
    };
    v1::Answer {
        candidates: vector.candidates.iter().map(candidate).collect(),
        source: source(vector.source).into(),
        matched: vector.matched.to_vec(),
        ignored: vector.ignored.to_vec(),
        degraded: None,
    }
}

fn versions(opened: &Opened) -> Option<v1::Versions> {
    let read = |manifest: &Manifest| v1::Versions {
        release: VERSION.to_owned(),
        snapshot: manifest.snapshot.to_string(),
        model: Some(MODEL.to_owned()),
        catalogue: manifest.catalogue.to_string(),
    };
    Some(opened.room.release(|release| read(release.manifest())).expect("a release is loaded"))
}

/// The answer of a result, where it has one.
pub(crate) fn answer(result: v1::Result) -> Option<v1::Answer> {
    match result.outcome {
        Some(v1::result::Outcome::Answer(answer)) => Some(answer),
        _ => None,
    }
}

#[tokio::test]
async fn a_call_gives_the_vectors() {
    let opened = open();
    let mut client = opened.client().await;
    for vector in vectors() {
        let reply = soon(client.next_clusters(message(&vector.question))).await.expect(vector.about).into_inner();
        assert_eq!(reply.answer, Some(expected(&vector)), "{}", vector.about);
        assert_eq!(reply.versions, versions(&opened), "{}", vector.about);
    }
    let answered = |source| opened.counted(&format!("segue_answers_total{{door=\"grpc\",source=\"{source}\"}}"));
    let of = |wanted: Source| vectors().iter().filter(|vector| vector.source == wanted).count() as u64;
    assert_eq!(
        [answered("table"), answered("suffix"), answered("popular")],
        [of(Source::Table), of(Source::Suffix), of(Source::Popular)]
    );
    assert_eq!(opened.counted("segue_clusters_ignored_total"), 3);
    let requests = "segue_requests_total{door=\"grpc\",call=\"next_clusters\",code=\"ok\"}";
    assert_eq!(opened.counted(requests), vectors().len() as u64);
}

#[tokio::test]
async fn a_batch_gives_the_vectors_in_order() {
    let opened = open();
    let mut client = opened.client().await;
    for vectors in vectors().chunks(6) {
        let requests = vectors.iter().map(|vector| message(&vector.question)).collect();
        let batch = v1::BatchNextClustersRequest { requests, timeout_ms: None };
        let reply = soon(client.batch_next_clusters(batch)).await.expect("a batch within its limits").into_inner();
        let got: Vec<_> = reply.results.into_iter().map(answer).collect();
        assert_eq!(got, vectors.iter().map(|vector| Some(expected(vector))).collect::<Vec<_>>());
        assert_eq!(reply.versions, versions(&opened));
    }
    assert_eq!(opened.room.in_flight(), 0);
}

#[tokio::test]
async fn a_stream_gives_the_vectors_in_order() {
    let opened = open();
    let mut client = opened.client().await;
    let ask = |vector: &Vector| v1::StreamNextClustersRequest { request: Some(message(&vector.question)) };
    let questions = tokio_stream::iter(vectors().iter().map(ask).collect::<Vec<_>>());
    let mut replies = soon(client.stream_next_clusters(questions)).await.expect("a stream").into_inner();
    for vector in vectors() {
        let reply = soon(replies.message()).await.expect(vector.about).expect(vector.about);
        assert_eq!(reply.result.and_then(answer), Some(expected(&vector)), "{}", vector.about);
        assert_eq!(reply.versions, versions(&opened), "{}", vector.about);
    }
    assert_eq!(soon(replies.message()).await.expect("a clean end"), None);
    let requests = "segue_requests_total{door=\"grpc\",call=\"stream\",code=\"ok\"}";
    assert_eq!(opened.counted(requests), vectors().len() as u64);
}

/// An empty batch is answered, and so is a question that says nothing.
#[tokio::test]
async fn empty_messages_are_answered() {
    let opened = open();
    let mut client = opened.client().await;
    let reply = soon(client.batch_next_clusters(v1::BatchNextClustersRequest::default())).await.expect("a batch");
    assert_eq!((reply.get_ref().results.len(), &reply.get_ref().versions), (0, &versions(&opened)));
    let question = tokio_stream::once(v1::StreamNextClustersRequest::default());
    let mut replies = soon(client.stream_next_clusters(question)).await.expect("a stream").into_inner();
    let reply = soon(replies.message()).await.expect("a reply").expect("a reply");
    let answer = reply.result.and_then(answer).expect("the popular list");
    assert_eq!(answer.source(), v1::Source::Popular);
}
