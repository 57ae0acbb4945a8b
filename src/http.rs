//! The HTTP door: decode, ask, encode. It decides nothing about answers.
//!
//! `/next-clusters` and its batch are dispatched before the router: routing, extractors and boxed bodies would add a
//! tenth to the processor time of a request whose whole work is a table lookup. Everything else is an axum router's.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tower::ServiceExt;
use tracing::Instrument;

use crate::admit::Deadline;
use crate::answer::{Answer, Answerer};
use crate::ask::Question;
use crate::config;
use crate::error::Error;
use crate::listen::{Connection, Peer, Protocol, Stream};
use crate::metrics::{Call, Door, DoorMetrics, Metrics};
use crate::room::Room;
use crate::trace;
use crate::wire::json::{BatchWriter, encode_answer};

pub(crate) use decode::query as question_of_query;

use decode::BodyLimits;
use gather::Gather;
use idle::{Begun, Idle};
use reply::{Body, Reply};

mod decode;
mod gather;
mod idle;
pub mod openapi;
mod reply;
mod routes;

/// How a call ended, before it is told in HTTP's words.
type Outcome = Result<Reply, Error>;

/// Questions of a batch that are answered between two looks at the clock: about ten microseconds' worth.
const QUESTIONS_PER_LOOK: usize = 16;
/// Most bytes of a request's head: the longest query of a GET, with room for proxies' headers.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// HTTP/1.1 on the connections of this door.
pub struct HttpProtocol {
    counters: Vec<Arc<Counter>>,
    builder: http1::Builder,
    idle_max: Duration,
}

/// What one worker's connections share.
struct Counter {
    room: Arc<Room>,
    metrics: Arc<DoorMetrics>,
    limits: BodyLimits,
    router: axum::Router,
}

impl HttpProtocol {
    /// Prepares one counter for each of `workers`, so that workers share no cache line that every request writes.
    pub fn new(room: &Arc<Room>, metrics: &Metrics, workers: usize, config: &config::Http) -> Self {
        let mut builder = http1::Builder::new();
        // Heads are timed by `idle`.
        builder.header_read_timeout(None).max_buf_size(HEAD_BYTES_MAX);
        let limits = BodyLimits { bytes_max: config.body_bytes_max, wait_max: config.body_read_timeout };
        let counter = |_| {
            let metrics = metrics.door(Door::Http);
            let router = routes::router(room.clone(), metrics.clone());
            Arc::new(Counter { room: room.clone(), metrics, limits, router })
        };
        Self { counters: (0..workers).map(counter).collect(), builder, idle_max: config.header_read_timeout }
    }
}

impl Protocol for HttpProtocol {
    const SPOKEN: &'static [&'static [u8]] = &[b"http/1.1"];

    fn serve<S: Stream>(&self, io: TokioIo<S>, _peer: Peer, worker: usize) -> impl Connection {
        let counter = self.counters[worker].clone();
        let connected = counter.metrics.connected();
        let begun = Begun::default();
        let watched = begun.clone();
        // The request stays in this one future and is lent to all others: moving it from future to future would cost
        // more than the answer.
        let service = service_fn(move |mut request: Request<Incoming>| {
            let (counter, _) = (counter.clone(), &connected);
            begun.another();
            async move {
                let response = match call(request.uri().path()) {
                    Some(call) => counter.ask(call, &mut request).await,
                    None => Box::pin(counter.route(request)).await,
                };
                Ok::<_, Infallible>(response)
            }
        });
        Idle::new(self.builder.serve_connection(Gather::new(io), service), self.idle_max, watched)
    }
}

/// The call that a path names, where it is not the router's.
fn call(path: &str) -> Option<Call> {
    match path.strip_prefix("/v1").unwrap_or(path) {
        "/next-clusters" => Some(Call::NextClusters),
        "/next-clusters/batch" => Some(Call::Batch),
        _ => None,
    }
}

async fn handle(counter: &Counter, call: Call, request: &mut Request<Incoming>, started: Instant) -> Outcome {
    match (call, request.method()) {
        (Call::Batch, &Method::POST) => post_batch(counter, request, started).await,
        (Call::NextClusters, &Method::POST) => post_next_clusters(counter, request, started).await,
        (Call::NextClusters, &Method::GET | &Method::HEAD) => get_next_clusters(counter, request, started).await,
        _ => Err(Error::MethodUnknown),
    }
}

