//! When what failed is tried again, and how a failure is told; a failure must never keep the next release from its turn.

use std::time::{Duration, Instant};

use super::errand::Looking;
use super::follower::Follower;
use super::outcome::Failure;
use crate::snapshot::manifest::Version;

/// Longest wait before a release that failed is tried again unasked: a file that came late heals by itself, and a bad
/// one costs little.
const RETRY_MAX: Duration = Duration::from_secs(60);

/// What the pointer names failed, and when it is tried again.
pub(super) struct Retry {
    failure: Failure,
    due: Instant,
    wait: Duration,
}

impl Follower {
    /// Keeps what serves, and says why. Logged when it is news: at every asked look, and at the first unasked one.
    pub(super) fn refuse(&mut self, failure: Failure, looking: Looking) -> Failure {
        if let (Looking::Unasked, Some(failure)) = (looking, self.not_due(failure.version.as_ref())) {
            return failure;
        }
        let again = self.retry.take().filter(|retry| retry.failure.version == failure.version);
        let wait = again.map_or(self.rules.poll, |retry| (retry.wait * 2).min(RETRY_MAX));
        self.retry = Some(Retry { failure: failure.clone(), due: Instant::now() + wait, wait });
        self.report(failure)
    }

    /// Counts, logs and shows a failure to load.
    pub(super) fn report(&self, failure: Failure) -> Failure {
        self.status.lock().failure = Some(failure.clone());
        self.count(failure)
    }

    /// Counts and logs a failure to load: one cause is one count, that of the gate where one refused.
    pub(super) fn count(&self, failure: Failure) -> Failure {
        let Failure { version, reason, gate, text, .. } = &failure;
        match gate {
            Some(gate) => self.parts.metrics.gate().refused(*gate),
            None => self.parts.metrics.release().load_failed(reason),
        }
        tracing::error!(release = version.as_ref().map(Version::as_str), reason, "release refused: {text}");
        failure
    }

    /// The failure that stands, where the same release failed and its retry is not due yet.
    pub(super) fn not_due(&self, version: Option<&Version>) -> Option<Failure> {
        let waiting = self.retry.as_ref().filter(|retry| retry.failure.version.as_ref() == version)?;
        (Instant::now() < waiting.due).then(|| waiting.failure.clone())
    }

    /// The pointer is back at what serves: what failed before is no longer wanted.
    pub(super) fn settle(&mut self) {
        self.retry = None;
        self.status.lock().failure = None;
    }
}
