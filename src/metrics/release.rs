//! What the reloader counts; a series of a release that no longer serves must never be shown.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::{Counter, Histogram};

use super::label::{Label, LoadFailure, Phase, per_label};
use super::registrar::Registrar;
use super::{
    LOAD_FAILURES, LOAD_PHASE_DURATION, LOADS, METRICS, RELEASE_BYTES, RELEASE_CREATED, RELEASE_DATA_END,
    RELEASE_HISTORIES, RELEASE_INFO, RELEASE_LOADED, RELOAD_CHECKS,
};

/// The handles of the reloader.
pub struct ReleaseMetrics {
    loads: Counter,
    failures: Box<[Counter]>,
    phases: Box<[Histogram]>,
    reload_checks: Counter,
    /// The series that describe the serving release, rendered when it was swapped in. The exporter cannot forget a
    /// series, so a gauge there would go on naming every earlier release; and one text cannot mix two releases.
    described: Mutex<String>,
}

/// The release that was just swapped in.
#[derive(Clone, Copy, Debug)]
pub struct Loaded<'a> {
    /// Version of the release.
    pub release: &'a str,
    /// Version of its snapshot.
    pub snapshot: &'a str,
    /// Version of its model; empty where it names none, which Prometheus reads as no label.
    pub model: &'a str,
    /// Version of its catalogue.
    pub catalogue: &'a str,
    /// Unix seconds of the newest event it was computed from, where known.
    pub data_end_unix_s: Option<u64>,
    /// Unix seconds of its making, where known.
    pub created_unix_s: Option<u64>,
    /// Unix seconds of the swap.
    pub loaded_unix_s: u64,
    /// Histories in the table by length: the first is length 1.
    pub histories: &'a [u64],
    /// Size of the table.
    pub bytes: u64,
}

impl ReleaseMetrics {
    pub(super) fn new(registrar: &Registrar) -> Self {
        Self {
            loads: registrar.counter(&LOADS, &[]),
            failures: per_label(|reason: LoadFailure| registrar.counter(&LOAD_FAILURES, &[reason.text()])),
            phases: per_label(|phase: Phase| registrar.histogram(&LOAD_PHASE_DURATION, &[phase.text()])),
            reload_checks: registrar.counter(&RELOAD_CHECKS, &[]),
            described: Mutex::default(),
        }
    }

    /// Counts a swap, and shows the new release in the place of the one before. Call it after the swap.
    pub fn loaded(&self, loaded: &Loaded<'_>) {
        self.loads.increment(1);
        *self.described.lock().unwrap_or_else(PoisonError::into_inner) = describe(loaded);
    }

    /// Counts a refused release.
    pub fn load_failed(&self, reason: LoadFailure) {
        self.failures[reason.index()].increment(1);
    }

    /// Records how long one phase of a load took, whether or not the load went on to succeed.
    pub fn phase(&self, phase: Phase, elapsed: Duration) {
        self.phases[phase.index()].record(elapsed.as_secs_f64());
    }

    /// Counts a look at the release pointer.
    pub fn reload_checked(&self) {
        self.reload_checks.increment(1);
    }

    /// The series of the serving release; empty before the first.
    pub(super) fn describe(&self) -> String {
        self.described.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Renders through a recorder of its own, which escapes labels as the main one does and is then forgotten.
fn describe(loaded: &Loaded<'_>) -> String {
    let registrar = Registrar::new(METRICS);
    let names = [loaded.release, loaded.snapshot, loaded.model, loaded.catalogue];
    registrar.gauge(&RELEASE_INFO, &names).set(1);
    registrar.gauge(&RELEASE_LOADED, &[]).set(loaded.loaded_unix_s as f64);
    registrar.gauge(&RELEASE_BYTES, &[]).set(loaded.bytes as f64);
    if let Some(data_end_unix_s) = loaded.data_end_unix_s {
        registrar.gauge(&RELEASE_DATA_END, &[]).set(data_end_unix_s as f64);
    }
    if let Some(created_unix_s) = loaded.created_unix_s {
        registrar.gauge(&RELEASE_CREATED, &[]).set(created_unix_s as f64);
    }
    for (length, &count) in (1..).zip(loaded.histories) {
        let length: u8 = length;
        registrar.gauge(&RELEASE_HISTORIES, &[&length.to_string()]).set(count as f64);
    }
    registrar.render()
}
