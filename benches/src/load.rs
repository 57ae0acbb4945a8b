//! Load on one server: what to ask, how fast, over which connections, and what came back.
//!
//! It must never slow its schedule down for a slow server: in an open loop a late reply is counted from the time at
//! which its request was due, so that waiting shows.

pub mod grpc;
pub mod http;
pub mod schedule;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hdrhistogram::Histogram;

use crate::figures::latencies;
pub use schedule::{Pace, Spread};

/// One run of load against one address.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server under load.
    pub address: SocketAddr,
    /// Keep-alive connections, divided evenly between `threads`.
    pub connections: usize,
    /// Requests open at once on each connection; 1 for HTTP/1.1.
    pub streams: usize,
    /// Client threads, each with its own event loop.
    pub threads: usize,
    /// Closed loop, or so many requests a second whatever the server does.
    pub pace: Pace,
    /// Whether some connections carry more than others (open loop only).
    pub spread: Spread,
    /// How long to ask.
    pub duration: Duration,
    /// What to ask, in turn: whole HTTP/1.1 requests, or whole gRPC messages with their five-byte prefix.
    pub questions: Arc<Vec<Bytes>>,
}

/// One reply as it arrived.
#[derive(Debug)]
pub struct Reply<'a> {
    /// Which of the plan's questions it answers.
    pub question: usize,
    /// When its request was due, counted from the start of the run.
    pub due: Duration,
    /// From the due time to the last byte of the reply.
    pub latency: Duration,
    /// HTTP status, or 200 plus the gRPC status code.
    pub status: u16,
    /// The body, without the gRPC prefix.
    pub body: &'a [u8],
}

/// What looks at each reply; one for each client thread.
pub trait Sink: Send + 'static {
    /// Takes one complete reply.
    fn reply(&mut self, reply: &Reply<'_>);
    /// Takes one request that got no reply (connection lost, stream reset).
    fn failure(&mut self, due: Duration);

    /// Hears that nothing comes any more; here what takes long may be done.
    fn end(&mut self) {}
}

/// The plain sink: counts and latencies.
#[derive(Debug)]
pub struct Tally {
    /// Replies with status 200.
    pub good: u64,
    /// Replies with another status, and requests without a reply.
    pub bad: u64,
    /// Latency of the good replies, in nanoseconds.
    pub latency: Histogram<u64>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { good: 0, bad: 0, latency: latencies() }
    }
}

impl Tally {
    /// Adds another thread's tally to this one.
    pub fn absorb(&mut self, other: &Self) {
        self.good += other.good;
        self.bad += other.bad;
        self.latency += &other.latency;
    }

    /// One tally out of those of all threads.
    pub fn total(tallies: Vec<Self>) -> Self {
        tallies.iter().fold(Self::default(), |mut sum, one| {
            sum.absorb(one);
            sum
        })
    }
}

impl Sink for Tally {
    fn reply(&mut self, reply: &Reply<'_>) {
        if reply.status != 200 {
            self.bad += 1;
            return;
        }
        self.good += 1;
        self.latency.saturating_record(reply.latency.as_nanos() as u64);
    }

    fn failure(&mut self, _due: Duration) {
        self.bad += 1;
    }
}
