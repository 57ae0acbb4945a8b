//! The gRPC door: decode, ask, encode. It decides nothing about answers.
//!
//! The service's own calls go straight to it; health and reflection, which are rare, go through a router. Around every
//! call stands the guard, which bounds its time and counts it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::service::Routes;

use crate::config;
use crate::listen::{Connection, Peer, Protocol, Stream};
use crate::metrics::{Call, Door, DoorMetrics, Metrics};
use crate::room::Room;

mod calls;
mod guard;
mod health;
mod list;
mod reflect;
mod status;
mod stream;
mod timeout;

use calls::Calls;
use guard::Guard;
use health::Health;

/// How long a peer may take to answer a ping before it is taken for dead.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// gRPC on the connections of this door.
pub struct GrpcProtocol {
    counters: Vec<Arc<Counter>>,
    builder: http2::Builder<TokioExecutor>,
}

/// What one worker's connections share.
struct Counter {
    service: Guard,
    rest: Routes,
    metrics: Arc<DoorMetrics>,
}

impl GrpcProtocol {
    /// Prepares one counter for each of `workers`, so that workers share no cache line that every request writes.
    pub fn new(room: &Arc<Room>, metrics: &Metrics, workers: usize, config: &config::Grpc) -> Self {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(u32::try_from(config.streams_max).unwrap_or(u32::MAX))
            .keep_alive_interval(config.keepalive_interval)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            // No gRPC client reads it.
            .auto_date_header(false);
        let counter = |_| Arc::new(Counter::new(room, metrics.door(Door::Grpc), config));
        Self { counters: (0..workers).map(counter).collect(), builder }
    }
}

impl Protocol for GrpcProtocol {
    const SPOKEN: &'static [&'static [u8]] = &[b"h2"];

    fn serve<S: Stream>(&self, io: TokioIo<S>, _peer: Peer, worker: usize) -> impl Connection {
        let counter = self.counters[worker].clone();
        let connected = counter.metrics.connected();
        let service = service_fn(move |request| {
            let (counter, _) = (counter.clone(), &connected);
            async move { Ok::<_, Infallible>(counter.dispatch(request).await) }
        });
        self.builder.serve_connection(io, service)
    }
}

impl Counter {
    fn new(room: &Arc<Room>, metrics: Arc<DoorMetrics>, config: &config::Grpc) -> Self {
        let calls = Calls { room: room.clone(), metrics: metrics.clone() };
        let health = Routes::new(Health::new(room.clone()).into_server());
        let rest = reflect::add_to(health, room.drain()).prepare();
        Self { service: Guard::new(calls, config.message_bytes_max), rest, metrics }
    }

    async fn dispatch(&self, request: Request<Incoming>) -> Response<Body> {
        if request.uri().path().split('/').nth(1) == Some(Guard::SERVICE) {
            return self.service.call(request).await;
        }
        match self.rest.clone().call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
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
