//! Every metric, declared once, and the handles that the doors and the reloader count with.
//!
//! The table below is the dashboard's table of contents: a name that is not in it does not exist. Nothing here is global
//! (no recorder is installed), nothing on the request path looks a metric up by name, and no label may ever hold what a
//! caller sent.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

mod admin;
mod door;
mod durations;
mod gate;
mod label;
mod lives;
mod model;
mod registrar;
mod release;
mod totals;
mod tls;
mod transfer;
mod trial;
mod workers;

pub use admin::AdminMetrics;
pub use door::{Connection, DoorMetrics};
pub use gate::GateMetrics;
pub use label::{Call, Door, Phase};
pub use model::{ModelGauges, ModelInfo, ModelMetrics};
pub use registrar::{Kind, Metric};
pub use release::ReleaseMetrics;
pub use tls::{Port, TlsMetrics};
pub use totals::DoorTotals;
pub use transfer::{Polled, Pushed, TransferMetrics};
pub use trial::TrialMetrics;

use model::breaker_number;
use registrar::{Registrar, declare};
use workers::Workers;

use crate::memory::Memory;
use crate::snapshot::live::Share;
use crate::trial::spread::{DURATION_BOUNDS_S, OVERLAP_BOUNDS};
use crate::trial::tally::Totals;
use crate::unseen::Figures;

/// Seconds. A table answer takes tens of microseconds and the goal is one millisecond, so the steps are finest below 100 us.
const REQUEST_BUCKETS: &[f64] = &[
    0.000_005, 0.000_01, 0.000_015, 0.000_025, 0.000_05, 0.000_075, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005,
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
];

