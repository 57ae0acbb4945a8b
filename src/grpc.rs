//! The gRPC door: decodes, asks the [`Room`], encodes; it must never decide anything itself.
//!
//! [`routes`] puts together what is served. Around every call stands the guard, which bounds its time and counts it.

use std::sync::Arc;
use std::time::Instant;

use tonic::metadata::MetadataMap;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming, async_trait};

use crate::admit::Deadline;
use crate::answer::{Answer, Answerer};
use crate::ask::Question;
use crate::config;
use crate::error::Error;
use crate::metrics::{Call, DoorMetrics};
use crate::room::Room;
use crate::wire::proto::v1::next_clusters_service_server::{NextClustersService, NextClustersServiceServer};
use crate::wire::proto::{self, Names, v1};

mod guard;
mod health;
mod list;
mod reflect;
mod status;
mod stream;
mod timeout;

pub use health::Health;

use guard::Guard;
use list::Listing;
use status::refuse;
use stream::Replies;

/// What one worker serves: the service, its health and its reflection. Made once for each worker, with that worker's own
/// metrics.
pub fn routes(room: Arc<Room>, metrics: Arc<DoorMetrics>, config: &config::Grpc, health: Health) -> Routes {
    let calls = Arc::new(Calls { room: room.clone(), metrics: metrics.clone() });
    let service = NextClustersServiceServer::from_arc(calls).max_decoding_message_size(config.message_bytes_max);
    let routes = Routes::new(Guard::new(service, room.clone(), metrics)).add_service(health.into_server());
    reflect::add_to(routes, room.drain()).prepare()
}

/// The service's calls.
#[derive(Clone)]
pub(crate) struct Calls {
    room: Arc<Room>,
    metrics: Arc<DoorMetrics>,
}

#[async_trait]
impl NextClustersService for Calls {
    type StreamNextClustersStream = Replies;
    type ListClustersStream = tokio_stream::Iter<Listing>;

    async fn next_clusters(
        &self,
        request: Request<v1::NextClustersRequest>,
    ) -> Result<Response<v1::NextClustersResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        self.next(&metadata, message).map(Response::new).map_err(refuse)
    }

    async fn batch_next_clusters(
        &self,
        request: Request<v1::BatchNextClustersRequest>,
    ) -> Result<Response<v1::BatchNextClustersResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        self.batch(&metadata, message).map(Response::new).map_err(refuse)
    }

    async fn stream_next_clusters(
        &self,
        request: Request<Streaming<v1::StreamNextClustersRequest>>,
    ) -> Result<Response<Replies>, Status> {
        let (metadata, _, messages) = request.into_parts();
        let timeout = timeout::of(metadata.as_ref()).map_err(refuse)?;
        Ok(Response::new(Replies::new(self.clone(), messages, timeout)))
    }

    async fn list_clusters(
        &self,
        _request: Request<v1::ListClustersRequest>,
    ) -> Result<Response<tokio_stream::Iter<Listing>>, Status> {
        let listing = Listing::start(self.room.clone()).map_err(refuse)?;
        Ok(Response::new(tokio_stream::iter(listing)))
    }

    async fn get_cluster(
        &self,
        request: Request<v1::GetClusterRequest>,
    ) -> Result<Response<v1::GetClusterResponse>, Status> {
        self.cluster(request.get_ref().id).map(Response::new).map_err(refuse)
    }

    async fn get_version(
        &self,
        _request: Request<v1::GetVersionRequest>,
    ) -> Result<Response<v1::GetVersionResponse>, Status> {
        self.room.release(proto::version).map(Response::new).map_err(refuse)
    }
}

impl Calls {
    fn next(
        &self,
        metadata: &MetadataMap,
        message: v1::NextClustersRequest,
    ) -> Result<v1::NextClustersResponse, Error> {
        let _permit = self.room.admit(1)?;
        self.deadline(metadata, message.timeout_ms)?.check()?;
        let names = Names::of(message.names);
        let ask = self.room.check(Question::from(message))?;
        self.room.answer(&ask, |answer| {
            self.count(answer);
            proto::response(answer, names)
        })
    }

    fn batch(
        &self,
        metadata: &MetadataMap,
        message: v1::BatchNextClustersRequest,
    ) -> Result<v1::BatchNextClustersResponse, Error> {
        let mut permit = self.room.admit(1)?;
        self.room.limits().check_batch(&message.requests)?;
        permit.raise(message.requests.len())?;
        let deadline = self.deadline(metadata, message.timeout_ms)?;
        deadline.check()?;
        let reply = self.room.answer_all(|answerer| {
            let answer = |request| proto::result(self.item(answerer, request));
            let results = message.requests.into_iter().map(answer).collect();
            v1::BatchNextClustersResponse { results, versions: Some(proto::versions(answerer.release())) }
        })?;
        deadline.check().map(|()| reply)
    }

    fn item(&self, answerer: &Answerer<'_>, request: v1::NextClustersRequest) -> Result<v1::Answer, Error> {
        let names = Names::of(request.names);
        let ask = self.room.check(Question::from(request))?;
        let answer = answerer.answer(&ask);
        self.count(&answer);
        Ok(proto::answer(&answer, names))
    }

    fn cluster(&self, id: u32) -> Result<v1::GetClusterResponse, Error> {
        self.room.release(|release| {
            let cluster = release.catalogue().cluster(id).ok_or(Error::ClusterUnknown { id })?;
            Ok(v1::GetClusterResponse {
                cluster: Some(proto::cluster(cluster)),
                versions: Some(proto::versions(release)),
            })
        })?
    }

    /// The smaller of the call's own timeout and its message's.
    fn deadline(&self, metadata: &MetadataMap, timeout_ms: Option<u32>) -> Result<Deadline, Error> {
        let of_call = timeout::of(metadata.as_ref())?;
        Ok(self.room.deadline(Instant::now(), timeout::smaller(of_call, timeout_ms)))
    }

    fn count(&self, answer: &Answer<'_>) {
        self.metrics.answered(answer.source);
        if !answer.ignored.is_empty() {
            self.metrics.clusters_ignored(answer.ignored.len() as u64);
        }
    }
}

/// The calls, by the last part of their paths.
const CALLS: [(&str, Call); 6] = [
    ("NextClusters", Call::NextClusters),
    ("BatchNextClusters", Call::Batch),
    ("StreamNextClusters", Call::Stream),
    ("ListClusters", Call::Clusters),
    ("GetCluster", Call::Cluster),
    ("GetVersion", Call::Version),
];

/// The name and label of a path of the service. What a caller made up becomes neither.
fn call_of(path: &str) -> (&'static str, Call) {
    let method = path.rsplit('/').next();
    CALLS.into_iter().find(|(name, _)| Some(*name) == method).unwrap_or(("unmatched", Call::Unmatched))
}
