//! Around every call of the service: bounds its time, counts it once, and gives it a span at debug.
//!
//! It must never look into a message: what a call answers is the service's.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use tokio::time::Sleep;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, StdError};
use tonic::server::NamedService;
use tracing::Span;

use super::call_of;
use super::calls::Calls;
use super::status::{code_of, foreign, refuse, respell};
use crate::admit::Deadline;
use crate::error::Code;
use crate::metrics::{Call, DoorMetrics};
use crate::trace::request_span;
use crate::wire::proto::v1::next_clusters_service_server::NextClustersServiceServer;

/// The service, guarded.
pub(super) struct Guard {
    server: NextClustersServiceServer<Calls>,
    calls: Arc<Calls>,
}

/// A call under guard.
pub(super) struct Guarded {
    inner: BoxFuture<Response<Body>, Infallible>,
    call: Call,
    /// The longest time that any call gets: a caller whose message never arrives whole is not waited for longer. The
    /// caller's own deadline is the handler's matter, once there is a message.
    limit: Deadline,
    /// Made only when the call has to wait, which it rarely has: its message usually came with its head.
    alarm: Option<Pin<Box<Sleep>>>,
    calls: Arc<Calls>,
    span: Span,
}

impl Guard {
    pub(super) const SERVICE: &'static str = NextClustersServiceServer::<Calls>::NAME;

    /// Guards `calls`, whose messages are at most `message_bytes_max` long.
    pub(super) fn new(calls: Calls, message_bytes_max: usize) -> Self {
        let calls = Arc::new(calls);
        let server = NextClustersServiceServer::from_arc(calls.clone()).max_decoding_message_size(message_bytes_max);
        Self { server, calls }
    }

    /// Begins a call.
    pub(super) fn call<B>(&self, request: Request<B>) -> Guarded
    where
        B: http_body::Body<Data = Bytes, Error: Into<StdError> + Send> + Send + 'static,
    {
        let room = &self.calls.room;
        let limit = room.deadline(Instant::now(), Some(room.limits().deadline_max));
        let (name, call) = call_of(request.uri().path());
        let span = request_span(name, request.headers());
        let inner = self.server.clone().call(request);
        Guarded { inner, call, limit, alarm: None, calls: self.calls.clone(), span }
    }
}

impl Future for Guarded {
    type Output = Response<Body>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let entered = this.span.enter();
        let polled = this.inner.as_mut().poll(context);
        drop(entered);
        let response = match polled {
            Poll::Ready(Ok(response)) => response,
            Poll::Pending => ready!(this.expire(context)),
        };
        Poll::Ready(this.finish(response))
    }
}

impl Guarded {
    /// Waits for the end of the time allowed, and gives what the caller is told then.
    fn expire(&mut self, context: &mut Context<'_>) -> Poll<Response<Body>> {
        let left = self.limit.left();
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep(left)));
        ready!(alarm.as_mut().poll(context));
        Poll::Ready(refuse(self.limit.exceeded()).into_http())
    }

    /// Counts the end of the call. The messages of a stream are counted one by one, where they are answered.
    fn finish(&self, response: Response<Body>) -> Response<Body> {
        let (code, response) = read(response);
        if self.call != Call::Stream || code != Code::Ok {
            tally(&self.calls.metrics, self.call, code, self.limit.started());
        }
        response
    }
}

/// Counts what ended.
pub(super) fn tally(metrics: &DoorMetrics, call: Call, code: Code, started: Instant) {
    metrics.finished(call, code, started.elapsed());
    match code {
        Code::Overloaded => metrics.shed(),
        Code::DeadlineExceeded => metrics.deadline_exceeded(),
        _ => {}
    }
}

/// How a call ended, and its response in our spelling. A failure has its status among the headers, and nothing else.
fn read(mut response: Response<Body>) -> (Code, Response<Body>) {
    let Some(code) = grpc_status(response.headers()) else { return (Code::Ok, response) };
    match response.extensions_mut().remove::<Status>() {
        Some(status) => (code_of(&status), respell(status).into_http()),
        None => (foreign(code), response),
    }
}

fn grpc_status(headers: &HeaderMap) -> Option<tonic::Code> {
    headers.get(Status::GRPC_STATUS).map(|value| tonic::Code::from_bytes(value.as_bytes()))
}
