//! The service's calls: each decodes, asks the [`Room`] and encodes, and decides nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming, async_trait};

use super::list::Listing;
use super::status::refuse;
use super::stream::Replies;
use super::timeout;
use crate::answer::Answerer;
use crate::ask::Question;
use crate::error::Error;
use crate::metrics::DoorMetrics;
use crate::room::{Answering, Room};
use crate::snapshot::release::Release;
use crate::wire::proto::v1::next_clusters_service_server::NextClustersService;
use crate::wire::proto::{self, Names, v1};

/// The service's calls.
#[derive(Clone)]
pub(crate) struct Calls {
    pub(super) room: Arc<Room>,
    pub(super) metrics: Arc<DoorMetrics>,
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
        let answering = self.next(&metadata, message).map_err(refuse)?;
        Ok(Response::new(answering.end().await))
    }

    async fn batch_next_clusters(
        &self,
        request: Request<v1::BatchNextClustersRequest>,
    ) -> Result<Response<v1::BatchNextClustersResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        let answering = self.batch(&metadata, message).map_err(refuse)?;
        Ok(Response::new(answering.end().await))
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
        request: Request<v1::ListClustersRequest>,
    ) -> Result<Response<tokio_stream::Iter<Listing>>, Status> {
        let listing = self.read(request.metadata(), |release| Ok(Listing::of(release, self.room.clone())));
        listing.map(tokio_stream::iter).map(Response::new).map_err(refuse)
    }

    async fn get_cluster(
        &self,
        request: Request<v1::GetClusterRequest>,
    ) -> Result<Response<v1::GetClusterResponse>, Status> {
        let id = request.get_ref().id;
        self.read(request.metadata(), |release| cluster(release, id)).map(Response::new).map_err(refuse)
    }

    async fn get_version(
        &self,
        request: Request<v1::GetVersionRequest>,
    ) -> Result<Response<v1::GetVersionResponse>, Status> {
        self.read(request.metadata(), |release| Ok(proto::version(release))).map(Response::new).map_err(refuse)
    }
}

impl Calls {
    fn next(
        &self,
        metadata: &MetadataMap,
        message: v1::NextClustersRequest,
    ) -> Result<Answering<'static, v1::NextClustersResponse>, Error> {
        let started = Instant::now();
        self.answer(message, started, timeout::of(metadata.as_ref())?)
    }

    /// Answers one question that came at `started`, on its own or in a stream.
    pub(super) fn answer(
        &self,
        message: v1::NextClustersRequest,
        started: Instant,
        timeout: Option<Duration>,
    ) -> Result<Answering<'static, v1::NextClustersResponse>, Error> {
        let permit = self.room.admit(1)?;
        let deadline = self.room.deadline(started, timeout::smaller(timeout, message.timeout_ms));
        deadline.check()?;
        let (names, metrics) = (Names::of(message.names), self.metrics.clone());
        let ask = self.room.check(Question::from(message))?;
        self.room.answer(ask, deadline, move |answer| {
            let _held_until_now = permit;
            metrics.gave(answer);
            proto::response(answer, names)
        })
    }

    fn batch(
        &self,
        metadata: &MetadataMap,
        message: v1::BatchNextClustersRequest,
    ) -> Result<Answering<'static, v1::BatchNextClustersResponse>, Error> {
        let started = Instant::now();
        let mut permit = self.room.admit(1)?;
        self.room.limits().check_batch(&message.requests)?;
        permit.raise(message.requests.len())?;
        let timeout = timeout::smaller(timeout::of(metadata.as_ref())?, message.timeout_ms);
        let deadline = self.room.deadline(started, timeout);
        deadline.check()?;
        let asks = message.requests.into_iter().map(|request| self.room.check(request.into())).collect();
        let metrics = self.metrics.clone();
        self.room.answer_all(asks, deadline, move |answerer| {
            let _held_until_now = permit;
            let result = |position| match deadline.check() {
                Ok(()) => proto::result(item(answerer, position, &metrics)),
                Err(late) => proto::result(Err(&late)),
            };
            let results = (0..answerer.asks().len()).map(result).collect();
            v1::BatchNextClustersResponse { results, versions: Some(proto::versions(answerer.release())) }
        })
    }

    /// Admits a call and reads the release that serves.
    fn read<R>(&self, metadata: &MetadataMap, read: impl FnOnce(&Release) -> Result<R, Error>) -> Result<R, Error> {
        let started = Instant::now();
        let _permit = self.room.admit(1)?;
        self.room.deadline(started, timeout::of(metadata.as_ref())?).check()?;
        self.room.release(read)?
    }
}

fn item<'a>(answerer: &Answerer<'a>, position: usize, metrics: &DoorMetrics) -> Result<v1::Answer, &'a Error> {
    let (answer, ask) = answerer.answer(position)?;
    metrics.gave(&answer);
    Ok(proto::answer(&answer, Names::of(ask.names)))
}

fn cluster(release: &Release, id: u32) -> Result<v1::GetClusterResponse, Error> {
    let cluster = release.catalogue().cluster(id).ok_or(Error::ClusterUnknown { id })?;
    Ok(v1::GetClusterResponse { cluster: Some(proto::cluster(cluster)), versions: Some(proto::versions(release)) })
}
