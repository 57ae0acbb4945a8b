//! The vectors' questions and answers in the words of each door, so that what both say can be compared.

use segue::answer::Source;
use segue::ask::Question;
use segue::wire::json::{AnswerBody, CandidateBody, QuestionBody};
use segue::wire::proto::v1;

use super::release::{CLUSTERS, MODEL, VERSION};
use super::vectors::Vector;

/// A question as its message.
pub(crate) fn message(question: &Question) -> v1::NextClustersRequest {
    let narrow = |wide: Option<u64>| wide.map(|wide| u32::try_from(wide).expect("a small number"));
    v1::NextClustersRequest {
        history: question.history.clone(),
        limit: narrow(question.limit),
        exclude: question.exclude.clone(),
        exclude_history: question.exclude_history,
        min_score: question.min_score,
        names: question.names,
        timeout_ms: narrow(question.timeout_ms),
        unit: None,
    }
}

/// A question as its JSON.
pub(crate) fn body(question: &Question) -> QuestionBody {
    let Question { history, limit, exclude, exclude_history, min_score, names, timeout_ms, unit: _ } = question.clone();
    QuestionBody { history, limit, exclude, exclude_history, min_score, names, timeout_ms, unit: None }
}

/// A question as the path of a GET. What is absent is left out.
pub(crate) fn path(question: &Question) -> String {
    let list = |ids: &[u32]| ids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let mut path = format!("/next-clusters?history={}", list(&question.history));
    let mut add = |name: &str, value: Option<String>| {
        path.extend(value.map(|value| format!("&{name}={value}")));
    };
    add("limit", question.limit.map(|limit| limit.to_string()));
    add("exclude", Some(list(&question.exclude)).filter(|list| !list.is_empty()));
    add("exclude_history", question.exclude_history.then(|| "true".to_owned()));
    add("min_score", question.min_score.map(|score| score.to_string()));
    add("names", question.names.then(|| "true".to_owned()));
    add("timeout_ms", question.timeout_ms.map(|timeout| timeout.to_string()));
    path
}

/// A vector's answer as JSON tells it. The names of snapshot and catalogue follow from their bytes: they are `of`'s.
pub(crate) fn expected(vector: &Vector, of: &AnswerBody) -> AnswerBody {
    let name = |cluster| CLUSTERS.iter().find(|(id, _)| *id == cluster).expect("a known cluster").1.to_owned();
    let candidate = |&(cluster, score, source): &(u32, f32, Source)| CandidateBody {
        cluster,
        score: decimal(score),
        source,
        name: vector.question.names.then(|| name(cluster)),
    };
    AnswerBody {
        candidates: vector.candidates.iter().map(candidate).collect(),
        source: vector.source,
        matched: vector.matched.to_vec(),
        ignored: vector.ignored.to_vec(),
        degraded: None,
        release: VERSION.to_owned(),
        snapshot: of.snapshot.clone(),
        model: Some(MODEL.to_owned()),
        catalogue: of.catalogue.clone(),
    }
}

/// What the gRPC door said, as the HTTP door would have said it.
pub(crate) fn retold(reply: v1::NextClustersResponse) -> AnswerBody {
    let (answer, versions) = (reply.answer.expect("an answer"), reply.versions.expect("its versions"));
    let candidate = |candidate: &v1::Candidate| CandidateBody {
        cluster: candidate.cluster,
        score: decimal(candidate.score),
        source: source(candidate.source()),
        name: candidate.name.clone(),
    };
    AnswerBody {
        candidates: answer.candidates.iter().map(candidate).collect(),
        source: source(answer.source()),
        matched: answer.matched,
        ignored: answer.ignored,
        degraded: answer.degraded,
        release: versions.release,
        snapshot: versions.snapshot,
        model: versions.model,
        catalogue: versions.catalogue,
    }
}

fn source(source: v1::Source) -> Source {
    match source {
        v1::Source::Table => Source::Table,
        v1::Source::Suffix => Source::Suffix,
        v1::Source::Model => Source::Model,
        v1::Source::Popular => Source::Popular,
        v1::Source::Unspecified => panic!("every answer has a source"),
    }
}

/// A score as JSON shows it: to five decimals.
fn decimal(score: f32) -> f64 {
    (f64::from(score) * 1e5).round() / 1e5
}
