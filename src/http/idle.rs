//! Ends a connection on which no request has begun for a while: idle, dripping its head, or not reading its replies.
//!
//! One timer a connection, looked at when it fires. The HTTP library's own header timer is set and cleared at every
//! request, which was a fortieth of a request's processor time, and does not end a connection that stops reading.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use crate::listen::Connection;

/// Counts the requests that have begun on a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Begun(Arc<AtomicU64>);

/// A connection that ends between `limit` and twice `limit` after its last request has begun.
pub(super) struct Idle<C> {
    connection: Pin<Box<C>>,
    clock: Pin<Box<Sleep>>,
    limit: Duration,
    begun: Begun,
    /// The requests that had begun when the clock was last set.
    seen: u64,
}

impl Begun {
    /// Says that a request has begun.
    pub(super) fn another(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl<C: Connection> Idle<C> {
    /// Watches a connection whose service says to `begun` when a request begins.
    pub(super) fn new(connection: C, limit: Duration, begun: Begun) -> Self {
        Self { connection: Box::pin(connection), clock: Box::pin(sleep(limit)), limit, begun, seen: 0 }
    }

    /// Ready once nothing has begun for as long as the limit.
    fn poll_idle(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.clock.as_mut().poll(context));
            let begun = self.begun.count();
            if begun == self.seen {
                return Poll::Ready(());
            }
            self.seen = begun;
            self.clock.as_mut().reset(Instant::now() + self.limit);
        }
    }
}

impl<C: Connection> Future for Idle<C> {
    type Output = Result<(), C::Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.connection.as_mut().poll(context) {
            Poll::Ready(ended) => Poll::Ready(ended),
            Poll::Pending => self.poll_idle(context).map(Ok),
        }
    }
}

impl<C: Connection> Connection for Idle<C> {
    type Error = C::Error;

    fn graceful_shutdown(mut self: Pin<&mut Self>) {
        self.connection.as_mut().graceful_shutdown();
    }
}
