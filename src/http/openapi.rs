//! The OpenAPI 3.1 document of the HTTP door, from the types that it reads and writes.
//!
//! `proto/segue/v1/openapi.json` is this document, committed; a test compares the two, so that a change of the door
//! shows in a review.

use utoipa::openapi::OpenApi as Document;
use utoipa::{IntoParams, OpenApi};

use crate::snapshot::catalogue::Cluster;
use crate::wire::json::{AnswerBody, BatchAnswerBody, BatchBody, ClustersBody, ProblemBody, QuestionBody, VersionBody};

/// The document, as indented JSON ending with a line break.
pub fn json() -> String {
    let mut text = document().to_pretty_json().expect("the document is made of strings and numbers");
    text.push('\n');
    text
}

fn document() -> Document {
    Calls::openapi()
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
    post, path = "/next-clusters", request_body = QuestionBody,
    description = "The next clusters of a history. The header Request-Timeout (seconds, such as 0.050) or the field \
                   timeout_ms sets a deadline; the smaller holds.",
    responses(
        (status = 200, body = AnswerBody), (status = 400, body = ProblemBody), (status = 413, body = ProblemBody),
        (status = 415, body = ProblemBody), (status = 429, body = ProblemBody), (status = 503, body = ProblemBody),
        (status = 504, body = ProblemBody),
    )
)]
#[allow(dead_code, reason = "describes post_next_clusters, which is dispatched before the router")]
fn next_clusters_post() {}

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
}

#[utoipa::path(
    get, path = "/next-clusters", params(NextClustersQuery),
    description = "The same, for caches: the ETag changes when the answer does, and If-None-Match gets 304.",
    responses(
        (status = 200, body = AnswerBody), (status = 304, description = "The cached answer still holds."),
        (status = 400, body = ProblemBody), (status = 429, body = ProblemBody), (status = 503, body = ProblemBody),
        (status = 504, body = ProblemBody),
    )
)]
#[allow(dead_code, reason = "describes get_next_clusters, which is dispatched before the router")]
fn next_clusters_get() {}

#[utoipa::path(
    post, path = "/next-clusters/batch", request_body = BatchBody,
    description = "Many questions, answered from one release, each with a status of its own. A batch of n counts as n \
                   requests against the service's limit.",
    responses(
        (status = 200, body = BatchAnswerBody), (status = 400, body = ProblemBody), (status = 413, body = ProblemBody),
        (status = 415, body = ProblemBody), (status = 429, body = ProblemBody), (status = 503, body = ProblemBody),
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
    responses((status = 200, body = ClustersBody), (status = 400, body = ProblemBody), (status = 503, body = ProblemBody))
)]
#[allow(dead_code, reason = "describes the handler in routes.rs")]
fn clusters() {}

#[utoipa::path(
    get, path = "/clusters/{id}", params(("id" = u32, Path, description = "The cluster's id.")),
    description = "One cluster of the catalogue.",
    responses((status = 200, body = Cluster), (status = 404, body = ProblemBody), (status = 503, body = ProblemBody))
)]
#[allow(dead_code, reason = "describes the handler in routes.rs")]
fn cluster() {}

#[utoipa::path(
    get, path = "/version", description = "The service and the release that answers now.",
    responses((status = 200, body = VersionBody), (status = 503, body = ProblemBody))
)]
#[allow(dead_code, reason = "describes the handler in routes.rs")]
fn version() {}
