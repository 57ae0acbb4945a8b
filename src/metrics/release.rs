//! What the reloader counts; a series of a release that no longer serves must never be shown.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use metrics::{Counter, Gauge, Histogram};
use parking_lot::Mutex;

use super::label::{Label, Phase, per_label};
use super::registrar::Registrar;
use super::{
    LOAD_FAILURES, LOAD_PHASE_DURATION, LOADS, METRICS, RELEASE_BYTES, RELEASE_CREATED, RELEASE_DATA_END,
    RELEASE_HISTORIES, RELEASE_INFO, RELEASE_LOADED, RELEASE_PINNED, RELEASES_QUARANTINED, RELEASES_RETIRED,
    RELOAD_CHECKS, ROLLBACKS, lives,
};
use crate::snapshot::lifecycle::Book;
use crate::snapshot::manifest::{Manifest, Version};
use crate::snapshot::release::ReleaseError;
use crate::snapshot::state::State;

/// The handles of the reloader.
pub struct ReleaseMetrics {
    registrar: Arc<Registrar>,
    loads: Counter,
    phases: Box<[Histogram]>,
    reload_checks: Counter,
    pinned: Gauge,
    quarantined: Gauge,
    rollbacks: Counter,
    retired: Counter,
    /// Where every release stands, read at a scrape.
    book: OnceLock<Book>,
    /// The series that describe the serving release, rendered when it was swapped in. The exporter cannot forget a
    /// series, so a gauge there would go on naming every earlier release; and one text cannot mix two releases.
    described: Mutex<String>,
}

impl ReleaseMetrics {
    pub(super) fn new(registrar: &Arc<Registrar>) -> Self {
        for reason in ReleaseError::UNGATED_REASONS {
            registrar.counter(&LOAD_FAILURES, &[reason]).absolute(0);
        }
        Self {
            loads: registrar.counter(&LOADS, &[]),
            phases: per_label(|phase: Phase| registrar.histogram(&LOAD_PHASE_DURATION, &[phase.text()])),
            reload_checks: registrar.counter(&RELOAD_CHECKS, &[]),
            pinned: registrar.gauge(&RELEASE_PINNED, &[]),
            quarantined: registrar.gauge(&RELEASES_QUARANTINED, &[]),
            rollbacks: registrar.counter(&ROLLBACKS, &[]),
            retired: registrar.counter(&RELEASES_RETIRED, &[]),
            book: OnceLock::new(),
            described: Mutex::default(),
            registrar: registrar.clone(),
        }
    }

    /// Counts a swap at a Unix time, and shows the new release in the place of the one before. Call it after the swap.
    pub fn loaded(&self, manifest: &Manifest, now_unix_s: u64) {
        self.loads.increment(1);
        *self.described.lock() = describe(manifest, now_unix_s);
    }

    /// Counts a load that failed, by the error's own [`reason`](ReleaseError::reason); never what a gate refused. Failures
    /// are rare enough to look the counter up.
    pub fn load_failed(&self, reason: &'static str) {
        self.registrar.counter(&LOAD_FAILURES, &[reason]).increment(1);
    }

    /// Records how long one phase of a load took, whether or not the load went on to succeed.
    pub fn phase(&self, phase: Phase, elapsed: Duration) {
        self.phases[phase.index()].record(elapsed.as_secs_f64());
    }

    /// Runs one phase of a load, and records how long it took.
    pub fn timed<R>(&self, phase: Phase, step: impl FnOnce() -> R) -> R {
        let started = Instant::now();
        let result = step();
        self.phase(phase, started.elapsed());
        result
    }

    /// Counts a look at the release pointer.
    pub fn reload_checked(&self) {
        self.reload_checks.increment(1);
    }

    /// Shows where the releases of this book stand. Only the first call counts.
    pub fn keep(&self, book: &Book) {
        // A second book is dropped: two would fight over one series.
        let _ = self.book.set(book.clone());
    }

    /// Shows what the store remembers.
    pub fn remembered(&self, state: &State) {
        self.pinned.set(f64::from(u8::from(state.pinned.is_some())));
        self.quarantined.set(state.quarantined.len() as f64);
    }

    /// Counts a rollback.
    pub fn rolled_back(&self) {
        self.rollbacks.increment(1);
    }

    /// Counts releases that were removed from the disk.
    pub fn retired(&self, releases: usize) {
        self.retired.increment(releases as u64);
    }

    /// The series of the serving release, empty before the first, and of where all stand.
    pub(super) fn describe(&self) -> String {
        let serving = self.described.lock().clone();
        let lives = self.book.get().map(lives::describe).unwrap_or_default();
        format!("{serving}\n{lives}")
    }
}

/// Renders through a recorder of its own, which is then forgotten.
fn describe(manifest: &Manifest, now_unix_s: u64) -> String {
    let registrar = Registrar::new(METRICS);
    registrar.gauge(&RELEASE_INFO, &names(manifest)).set(1);
    registrar.gauge(&RELEASE_LOADED, &[]).set(now_unix_s as f64);
    registrar.gauge(&RELEASE_BYTES, &[]).set(manifest.bytes() as f64);
    if let Some(window) = manifest.provenance.data_window {
        registrar.gauge(&RELEASE_DATA_END, &[]).set(window.to_unix_s as f64);
    }
    if let Some(created_unix_s) = manifest.created_unix_s {
        registrar.gauge(&RELEASE_CREATED, &[]).set(created_unix_s as f64);
    }
    for (length, level) in manifest.table.levels.iter().enumerate() {
        registrar.gauge(&RELEASE_HISTORIES, &[&length.to_string()]).set(level.present as f64);
    }
    registrar.render()
}

/// The values of the info line. A release that names no model gets an empty label, which Prometheus reads as none.
fn names(manifest: &Manifest) -> [&str; 4] {
    let model = manifest.model.as_ref().map_or("", Version::as_str);
    [manifest.version.as_str(), manifest.snapshot.as_str(), model, manifest.catalogue.as_str()]
}