async fn post_next_clusters(counter: &Counter, request: &mut Request<Incoming>, started: Instant) -> Outcome {
    let _permit = counter.room.admit(1)?;
    let timeout = decode::timeout(request.headers())?;
    let question = decode::question(request, counter.limits).await?;
    let deadline = counter.deadline(started, timeout, question.timeout_ms);
    counter.answer(question, deadline, |answer, names| Reply::json(encode_answer(answer, names))).await
}

async fn get_next_clusters(counter: &Counter, request: &Request<Incoming>, started: Instant) -> Outcome {
    let _permit = counter.room.admit(1)?;
    let timeout = decode::timeout(request.headers())?;
    let question = decode::query(request.uri().query().unwrap_or_default())?;
    let deadline = counter.deadline(started, timeout, question.timeout_ms);
    let tagged = |answer: &Answer<'_>, names| {
        let release = answer.release.manifest().version.as_str();
        Reply::tagged(encode_answer(answer, names), release, request.headers())
    };
    counter.answer(question, deadline, tagged).await
}

async fn post_batch(counter: &Counter, request: &mut Request<Incoming>, started: Instant) -> Outcome {
    let mut permit = counter.room.admit(1)?;
    let timeout = decode::timeout(request.headers())?;
    let batch = decode::batch(request, counter.limits).await?;
    counter.room.limits().check_batch(&batch.requests)?;
    permit.raise(batch.requests.len())?;
    let deadline = counter.deadline(started, timeout, batch.timeout_ms);
    deadline.check()?;
    let asks = batch.requests.into_iter().map(|body| counter.room.check(body.into())).collect();
    let encode = |answerer: &Answerer<'_>| Reply::json(counter.answer_each(answerer, deadline));
    Ok(counter.room.answer_all(asks, deadline, encode)?.end().await)
}

impl Counter {
    /// Answers a call and counts its end; in a span of its own where those are on.
    async fn ask(&self, call: Call, request: &mut Request<Incoming>) -> Response<Body> {
        let started = Instant::now();
        let span = trace::request_span("http", request.headers());
        let outcome = match span.is_none() {
            true => handle(self, call, request, started).await,
            false => Box::pin(handle(self, call, request, started).instrument(span)).await,
        };
        reply::finish(&self.metrics, call, started, outcome)
    }

    /// A caller's own time runs from when its request came. Ours, where it names none, runs from now, when its body is
    /// read: how fast a body comes has a limit of its own, and is not the service's failure.
    fn deadline(&self, started: Instant, header: Option<Duration>, field_ms: Option<u64>) -> Deadline {
        let field = field_ms.map(Duration::from_millis);
        match header.into_iter().chain(field).min() {
            None => self.room.deadline(Instant::now(), None),
            asked => self.room.deadline(started, asked),
        }
    }

    /// Answers a question; `reply` is told whether names are wanted.
    async fn answer(
        &self,
        question: Question,
        deadline: Deadline,
        reply: impl FnOnce(&Answer<'_>, bool) -> Reply + Send,
    ) -> Outcome {
        deadline.check()?;
        let ask = self.room.check(question)?;
        let names = ask.names;
        let answering = self.room.answer(ask, deadline, |answer| {
            self.metrics.gave(answer);
            reply(answer, names)
        })?;
        Ok(answering.end().await)
    }

    /// Answers each question of a batch, or says why not.
    fn answer_each(&self, answerer: &Answerer<'_>, deadline: Deadline) -> Vec<u8> {
        let mut batch = BatchWriter::new(answerer.asks().len());
        let mut late = None;
        for position in 0..answerer.asks().len() {
            if position % QUESTIONS_PER_LOOK == 0 {
                late = deadline.check().err();
            }
            match &late {
                Some(late) => batch.refusal(late),
                None => self.answer_one(answerer, position, &mut batch),
            }
        }
        batch.finish()
    }

    fn answer_one(&self, answerer: &Answerer<'_>, position: usize, batch: &mut BatchWriter) {
        match answerer.answer(position) {
            Ok((answer, ask)) => {
                self.metrics.gave(&answer);
                batch.answer(&answer, ask.names);
            }
            Err(error) => batch.refusal(error),
        }
    }

    /// Hands a request to the router, which counts it itself.
    async fn route(&self, request: Request<Incoming>) -> Response<Body> {
        match self.router.clone().oneshot(request.map(axum::body::Body::new)).await {
            Ok(response) => response.map(Body::Right),
            Err(never) => match never {},
        }
    }
}
