//! The calls that are not about one user: the catalogue, the versions and the OpenAPI document, by an axum router.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::reply::{Reply, finish};
use super::{Outcome, openapi};
use crate::error::Error;
use crate::metrics::{Call, DoorMetrics};
use crate::room::Room;
use crate::snapshot::catalogue::{Catalogue, Cluster};
use crate::snapshot::release::Release;
use crate::wire::json::{ClustersBody, VersionBody};

/// Clusters in a page at most: about a quarter of a megabyte.
const PAGE_CLUSTERS_MAX: usize = 1_000;

/// What a handler needs.
#[derive(Clone)]
struct Desk {
    room: Arc<Room>,
    metrics: Arc<DoorMetrics>,
}

/// The routes, each also under `/v1`.
pub(super) fn router(room: Arc<Room>, metrics: Arc<DoorMetrics>) -> Router {
    let routes = Router::new()
        .route("/clusters", get(clusters))
        .route("/clusters/{id}", get(cluster))
        .route("/version", get(version))
        .route("/openapi.json", get(document));
    Router::new()
        .merge(routes.clone())
        .nest("/v1", routes)
        .fallback(unmatched)
        .method_not_allowed_fallback(method_unknown)
        .with_state(Desk { room, metrics })
}

/// The page of the catalogue after a cluster.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    after: Option<u32>,
    limit: Option<usize>,
}

async fn clusters(
    State(desk): State<Desk>,
    page: Result<Query<Page>, axum::extract::rejection::QueryRejection>,
) -> Response {
    desk.read(Call::Clusters, |release| {
        let Query(page) = page.map_err(|error| Error::Malformed { reason: error.body_text() })?;
        to_json(&page_of(release, &page)?)
    })
}

async fn cluster(State(desk): State<Desk>, id: Result<Path<u32>, axum::extract::rejection::PathRejection>) -> Response {
    desk.read(Call::Cluster, |release| {
        let Path(id) = id.map_err(|error| Error::Malformed { reason: error.body_text() })?;
        to_json(release.catalogue().cluster(id).ok_or(Error::ClusterUnknown { id })?)
    })
}

async fn version(State(desk): State<Desk>) -> Response {
    desk.read(Call::Version, |release| to_json(&version_of(release)))
}

async fn document(State(desk): State<Desk>) -> Response {
    desk.finish(Call::Openapi, Instant::now(), Ok(Reply::json(openapi::json().into())))
}

async fn unmatched(State(desk): State<Desk>) -> Response {
    desk.finish(Call::Unmatched, Instant::now(), Err(Error::RouteUnknown))
}

async fn method_unknown(State(desk): State<Desk>) -> Response {
    desk.finish(Call::Unmatched, Instant::now(), Err(Error::MethodUnknown))
}

impl Desk {
    /// Admits a call, reads the release that serves, and replies.
    fn read(&self, call: Call, read: impl FnOnce(&Release) -> Outcome) -> Response {
        let started = Instant::now();
        let outcome = self.room.admit(1).and_then(|_permit| self.room.release(read)?);
        self.finish(call, started, outcome)
    }

    fn finish(&self, call: Call, started: Instant, outcome: Outcome) -> Response {
        finish(&self.metrics, call, started, outcome).map(axum::body::Body::new).into_response()
    }
}

fn to_json(body: &impl serde::Serialize) -> Outcome {
    serde_json::to_vec(body).map(Reply::json).map_err(|_| Error::Internal)
}

fn page_of(release: &Release, page: &Page) -> Result<ClustersBody, Error> {
    let max = PAGE_CLUSTERS_MAX;
    let limit = page.limit.unwrap_or(max);
    if !(1..=max).contains(&limit) {
        return Err(Error::LimitOutOfRange { max, got: limit as u64 });
    }
    let rest = after(release.catalogue(), page.after);
    let clusters = rest[..limit.min(rest.len())].to_vec();
    let next = clusters.last().filter(|_| rest.len() > limit).map(|cluster| cluster.id);
    Ok(ClustersBody { catalogue: release.manifest().catalogue.to_string(), clusters, next })
}

fn after(catalogue: &Catalogue, id: Option<u32>) -> &[Cluster] {
    let clusters = catalogue.clusters();
    let start = id.map_or(0, |id| clusters.partition_point(|cluster| cluster.id <= id));
    &clusters[start..]
}

fn version_of(release: &Release) -> VersionBody {
    let manifest = release.manifest();
    VersionBody {
        service: env!("CARGO_PKG_VERSION").to_owned(),
        release: manifest.version.to_string(),
        snapshot: manifest.snapshot.to_string(),
        model: manifest.model.as_ref().map(ToString::to_string),
        catalogue: manifest.catalogue.to_string(),
        depth: manifest.table.depth,
    }
}