/// Seconds. A swap is one pointer store; verifying a large table from a cold disk takes a minute.
const PHASE_BUCKETS: &[f64] =
    &[0.000_001, 0.000_01, 0.000_1, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Seconds. The goal is an answer within 5 ms; most of it is the computation.
const MODEL_BUCKETS: &[f64] =
    &[0.000_05, 0.000_1, 0.000_2, 0.000_3, 0.000_5, 0.000_75, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5];

/// Questions in a batch.
const BATCH_BUCKETS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

declare! {
    // The request.
    REQUESTS = Kind::Counter, "segue_requests_total", ["door", "call", "code"],
        "Requests finished, by how they ended; the items of a batch are not counted one by one.";
    REQUEST_DURATION = Kind::Histogram(REQUEST_BUCKETS), "segue_request_duration_seconds", ["door", "call"],
        "Time from a decoded request head to an encoded reply.";
    ANSWERS = Kind::Counter, "segue_answers_total", ["door", "source"],
        "Answers by the path of their first candidate; every item of a batch counts.";
    DEGRADED = Kind::Counter, "segue_degraded_total", ["door", "reason"],
        "Answers that the model should have given and another rung gave; every item of a batch counts.";
    SHED = Kind::Counter, "segue_requests_shed_total", ["door"],
        "Requests refused because the in-flight limit was reached.";
    DEADLINES_EXCEEDED = Kind::Counter, "segue_deadlines_exceeded_total", ["door"],
        "Requests whose caller's time ran out before the reply.";
    CONNECTIONS = Kind::Gauge, "segue_connections", ["door"],
        "Connections open now.";
    CLUSTERS_IGNORED = Kind::Counter, "segue_clusters_ignored_total", [],
        "Cluster ids in histories that the catalogue does not hold; a rise means that callers use another catalogue.";
    IN_FLIGHT = Kind::Gauge, "segue_requests_in_flight", [],
        "Admission units taken now; a batch takes one for each item.";
    IN_FLIGHT_LIMIT = Kind::Gauge, "segue_requests_in_flight_limit", [],
        "Admission units there are; above it requests are shed.";
    // The model.
    MODEL_ASKED = Kind::Counter, "segue_model_asked_total", [],
        "Questions put to a model, whoever then answered them.";
    MODEL_ANSWERED = Kind::Counter, "segue_model_answered_total", [],
        "Questions that a model's answer came for in time, computed or from the memo.";
    MODEL_REFUSED = Kind::Counter, "segue_model_refused_total", ["reason"],
        "Questions put to a model that it did not answer, by the reason that the caller was told.";
    MODEL_JOINED = Kind::Counter, "segue_model_joined_total", [],
        "Questions that joined a computation of the same history that was under way.";
    MODEL_FAILURES = Kind::Counter, "segue_model_failures_total", ["failure"],
        "Computations that failed; the log has a line for each panic.";
    MODEL_DROPPED = Kind::Counter, "segue_model_dropped_total", [],
        "Questions that waited for a thread until nobody waited for them: callers who left, or whose time was up.";
    MODEL_BATCH_SIZE = Kind::Histogram(BATCH_BUCKETS), "segue_model_batch_questions", [],
        "Questions computed together.";
    MODEL_QUEUE_WAIT = Kind::Histogram(MODEL_BUCKETS), "segue_model_queue_wait_seconds", [],
        "Time that a question waited for a thread.";
    MODEL_COMPUTE = Kind::Histogram(MODEL_BUCKETS), "segue_model_compute_seconds", [],
        "Time that a batch took to compute.";
    MODEL_QUEUE_LENGTH = Kind::Gauge, "segue_model_queue_length", [],
        "Questions that wait for a thread now.";
    MODEL_BREAKER_STATE = Kind::Gauge, "segue_model_breaker_state", [],
        "0 while the model is asked, 1 while one question tries it, 2 while it is left alone after failures.";
    MODEL_INFO = Kind::Gauge, "segue_model_info", ["model", "precision", "kernel"],
        "Always 1; its labels name the model that answers and its arithmetic. Absent where no model is loaded.";
    MEMO_HITS = Kind::Counter, "segue_memo_hits_total", [],
        "Questions put to a model that it had answered before.";
    MEMO_EVICTIONS = Kind::Counter, "segue_memo_evictions_total", [],
        "Answers of a model that gave way to newer ones; a fast rise means that model.memo_max is small.";
    MEMO_ENTRIES = Kind::Gauge, "segue_memo_entries", [],
        "Answers of the serving release's model that are kept.";
    // The release.
    READY = Kind::Gauge, "segue_ready", [],
        "1 when a verified release is warm and this replica is not draining, else 0.";
    RELEASE_INFO = Kind::Gauge, "segue_release_info", ["release", "snapshot", "model", "catalogue"],
        "Always 1; its labels name the release that serves.";
    RELEASE_DATA_END = Kind::Gauge, "segue_release_data_end_timestamp_seconds", [],
        "Unix time of the newest event that the serving release was computed from.";
    RELEASE_CREATED = Kind::Gauge, "segue_release_created_timestamp_seconds", [],
        "Unix time at which the serving release was made.";
    RELEASE_LOADED = Kind::Gauge, "segue_release_loaded_timestamp_seconds", [],
        "Unix time at which the serving release was swapped in.";
    RELEASE_HISTORIES = Kind::Gauge, "segue_release_histories", ["length"],
        "Histories in the serving table, by their length in clusters; length 0 is the popular list.";
    RELEASE_BYTES = Kind::Gauge, "segue_release_bytes", [],
        "Size of the serving release, all files together.";
    LOADS = Kind::Counter, "segue_release_loads_total", [],
        "Releases swapped in.";
    LOAD_FAILURES = Kind::Counter, "segue_release_load_failures_total", ["reason"],
        "Loads that failed, and not at a gate; the release before keeps serving.";
    LOAD_PHASE_DURATION = Kind::Histogram(PHASE_BUCKETS), "segue_release_load_phase_duration_seconds", ["phase"],
        "Time that each phase of loading a release took.";
    RELOAD_CHECKS = Kind::Counter, "segue_reload_checks_total", [],
        "Looks at the release pointer; a flat line means that the watcher is stuck.";
    // The life of releases.
    RELEASE_STANDING = Kind::Gauge, "segue_release_standing", ["release", "standing"],
        "Always 1; its labels say where a release stands. The last few that ended are shown, and all others.";
    RELEASE_TRANSITIONS = Kind::Counter, "segue_release_transitions_total", ["standing"],
        "Releases that came to a standing.";
    RELEASE_PINNED = Kind::Gauge, "segue_release_pinned", [],
        "1 while the serving release is pinned, so that no other takes its place, else 0.";
    RELEASES_QUARANTINED = Kind::Gauge, "segue_releases_quarantined", [],
        "Releases that may never serve here again.";
    RELEASE_STAGED = Kind::Gauge, "segue_release_staged_timestamp_seconds", [],
        "Unix time since which a release is staged. Absent where none is.";
    ROLLBACKS = Kind::Counter, "segue_rollbacks_total", [],
        "Times that the release before was gone back to, by an operator or because the current one was quarantined.";
    RELEASES_RETIRED = Kind::Counter, "segue_releases_retired_total", [],
        "Releases removed from the disk because they served long ago.";
    // The gates, and what releases cost in memory.
    GATE_REFUSALS = Kind::Counter, "segue_gate_refusals_total", ["gate"],
        "Releases that a gate refused, before a byte came, before a load or before the swap; what served serves on.";
    GATE_CHURN = Kind::Gauge, "segue_gate_churn_ratio", [],
        "Share of histories whose first candidate differs between the release judged last and the one that served then.";
    MEMORY_LIMIT = Kind::Gauge, "segue_memory_limit_bytes", [],
        "Memory that the process may use, by the narrowest of its cgroups; absent where none limits it.";
    MEMORY_LOCKED = Kind::Gauge, "segue_memory_locked_bytes", [],
        "Bytes of tables that cannot be paged out.";
    // The unseen log.
    UNSEEN_RECORDED = Kind::Counter, "segue_unseen_recorded_total", [],
        "Histories counted because the table did not hold them, after sampling.";
    UNSEEN_DROPPED = Kind::Counter, "segue_unseen_dropped_total", [],
        "Unseen histories that are in no file: the log was busy or full, or the disk refused.";
    UNSEEN_HISTORIES = Kind::Gauge, "segue_unseen_histories", [],
        "Different unseen histories held now, until the next file.";
    UNSEEN_FLUSH_FAILURES = Kind::Counter, "segue_unseen_flush_failures_total", [],
        "Files of unseen histories that could not be written; the log tries again.";
    // A release on trial.
    SHADOW_SAMPLED = Kind::Counter, "segue_shadow_sampled_total", [],
        "Questions sampled to be answered by the release on trial as well, for nobody to see.";
    SHADOW_DROPPED = Kind::Counter, "segue_shadow_dropped_total", [],
        "Sampled questions that were not answered by the release on trial: shadow.queue_max waited already.";
    SHADOW_COMPARED = Kind::Counter, "segue_shadow_compared_total", [],
        "Sampled questions that both releases answered.";
    SHADOW_TOP1_AGREED = Kind::Counter, "segue_shadow_top1_agreed_total", [],
        "Sampled questions whose first candidate is the same in both releases.";
    SHADOW_OVERLAP = Kind::Histogram(OVERLAP_BOUNDS), "segue_shadow_overlap_ratio", [],
        "The part of the candidates that both releases gave to a sampled question, from 0 to 1.";
    SHADOW_ANSWERS = Kind::Counter, "segue_shadow_answers_total", ["arm", "source"],
        "Answers to sampled questions by release (current or trial) and by the path of their first candidate.";
    SHADOW_DURATION = Kind::Histogram(DURATION_BOUNDS_S), "segue_shadow_answer_duration_seconds", ["arm"],
        "Time that each release took to answer a sampled question, its model included.";
    CANARY_SHARE = Kind::Gauge, "segue_canary_share_ratio", [],
        "The share of callers that the release on trial answers; 0 while there is none.";
    CANARY_ANSWERS = Kind::Counter, "segue_canary_answers_total", ["arm", "source"],
        "Answers to callers while a canary is on, by release (current or trial) and by the path of their first candidate.";
    CANARY_ERRORS = Kind::Counter, "segue_canary_errors_total", ["arm"],
        "Answers that came too late, or for which the caller did not stay, while a canary is on.";
    CANARY_DURATION = Kind::Histogram(DURATION_BOUNDS_S), "segue_canary_answer_duration_seconds", ["arm"],
        "Time from a question to its answer while a canary is on.";
    CANARY_ABORTS = Kind::Counter, "segue_canary_aborts_total", ["reason"],
        "Canaries taken back and quarantined by the service, by the bound that they left.";
    CANARY_PROMOTIONS = Kind::Counter, "segue_canary_promotions_total", [],
        "Canaries that the service made current once they had baked.";
    // The doors' locks, and who turned them.
    ADMIN_CHANGES = Kind::Counter, "segue_admin_changes_total", ["change", "outcome"],
        "Changes asked for by operators, made by the service itself or found on the disk, by how they ended; the audit log has who and why.";
    AUDIT_FAILURES = Kind::Counter, "segue_audit_failures_total", [],
        "Lines that the audit log does not hold because the disk refused; changes are refused meanwhile.";
    TLS_HANDSHAKE_FAILURES = Kind::Counter, "segue_tls_handshake_failures_total", ["door"],
        "Connections that ended before they were encrypted: no TLS, or a certificate that is missing, foreign, expired or revoked.";
    TLS_CERTIFICATE_EXPIRY = Kind::Gauge, "segue_tls_certificate_expiry_timestamp_seconds", ["door"],
        "Unix time at which the door's certificate ends. Absent where a door speaks no TLS.";
    TLS_CLIENT_CRL_EXPIRY = Kind::Gauge, "segue_tls_client_crl_expiry_timestamp_seconds", ["door"],
        "Unix time at which the first of the lists of revoked clients ends, whereupon the door refuses them all. Absent without lists.";
    // What comes.
    PUSHES = Kind::Counter, "segue_pushes_total", ["outcome"],
        "Releases and models that came, pushed or pulled, by how that ended.";
    PUSH_BYTES = Kind::Counter, "segue_push_bytes_total", [],
        "Bytes that came of releases and models, pushed or pulled.";
    PULL_POLLS = Kind::Counter, "segue_pull_polls_total", ["outcome"],
        "Looks at the channel that is followed, by what came of them.";
    PULL_LAST_SUCCESS = Kind::Gauge, "segue_pull_last_success_timestamp_seconds", [],
        "Unix time of the last look at the channel that did not fail, 0 before it; absent where nothing is pulled.";
    PULL_BYTES = Kind::Counter, "segue_pull_bytes_total", [],
        "Bytes fetched of releases and models.";
    PULL_CHANNEL_INFO = Kind::Gauge, "segue_pull_channel_info", ["channel", "release"],
        "Always 1; its labels name the channel that is followed and the release that it names.";
    // The program.
    BUILD_INFO = Kind::Gauge, "segue_build_info", ["version"],
        "Always 1; its label names the program's version.";
}

/// How often [`Metrics::upkeep`] is due: the samples of the exporter's histograms wait in memory until then.
pub const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);

