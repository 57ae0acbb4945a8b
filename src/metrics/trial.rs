//! What a scrape shows of trials; the cells are the trial's own, and a request must never meet the exporter for them.

use metrics::Counter;

use super::durations::{DurationTotals, write_head};
use super::label::{Label, per_label};
use super::registrar::{Metric, Registrar};
use super::{
    CANARY_ABORTS, CANARY_ANSWERS, CANARY_DURATION, CANARY_ERRORS, CANARY_PROMOTIONS, CANARY_SHARE, SHADOW_ANSWERS,
    SHADOW_COMPARED, SHADOW_DROPPED, SHADOW_DURATION, SHADOW_OVERLAP, SHADOW_SAMPLED, SHADOW_TOP1_AGREED,
};
use crate::answer::Source;
use crate::snapshot::live::{Arm, Share};
use crate::trial::judge::Bound;
use crate::trial::tally::{ArmTotals, Totals};

/// The handles of who ends trials.
pub struct TrialMetrics {
    aborts: Box<[Counter]>,
    promotions: Counter,
}

impl TrialMetrics {
    pub(super) fn new(registrar: &Registrar) -> Self {
        Self {
            aborts: per_label(|bound: Bound| registrar.counter(&CANARY_ABORTS, &[bound.text()])),
            promotions: registrar.counter(&CANARY_PROMOTIONS, &[]),
        }
    }

    /// Counts a canary taken back for the bound that it left.
    pub fn aborted(&self, bound: Bound) {
        self.aborts[bound.index()].increment(1);
    }

    /// Counts a canary made current.
    pub fn promoted(&self) {
        self.promotions.increment(1);
    }
}

impl std::fmt::Debug for TrialMetrics {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("TrialMetrics").finish_non_exhaustive()
    }
}

/// Brings the registrar's counters up to date, and returns the histograms, which it does not hold.
pub(super) fn collect((totals, canary): (Totals, Share), registrar: &Registrar) -> String {
    let count = |metric, labels: &[&str], total| registrar.counter(metric, labels).absolute(total);
    registrar.gauge(&CANARY_SHARE, &[]).set(canary.ratio());
    count(&SHADOW_SAMPLED, &[], totals.sampled);
    count(&SHADOW_DROPPED, &[], totals.dropped);
    count(&SHADOW_COMPARED, &[], totals.compared);
    count(&SHADOW_TOP1_AGREED, &[], totals.top1_agreed);
    for arm in Arm::ALL {
        count(&CANARY_ERRORS, &[arm.text()], totals.canary[arm.index()].errors);
        for source in Source::ALL {
            let labels = [arm.text(), source.text()];
            count(&CANARY_ANSWERS, &labels, totals.canary[arm.index()].sources[source.index()]);
            count(&SHADOW_ANSWERS, &labels, totals.shadow[arm.index()].sources[source.index()]);
        }
    }
    let mut histograms = String::new();
    write_arms(&mut histograms, &CANARY_DURATION, &totals.canary);
    write_arms(&mut histograms, &SHADOW_DURATION, &totals.shadow);
    write_head(&mut histograms, &SHADOW_OVERLAP);
    DurationTotals::of_spread(&SHADOW_OVERLAP, &totals.overlap).write(&mut histograms, &SHADOW_OVERLAP, "");
    histograms
}

fn write_arms(out: &mut String, metric: &Metric, arms: &[ArmTotals; 2]) {
    write_head(out, metric);
    for arm in Arm::ALL {
        let labels = format!("arm=\"{}\"", arm.text());
        DurationTotals::of_spread(metric, &arms[arm.index()].durations).write(out, metric, &labels);
    }
    out.push('\n');
}
