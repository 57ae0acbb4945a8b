//! What one worker counts at one door; a finished request must never cost a lookup, a lock or an allocation here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::{Counter, Gauge};

use super::durations::Durations;
use super::label::{Call, Door, Label, per_label};
use super::registrar::Registrar;
use super::{CLUSTERS_IGNORED, CONNECTIONS, DEADLINES_EXCEEDED, REQUEST_DURATION, SHED};
use crate::answer::{Answer, Degraded, Source};
use crate::error::Code;

/// The handles of one worker at one door.
///
/// What every request counts lies in cells of its own, which a scrape sums over the workers: cells that workers share
/// travel between their caches at every request, and that costs more than the counting.
pub struct DoorMetrics {
    calls: Box<[CallCells]>,
    answers: Box<[AtomicU64]>,
    degraded: Box<[AtomicU64]>,
    shed: Counter,
    deadlines_exceeded: Counter,
    clusters_ignored: Counter,
    connections: Gauge,
}

/// An open connection, counted until it is dropped.
pub struct Connection {
    gauge: Gauge,
}

struct CallCells {
    ends: Box<[AtomicU64]>,
    durations: Durations,
}

impl DoorMetrics {
    pub(super) fn new(door: Door, registrar: &Registrar) -> Self {
        let of_door = [door.text()];
        Self {
            calls: per_label(|_: Call| CallCells::new()),
            answers: per_label(|_: Source| AtomicU64::new(0)),
            degraded: per_label(|_: Degraded| AtomicU64::new(0)),
            shed: registrar.counter(&SHED, &of_door),
            deadlines_exceeded: registrar.counter(&DEADLINES_EXCEEDED, &of_door),
            clusters_ignored: registrar.counter(&CLUSTERS_IGNORED, &[]),
            connections: registrar.gauge(&CONNECTIONS, &of_door),
        }
    }

    /// Counts one request with its end and the time it took.
    pub fn finished(&self, call: Call, code: Code, elapsed: Duration) {
        let cells = &self.calls[call.index()];
        cells.ends[code.index()].fetch_add(1, Ordering::Relaxed);
        cells.durations.record(elapsed);
    }

    /// Counts all there is to count of one answer.
    pub fn gave(&self, answer: &Answer<'_>) {
        self.answered(answer.source);
        if let Some(reason) = answer.degraded {
            self.degraded(reason);
        }
        if !answer.ignored.is_empty() {
            self.clusters_ignored(answer.ignored.len() as u64);
        }
    }

    /// Counts one answer by its source.
    pub fn answered(&self, source: Source) {
        self.answers[source.index()].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an answer that the model should have given.
    pub fn degraded(&self, reason: Degraded) {
        self.degraded[reason.index()].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts cluster ids that the catalogue does not hold.
    pub fn clusters_ignored(&self, count: u64) {
        self.clusters_ignored.increment(count);
    }

    /// Counts a request refused at the in-flight limit.
    pub fn shed(&self) {
        self.shed.increment(1);
    }

    /// Counts a request whose time ran out.
    pub fn deadline_exceeded(&self) {
        self.deadlines_exceeded.increment(1);
    }

    /// Counts a connection for as long as the result lives.
    pub fn connected(&self) -> Connection {
        self.connections.increment(1);
        Connection { gauge: self.connections.clone() }
    }

    pub(super) fn requests(&self, call: Call, code: Code) -> u64 {
        self.calls[call.index()].ends[code.index()].load(Ordering::Relaxed)
    }

    pub(super) fn answers(&self, source: Source) -> u64 {
        self.answers[source.index()].load(Ordering::Relaxed)
    }

    pub(super) fn degradations(&self, reason: Degraded) -> u64 {
        self.degraded[reason.index()].load(Ordering::Relaxed)
    }

    pub(super) fn durations(&self, call: Call) -> &Durations {
        &self.calls[call.index()].durations
    }
}

impl CallCells {
    fn new() -> Self {
        Self { ends: per_label(|_: Code| AtomicU64::new(0)), durations: Durations::new(&REQUEST_DURATION) }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.gauge.decrement(1);
    }
}
