//! What the operator's door counts; its labels must never hold what a caller sent.

use std::sync::Arc;

use super::registrar::Registrar;
use super::{ADMIN_CHANGES, AUDIT_FAILURES};
use crate::audit::{Ending, Verb};

/// The handles of the operator's door. Changes are rare enough to look a counter up.
pub struct AdminMetrics {
    registrar: Arc<Registrar>,
}

impl AdminMetrics {
    pub(super) fn new(registrar: &Arc<Registrar>) -> Self {
        registrar.counter(&AUDIT_FAILURES, &[]).absolute(0);
        for verb in Verb::ALL {
            for ending in [Ending::Done, Ending::Refused] {
                registrar.counter(&ADMIN_CHANGES, &[verb.word(), ending.word()]).absolute(0);
            }
        }
        Self { registrar: registrar.clone() }
    }

    /// Counts the end of a change.
    pub fn changed(&self, verb: Verb, ending: Ending) {
        self.registrar.counter(&ADMIN_CHANGES, &[verb.word(), ending.word()]).increment(1);
    }

    /// Counts a line that the audit log does not hold.
    pub fn audit_failed(&self) {
        self.registrar.counter(&AUDIT_FAILURES, &[]).increment(1);
    }
}
