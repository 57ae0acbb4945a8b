//! Sums what the workers of a door counted, at each scrape; it must never make a worker wait.

use std::sync::Arc;

use parking_lot::Mutex;

use super::door::DoorMetrics;
use super::durations::{DurationTotals, write_head};
use super::label::{Call, Door, Label, per_label};
use super::registrar::Registrar;
use super::{ANSWERS, DEGRADED, REQUEST_DURATION, REQUESTS};
use crate::answer::{Degraded, Source};
use crate::error::Code;

/// Codes that alerts divide by or watch. They start at zero, because `increase()` misses the first step of a series
/// that begins at one; every other code appears with its first request, so that a scrape is not mostly zeros.
const WATCHED: [Code; 5] = [Code::Ok, Code::Overloaded, Code::DeadlineExceeded, Code::Unavailable, Code::Internal];

/// The handles that were given out, by door.
pub(super) struct Workers {
    doors: Box<[Mutex<Vec<Arc<DoorMetrics>>>]>,
}

impl Workers {
    pub(super) fn new() -> Self {
        Self { doors: per_label(|_: Door| Mutex::default()) }
    }

    /// Gives one more worker its handles.
    pub(super) fn join(&self, door: Door, registrar: &Registrar) -> Arc<DoorMetrics> {
        let worker = Arc::new(DoorMetrics::new(door, registrar));
        self.doors[door.index()].lock().push(worker.clone());
        worker
    }

    /// Brings the registrar's counters up to date, and returns the histograms, which it does not hold.
    pub(super) fn collect(&self, registrar: &Registrar) -> String {
        let mut histograms = String::new();
        write_head(&mut histograms, &REQUEST_DURATION);
        for &door in Door::ALL {
            let workers = self.of(door);
            count_answers(door, &workers, registrar);
            for &call in Call::ALL {
                count_requests((door, call), &workers, registrar);
                write_durations((door, call), &workers, &mut histograms);
            }
        }
        histograms
    }

    /// Shows every worker's counts at a door.
    pub(super) fn each(&self, door: Door, look: impl FnMut(&DoorMetrics)) {
        self.of(door).iter().map(Arc::as_ref).for_each(look);
    }

    fn of(&self, door: Door) -> Vec<Arc<DoorMetrics>> {
        self.doors[door.index()].lock().clone()
    }
}

fn count_answers(door: Door, workers: &[Arc<DoorMetrics>], registrar: &Registrar) {
    for &source in Source::ALL.iter() {
        let total = workers.iter().map(|worker| worker.answers(source)).sum();
        registrar.counter(&ANSWERS, &[door.text(), source.text()]).absolute(total);
    }
    for reason in Degraded::ALL {
        let total = workers.iter().map(|worker| worker.degradations(reason)).sum();
        registrar.counter(&DEGRADED, &[door.text(), reason.text()]).absolute(total);
    }
}

fn count_requests((door, call): (Door, Call), workers: &[Arc<DoorMetrics>], registrar: &Registrar) {
    for code in Code::ALL {
        let total = workers.iter().map(|worker| worker.requests(call, code)).sum();
        if total > 0 || (watched(door, call) && WATCHED.contains(&code)) {
            registrar.counter(&REQUESTS, &[door.text(), call.text(), code.text()]).absolute(total);
        }
    }
}

fn write_durations((door, call): (Door, Call), workers: &[Arc<DoorMetrics>], out: &mut String) {
    let totals = DurationTotals::of(&REQUEST_DURATION, workers.iter().map(|worker| worker.durations(call)));
    if totals.count() > 0 || watched(door, call) {
        let labels = format!("door=\"{}\",call=\"{}\"", door.text(), call.text());
        totals.write(out, &REQUEST_DURATION, &labels);
    }
}

/// Whether objectives are set for the call.
fn watched(door: Door, call: Call) -> bool {
    match call {
        Call::NextClusters | Call::Batch => true,
        Call::Stream => door == Door::Grpc,
        _ => false,
    }
}
