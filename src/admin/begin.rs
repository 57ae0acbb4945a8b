//! Ends a connection on which no request begins in time: until its first bytes the two protocols cannot be told apart,
//! and neither one's own limits count. It must never end a connection that has begun one.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use crate::listen::Connection;

/// Whether a request has begun.
#[derive(Clone, Debug, Default)]
pub(super) struct Begun(Arc<AtomicBool>);

/// A connection that ends unless a request begins.
pub(super) struct Begins<C> {
    connection: Pin<Box<C>>,
    clock: Pin<Box<Sleep>>,
    begun: Begun,
}

impl Begun {
    /// Says that one has.
    pub(super) fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn has(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<C: Connection> Begins<C> {
    /// Watches a connection whose service says to `begun` when a request begins.
    pub(super) fn new(connection: C, wait_max: Duration, begun: Begun) -> Self {
        Self { connection: Box::pin(connection), clock: Box::pin(sleep(wait_max)), begun }
    }
}

impl<C: Connection> Future for Begins<C> {
    type Output = Result<(), C::Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(ended) = self.connection.as_mut().poll(context) {
            return Poll::Ready(ended);
        }
        if self.begun.has() {
            return Poll::Pending;
        }
        ready!(self.clock.as_mut().poll(context));
        Poll::Ready(Ok(()))
    }
}

impl<C: Connection> Connection for Begins<C> {
    type Error = C::Error;

    fn graceful_shutdown(mut self: Pin<&mut Self>) {
        self.connection.as_mut().graceful_shutdown();
    }
}
