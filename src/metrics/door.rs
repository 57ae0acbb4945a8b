//! What one door counts; a finished request must never cost a lookup, a lock or an allocation here.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};

use super::label::{Call, Door, Label, per_label};
use super::registrar::Registrar;
use super::{ANSWERS, CLUSTERS_IGNORED, CONNECTIONS, DEADLINES_EXCEEDED, REQUEST_DURATION, REQUESTS, SHED};
use crate::answer::Source;
use crate::error::Code;

/// Codes that alerts divide by or watch. They start at zero, because `increase()` misses the first step of a series
/// that begins at one; every other code appears with its first request, so that a scrape is not mostly zeros.
const WATCHED: [Code; 5] = [Code::Ok, Code::Overloaded, Code::DeadlineExceeded, Code::Unavailable, Code::Internal];

/// The handles of one door.
pub struct DoorMetrics {
    door: Door,
    registrar: Arc<Registrar>,
    /// By call, then by code.
    requests: Box<[OnceLock<Counter>]>,
    durations: Box<[OnceLock<Histogram>]>,
    answers: Box<[Counter]>,
    shed: Counter,
    deadlines_exceeded: Counter,
    clusters_ignored: Counter,
    connections: Gauge,
}

/// An open connection, counted until it is dropped.
pub struct Connection {
    gauge: Gauge,
}

impl DoorMetrics {
    pub(super) fn new(door: Door, registrar: Arc<Registrar>) -> Self {
        let of_door = [door.text()];
        let made = Self {
            requests: std::iter::repeat_with(OnceLock::new).take(Call::ALL.len() * Code::ALL.len()).collect(),
            durations: per_label(|_: Call| OnceLock::new()),
            answers: per_label(|source: Source| registrar.counter(&ANSWERS, &[door.text(), source.text()])),
            shed: registrar.counter(&SHED, &of_door),
            deadlines_exceeded: registrar.counter(&DEADLINES_EXCEEDED, &of_door),
            clusters_ignored: registrar.counter(&CLUSTERS_IGNORED, &[]),
            connections: registrar.gauge(&CONNECTIONS, &of_door),
            door,
            registrar,
        };
        made.start_watched();
        made
    }

    /// Counts one request with its end and the time it took.
    pub fn finished(&self, call: Call, code: Code, elapsed: Duration) {
        self.requests(call, code).increment(1);
        self.duration(call).record(elapsed.as_secs_f64());
    }

    /// Counts one answer.
    pub fn answered(&self, source: Source) {
        self.answered_many(source, 1);
    }

    /// Counts the answers of a batch that share a source.
    pub fn answered_many(&self, source: Source, count: u64) {
        self.answers[source.index()].increment(count);
    }

    /// Counts a request refused at the in-flight limit.
    pub fn shed(&self) {
        self.shed.increment(1);
    }

    /// Counts a request whose time ran out.
    pub fn deadline_exceeded(&self) {
        self.deadlines_exceeded.increment(1);
    }

    /// Counts cluster ids that the catalogue does not hold.
    pub fn clusters_ignored(&self, count: u64) {
        self.clusters_ignored.increment(count);
    }

    /// Counts a connection for as long as the result lives.
    pub fn connected(&self) -> Connection {
        self.connections.increment(1);
        Connection { gauge: self.connections.clone() }
    }

    fn start_watched(&self) {
        for &call in watched(self.door) {
            self.duration(call);
            for code in WATCHED {
                self.requests(call, code);
            }
        }
    }

    fn requests(&self, call: Call, code: Code) -> &Counter {
        self.requests[call.index() * Code::ALL.len() + code.index()]
            .get_or_init(|| self.registrar.counter(&REQUESTS, &[self.door.text(), call.text(), code.text()]))
    }

    fn duration(&self, call: Call) -> &Histogram {
        self.durations[call.index()]
            .get_or_init(|| self.registrar.histogram(&REQUEST_DURATION, &[self.door.text(), call.text()]))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.gauge.decrement(1);
    }
}

/// The calls that objectives are set for.
fn watched(door: Door) -> &'static [Call] {
    match door {
        Door::Http => &[Call::NextClusters, Call::Batch],
        Door::Grpc => &[Call::NextClusters, Call::Batch, Call::Stream],
    }
}
