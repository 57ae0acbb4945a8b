//! Around every call of the service: bounds its time, counts it once, and gives it a span at debug.
//!
//! It must never look into a message: what a call answers is the service's.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use http::{HeaderMap, Request, Response};
use tokio::time::Sleep;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service};
use tonic::server::NamedService;
use tracing::Span;

use super::call_of;
use super::status::{code_of, foreign, refuse, respell};
use crate::admit::Deadline;
use crate::error::Code;
use crate::metrics::{Call, DoorMetrics};
use crate::room::Room;
use crate::trace::request_span;

/// A service with a guard before it.
#[derive(Clone)]
pub(super) struct Guard<S> {
    inner: S,
    room: Arc<Room>,
    metrics: Arc<DoorMetrics>,
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
    metrics: Arc<DoorMetrics>,
    span: Span,
}

impl<S> Guard<S> {
    pub(super) fn new(inner: S, room: Arc<Room>, metrics: Arc<DoorMetrics>) -> Self {
        Self { inner, room, metrics }
    }
}

impl<S: NamedService> NamedService for Guard<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Guard<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Future = BoxFuture<Response<Body>, Infallible>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Guarded;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Guarded {
        let limit = self.room.deadline(Instant::now(), Some(self.room.limits().deadline_max));
        let (name, call) = call_of(request.uri().path());
        let span = request_span(name, traceparent(request.headers()));
        let inner = self.inner.call(request);
        Guarded { inner, call, limit, alarm: None, metrics: self.metrics.clone(), span }
    }
}

impl Future for Guarded {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let entered = this.span.enter();
        let polled = this.inner.as_mut().poll(context);
        drop(entered);
        let response = match polled {
            Poll::Ready(Ok(response)) => response,
            Poll::Pending => ready!(this.expire(context)),
        };
        Poll::Ready(Ok(this.finish(response)))
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
            tally(&self.metrics, self.call, code, self.limit.started());
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

fn traceparent(headers: &HeaderMap) -> Option<&str> {
    headers.get("traceparent")?.to_str().ok()
}
