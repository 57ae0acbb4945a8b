//! What is counted of releases and models that come, pushed or pulled; a channel that is no longer followed, or that named
//! another release, must never be shown.

use std::sync::Arc;

use metrics::{Counter, Gauge};
use parking_lot::Mutex;

use super::label::{Label, per_label};
use super::registrar::Registrar;
use super::{METRICS, PULL_BYTES, PULL_CHANNEL_INFO, PULL_LAST_SUCCESS, PULL_POLLS, PUSH_BYTES, PUSHES};
use crate::snapshot::manifest::Version;

/// How a push ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It was published.
    Published,
    /// It was refused, for good.
    Refused,
    /// Nobody continued it.
    Abandoned,
}

/// How a look at the channel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polled {
    /// What it names is where it should be already.
    Unchanged,
    /// What it names was fetched, or was here, and now stands as configured.
    Fetched,
    /// It names what may not be taken now: a pin, a quarantine or a rollback says so.
    Held,
    /// It could not be read, or what it names not be taken.
    Failed,
}

impl Polled {
    /// Its word, as the metric's label spells it.
    pub fn word(self) -> &'static str {
        self.text()
    }
}

/// The handles of who receives and who pulls.
pub struct TransferMetrics {
    registrar: Arc<Registrar>,
    pushes: Box<[Counter]>,
    push_bytes: Counter,
    polls: Box<[Counter]>,
    pull_bytes: Counter,
    /// The line that names the channel, rendered when it was read: a gauge would go on naming every earlier release.
    described: Mutex<String>,
}

impl TransferMetrics {
    pub(super) fn new(registrar: &Arc<Registrar>) -> Self {
        Self {
            pushes: per_label(|pushed: Pushed| registrar.counter(&PUSHES, &[pushed.text()])),
            push_bytes: registrar.counter(&PUSH_BYTES, &[]),
            polls: per_label(|polled: Polled| registrar.counter(&PULL_POLLS, &[polled.text()])),
            pull_bytes: registrar.counter(&PULL_BYTES, &[]),
            described: Mutex::default(),
            registrar: registrar.clone(),
        }
    }

    /// Counts a push that ended.
    pub fn pushed(&self, how: Pushed) {
        self.pushes[how.index()].increment(1);
    }

    /// Counts bytes that came.
    pub fn push_bytes(&self, bytes: u64) {
        self.push_bytes.increment(bytes);
    }

    /// Counts bytes that were pulled.
    pub fn pull_bytes(&self, bytes: u64) {
        self.pull_bytes.increment(bytes);
    }

    /// Shows that something is pulled, before the first look: the last success lies at 0 until there is one.
    pub fn pulls(&self) {
        self.last_success().set(0.0);
    }

    /// Counts a look at the channel that ended at a Unix time.
    pub fn polled(&self, how: Polled, now_unix_s: u64) {
        self.polls[how.index()].increment(1);
        if how != Polled::Failed {
            self.last_success().set(now_unix_s as f64);
        }
    }

    /// Shows which release a channel names, in the place of what it named before.
    pub fn follows(&self, channel: &Version, release: &Version) {
        let registrar = Registrar::new(METRICS);
        registrar.gauge(&PULL_CHANNEL_INFO, &[channel.as_str(), release.as_str()]).set(1);
        *self.described.lock() = registrar.render();
    }

    /// The series of the channel; empty before it was read.
    pub(super) fn describe(&self) -> String {
        self.described.lock().clone()
    }

    /// Absent where nothing is pulled.
    fn last_success(&self) -> Gauge {
        self.registrar.gauge(&PULL_LAST_SUCCESS, &[])
    }
}