/// All metrics of one process; a clone is another handle to the same ones.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

/// What is read at a scrape rather than kept: the parts that know it hold it anyway, and a gauge that is kept beside
/// them costs every request and can disagree.
pub trait Watched: Send + Sync {
    /// Whether a verified release is warm and requests are welcome.
    fn ready(&self) -> bool;
    /// Admission units taken now.
    fn in_flight(&self) -> usize;
    /// Admission units there are.
    fn in_flight_limit(&self) -> usize;
    /// What the model's part does now.
    fn model(&self) -> ModelGauges {
        ModelGauges::default()
    }

    /// What trials counted since the start, and the share of the canary that is on.
    fn trial(&self) -> (Totals, Share) {
        Default::default()
    }

    /// What the unseen log did since the start.
    fn unseen(&self) -> Figures {
        Figures::default()
    }
}

struct Inner {
    registrar: Arc<Registrar>,
    process: metrics_process::Collector,
    workers: Workers,
    release: ReleaseMetrics,
    gate: GateMetrics,
    transfer: Arc<TransferMetrics>,
    model: Arc<ModelMetrics>,
    trial: Arc<TrialMetrics>,
    admin: AdminMetrics,
    tls: TlsMetrics,
    watched: OnceLock<Arc<dyn Watched>>,
}

