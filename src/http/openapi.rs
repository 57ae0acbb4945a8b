//! The OpenAPI 3.1 document of the HTTP door, from the types that it reads and writes.
//!
//! `proto/segue/v1/openapi.json` is this document, committed; a test compares the two, so that a change of the door
//! shows in a review.

use std::sync::LazyLock;

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::PathItem;
use utoipa::openapi::{OpenApi as Document, RefOr, Response};
use utoipa::{IntoParams, OpenApi};

use super::reply::{JSON, PROBLEM_JSON};
use crate::error::Code;
use crate::snapshot::catalogue::Cluster;
use crate::wire::json::{AnswerBody, BatchAnswerBody, BatchBody, ClustersBody, ProblemBody, QuestionBody, VersionBody};

/// The document, as indented JSON ending with a line break.
pub fn json() -> &'static str {
    // Made once: it is asked for without admission, and making it takes as long as a thousand answers.
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let mut text = document().to_pretty_json().expect("the document is made of strings and numbers");
        text.push('\n');
        text
    });
    &TEXT
}

fn document() -> Document {
    let mut document = Calls::openapi();
    for (status, response) in document.paths.paths.values_mut().flat_map(responses) {
        complete(status, response);
    }
    document
}

fn responses(path: &mut PathItem) -> impl Iterator<Item = (&String, &mut Response)> {
    let operations = [&mut path.get, &mut path.post].into_iter().flatten();
    let responses = operations.flat_map(|operation| &mut operation.responses.responses);
    responses.filter_map(|(status, response)| match response {
        RefOr::T(response) => Some((status, response)),
        RefOr::Ref(_) => None,
    })
}

/// Says what holds for every response of a status: what it means, its media type and its headers.
fn complete(status: &str, response: &mut Response) {
    let Some(code) = Code::ALL.into_iter().find(|code| code.http().as_str() == status) else { return };
    if response.description.is_empty() {
        response.description = format!("{}.", code.title());
    }
    if code.http().as_u16() >= 400 {
        let content = response.content.shift_remove(JSON);
        response.content.extend(content.map(|content| (PROBLEM_JSON.to_owned(), content)));
    }
    if matches!(code, Code::Overloaded | Code::Unavailable) {
        let header = HeaderBuilder::new().description(Some("Seconds to stay away."));
        response.headers.insert("Retry-After".to_owned(), header.build().into());
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Segue",
        description = "A user's next interest clusters, from a table of precomputed candidates. Every path also stands \
                       under /v1.",
    ),
    paths(next_clusters_post, next_clusters_get, next_clusters_batch, clusters, cluster, version)
)]
struct Calls;

#[utoipa::path(
    post, path = "/next-clusters", request_body = QuestionBody, params(RequestTimeout),
    description = "The next clusters of a history. The header Request-Timeout or the field timeout_ms sets a deadline; \
                   the smaller holds.",
    responses(
        (status = 200, body = AnswerBody), (status = 400, body = ProblemBody), (status = 408, body = ProblemBody),
        (status = 413, body = ProblemBody), (status = 415, body = ProblemBody), (status = 429, body = ProblemBody),
        (status = 503, body = ProblemBody), (status = 504, body = ProblemBody),
    )
)]
#[allow(dead_code, reason = "describes post_next_clusters, which is dispatched before the router")]
fn next_clusters_post() {}

/// The header of every call that asks for next clusters.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "describes the header, which is read from text")]
struct RequestTimeout {
    /// Seconds that the caller will wait, such as 0.050.
    #[param(rename = "Request-Timeout", minimum = 0.0)]
    request_timeout: Option<f64>,
}

/// The query of a GET.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the query, whose lists are read from text")]
struct NextClustersQuery {
    /// The user's recent cluster ids, oldest first, with commas between them.
    history: Option<String>,
    /// How many candidates are wanted.
    #[param(minimum = 1)]
    limit: Option<u64>,
    /// Cluster ids that must not come back, with commas between them.
    exclude: Option<String>,
    /// Novel clusters only.
    exclude_history: Option<bool>,
    /// Lowest score wanted, 0 to 1.
    #[param(minimum = 0.0, maximum = 1.0)]
    min_score: Option<f32>,
    /// Whether each candidate carries its cluster's name.
    names: Option<bool>,
    /// The caller's deadline in milliseconds.
    #[param(minimum = 1)]
    timeout_ms: Option<u64>,
    /// A key that stays the same for a user: while a release is tried on some callers, it says whether this is one.
    unit: Option<String>,
}

#[utoipa::path(
    get, path = "/next-clusters", params(NextClustersQuery, RequestTimeout),
    description = "The same, for caches: the ETag changes when the answer does, and If-None-Match gets 304.",
    responses(
        (status = 200, body = AnswerBody, headers(("ETag" = String, description = "Names this answer."))),
        (status = 304, description = "The cached answer still holds."),
        (status = 400, body = ProblemBody), (status = 429, body = ProblemBody), (status = 503, body = ProblemBody),
        (status = 504, body = ProblemBody),
    )
)]
#[allow(dead_code, reason = "describes get_next_clusters, which is dispatched before the router")]
fn next_clusters_get() {}

#[utoipa::path(
    post, path = "/next-clusters/batch", request_body = BatchBody, params(RequestTimeout),
    description = "Many questions, answered from one release, each with a status of its own. A batch of n counts as n \
                   requests against the service's limit.",
    responses(
        (status = 200, body = BatchAnswerBody), (status = 400, body = ProblemBody), (status = 408, body = ProblemBody),
        (status = 413, body = ProblemBody), (status = 415, body = ProblemBody), (status = 429, body = ProblemBody),
        (status = 503, body = ProblemBody), (status = 504, body = ProblemBody),
    )
)]
#[allow(dead_code, reason = "describes post_batch, which is dispatched before the router")]
fn next_clusters_batch() {}

/// The query of a page of the catalogue.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the query that routes.rs reads")]
struct PageQuery {
    /// Only clusters with a higher id.
    after: Option<u32>,
    /// Clusters in the page, at most 1,000.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
}

#[utoipa::path(
    get, path = "/clusters", params(PageQuery), description = "The catalogue, ascending by id, in pages.",
    responses(
        (status = 200, body = ClustersBody), (status = 400, body = ProblemBody), (status = 429, body = ProblemBody),
        (status = 503, body = ProblemBody),
    )
)]
#[allow(dead_code, reason = "describes the handler in routes.rs")]
fn clusters() {}

#[utoipa::path(
    get, path = "/clusters/{id}", params(("id" = u32, Path, description = "The cluster's id.")),
    description = "One cluster of the catalogue.",
    responses(
        (status = 200, body = Cluster), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 429, body = ProblemBody), (status = 503, body = ProblemBody),
    )
)]
#[allow(dead_code, reason = "describes the handler in routes.rs")]
fn cluster() {}

#[utoipa::path(
    get, path = "/version", description = "The service and the release that answers now.",
    responses(
        (status = 200, body = VersionBody), (status = 429, body = ProblemBody), (status = 503, body = ProblemBody),
    )
)]
#[allow(dead_code, reason = "describes the handler in routes.rs")]
fn version() {}
