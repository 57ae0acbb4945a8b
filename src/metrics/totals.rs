//! What the doors answered since the start, summed over workers, for who shows it as it happens; it must never make a
//! worker wait, nor hold a second count of anything that a scrape shows.

use super::door::DoorMetrics;
use super::durations::DurationTotals;
use super::label::{Call, Door, Label};
use super::{Metrics, REQUEST_DURATION};
use crate::answer::{Degraded, Source};
use crate::error::Code;

/// The calls that answer questions; the others are about the catalogue and the service itself.
const ANSWERING: [Call; 3] = [Call::NextClusters, Call::Batch, Call::Stream];

const DOORS: usize = Door::ALL.len();

/// Counts of the calls that answer questions, over both doors, since the start or over a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorTotals {
    /// Requests finished, by [`Door`].
    pub requests: [u64; DOORS],
    /// Requests finished, by [`Code`], in the order of [`Code::ALL`].
    pub ends: [u64; Code::ALL.len()],
    /// Answers, in the order of [`Source::ALL`]; every item of a batch counts.
    pub answers: [u64; Source::ALL.len()],
    /// Answers that the model should have given, in the order of [`Degraded::ALL`].
    pub degraded: [u64; Degraded::ALL.len()],
    durations: DurationTotals,
}

impl Metrics {
    /// What the doors answered since the start. A few hundred loads a worker, and no lookup.
    pub fn totals(&self) -> DoorTotals {
        let mut totals = DoorTotals::default();
        for &door in Door::ALL {
            self.inner.workers.each(door, |worker| totals.add(door, worker));
        }
        totals
    }
}

impl DoorTotals {
    /// What came since an earlier look at the same metrics.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            requests: less(self.requests, earlier.requests),
            ends: less(self.ends, earlier.ends),
            answers: less(self.answers, earlier.answers),
            degraded: less(self.degraded, earlier.degraded),
            durations: self.durations.since(&earlier.durations),
        }
    }

    /// Requests that ended with a code.
    pub fn ended(&self, code: Code) -> u64 {
        self.ends[code.index()]
    }

    /// The time that a share of the requests took at most, in seconds, as near as the histogram's buckets tell; `None`
    /// where there were none.
    pub fn quantile_s(&self, share: f64) -> Option<f64> {
        self.durations.quantile_s(&REQUEST_DURATION, share)
    }

    fn add(&mut self, door: Door, worker: &DoorMetrics) {
        for call in ANSWERING {
            for code in Code::ALL {
                let ended = worker.requests(call, code);
                self.requests[door.index()] += ended;
                self.ends[code.index()] += ended;
            }
            self.durations.add(worker.durations(call));
        }
        Source::ALL.iter().for_each(|&source| self.answers[source.index()] += worker.answers(source));
        Degraded::ALL.iter().for_each(|&reason| self.degraded[reason.index()] += worker.degradations(reason));
    }
}

impl Default for DoorTotals {
    fn default() -> Self {
        Self {
            requests: Default::default(),
            ends: [0; Code::ALL.len()],
            answers: Default::default(),
            degraded: Default::default(),
            durations: DurationTotals::none(&REQUEST_DURATION),
        }
    }
}

/// The workers count on while they are read, so a later look may be behind an earlier one in nothing but appearance.
fn less<const N: usize>(later: [u64; N], earlier: [u64; N]) -> [u64; N] {
    std::array::from_fn(|place| later[place].saturating_sub(earlier[place]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_span_holds_what_came_in_it_over_doors_and_workers() {
        let metrics = Metrics::new();
        let (one, other) = (metrics.door(Door::Http), metrics.door(Door::Grpc));
        one.finished(Call::NextClusters, Code::Ok, Duration::from_millis(900));
        let before = metrics.totals();
        one.finished(Call::NextClusters, Code::Ok, Duration::from_micros(20));
        other.finished(Call::Stream, Code::Overloaded, Duration::from_micros(20));
        other.finished(Call::Clusters, Code::Ok, Duration::from_secs(1));
        other.answered(Source::Suffix);
        other.degraded(Degraded::ModelFailed);
        let span = metrics.totals().since(&before);
        assert_eq!((span.requests, span.ended(Code::Ok), span.ended(Code::Overloaded)), ([1, 1], 1, 1));
        assert_eq!((span.answers, span.degraded), ([0, 1, 0, 0], [0, 0, 0, 1, 0]));
        let slowest_s = span.quantile_s(1.0).expect("two requests came");
        assert!((0.000_015..=0.000_025).contains(&slowest_s), "{slowest_s}");
    }
}