impl Metrics {
    /// A fresh set, every count at zero. Two sets in one process never mix.
    pub fn new() -> Self {
        let registrar = Arc::new(Registrar::new(METRICS));
        registrar.gauge(&BUILD_INFO, &[env!("CARGO_PKG_VERSION")]).set(1);
        let process = metrics_process::Collector::default();
        registrar.locally(|| process.describe());
        Self {
            inner: Arc::new(Inner {
                workers: Workers::new(),
                release: ReleaseMetrics::new(&registrar),
                gate: GateMetrics::new(&registrar),
                transfer: Arc::new(TransferMetrics::new(&registrar)),
                model: Arc::new(ModelMetrics::new(&registrar)),
                trial: Arc::new(TrialMetrics::new(&registrar)),
                admin: AdminMetrics::new(&registrar),
                tls: TlsMetrics::new(&registrar),
                watched: OnceLock::new(),
                process,
                registrar,
            }),
        }
    }

    /// Handles for one door, to be fetched once at the start of each worker thread that counts there: each call makes
    /// cells of its own, which live as long as the metrics and are summed at a scrape. Threads may share them, at a cost.
    pub fn door(&self, door: Door) -> Arc<DoorMetrics> {
        self.inner.workers.join(door, &self.inner.registrar)
    }

