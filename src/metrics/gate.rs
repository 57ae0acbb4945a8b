//! What the gates count; it must never know what a gate judges by.

use std::sync::Arc;

use super::registrar::Registrar;
use super::{GATE_CHURN, GATE_REFUSALS};
use crate::snapshot::gate::GateName;

/// The handles of the gates. Refusals are rare enough to look their counters up.
pub struct GateMetrics {
    registrar: Arc<Registrar>,
}

impl GateMetrics {
    pub(super) fn new(registrar: &Arc<Registrar>) -> Self {
        for gate in GateName::ALL {
            registrar.counter(&GATE_REFUSALS, &[gate.word()]).absolute(0);
        }
        Self { registrar: registrar.clone() }
    }

    /// Counts a refusal.
    pub fn refused(&self, gate: GateName) {
        self.registrar.counter(&GATE_REFUSALS, &[gate.word()]).increment(1);
    }

    /// Shows the share of histories whose first candidate changed, of the release judged last.
    pub fn churned(&self, share: f64) {
        self.registrar.gauge(&GATE_CHURN, &[]).set(share);
    }
}