    /// The handles of the reloader.
    pub fn release(&self) -> &ReleaseMetrics {
        &self.inner.release
    }

    /// The handles of the operator's door.
    pub fn admin(&self) -> &AdminMetrics {
        &self.inner.admin
    }

    /// The handles of encryption.
    pub fn tls(&self) -> &TlsMetrics {
        &self.inner.tls
    }

    /// The handles of the gates.
    pub fn gate(&self) -> &GateMetrics {
        &self.inner.gate
    }

    /// The handles of who receives and who pulls.
    pub fn transfer(&self) -> Arc<TransferMetrics> {
        self.inner.transfer.clone()
    }

    /// The handles of the model's part.
    pub fn model(&self) -> Arc<ModelMetrics> {
        self.inner.model.clone()
    }

    /// The handles of who ends trials.
    pub fn trial(&self) -> Arc<TrialMetrics> {
        self.inner.trial.clone()
    }

    /// Shows what `watched` says at each scrape. Only the first call counts.
    pub fn watch(&self, watched: Arc<dyn Watched>) {
        // A second watcher is dropped: two would fight over one gauge.
        let _ = self.inner.watched.set(watched);
    }

    /// The exposition in the Prometheus text format, sorted by name.
    pub fn render(&self) -> String {
        let model = self.refresh();
        let trial = self.inner.watched.get().map(|watched| trial::collect(watched.trial(), &self.inner.registrar));
        let histograms = self.inner.workers.collect(&self.inner.registrar);
        let mut text = self.inner.registrar.render();
        text.push_str(&histograms);
        text.push('\n');
        text.push_str(&trial.unwrap_or_default());
        text.push('\n');
        text.push_str(&self.inner.release.describe());
        text.push('\n');
        text.push_str(&self.inner.transfer.describe());
        text.push('\n');
        text.push_str(&model.map(|model| model.render()).unwrap_or_default());
        sorted(&text)
    }

    /// Moves waiting samples into their histograms. Due every [`UPKEEP_INTERVAL`]: without it, a process that nobody
    /// scrapes keeps every sample for ever.
    pub fn upkeep(&self) {
        self.inner.registrar.upkeep();
    }

    /// Brings the gauges up to date that are read rather than kept. Gives the model that serves, if one does.
    fn refresh(&self) -> Option<ModelInfo> {
        self.inner.registrar.locally(|| self.inner.process.collect());
        let set = |metric, value| self.inner.registrar.gauge(metric, &[]).set(value);
        let memory = Memory::now();
        memory.limit_bytes.into_iter().for_each(|limit| set(&MEMORY_LIMIT, limit as f64));
        set(&MEMORY_LOCKED, memory.locked_bytes as f64);
        let watched = self.inner.watched.get()?;
        set(&READY, f64::from(u8::from(watched.ready())));
        set(&IN_FLIGHT, watched.in_flight() as f64);
        set(&IN_FLIGHT_LIMIT, watched.in_flight_limit() as f64);
        let unseen = watched.unseen();
        set(&UNSEEN_HISTORIES, unseen.histories as f64);
        let count = |metric, total| self.inner.registrar.counter(metric, &[]).absolute(total);
        count(&UNSEEN_RECORDED, unseen.recorded);
        count(&UNSEEN_DROPPED, unseen.dropped);
        count(&UNSEEN_FLUSH_FAILURES, unseen.flush_failures);
        let model = watched.model();
        set(&MODEL_QUEUE_LENGTH, model.queue_length as f64);
        set(&MODEL_BREAKER_STATE, breaker_number(model.breaker));
        set(&MEMO_ENTRIES, model.memo_entries as f64);
        model.info
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Orders the families by name: the exporter's hash order differs at every scrape, which no person and no compressor likes.
fn sorted(text: &str) -> String {
    let mut families: Vec<&str> = text.split("\n\n").filter(|family| !family.is_empty()).collect();
    families.sort_unstable();
    let mut out = families.join("\n");
    out.push('\n');
    out
}

#[cfg(test)]
mod tests;
