//! `GET /admin/v1/figures`: how fast questions come and how they are answered, second by second for the last minutes.
//!
//! The counts are the metrics' own, looked at once a second; nothing is counted for this, and no request waits for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::time::interval;

use super::desk::Desk;
use super::documents::InFlightBody;
use super::documents::figures::{AgesBody, FiguresBody, RatesBody};
use super::problem::AdminError;
use crate::error::Error;
use crate::metrics::{DoorTotals, Metrics, Watched};
use crate::snapshot::release::Release;

/// Time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Spans kept: five minutes, what is read at a glance. Prometheus keeps the rest.
const SPANS_MAX: usize = 300;
/// Spans that the figures of now are of: one alone jumps, and ten seconds are still now.
const NOW_SPANS: usize = 10;

/// The last looks at the metrics.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    looks: Mutex<VecDeque<Look>>,
}

/// What had been counted at a time.
#[derive(Debug)]
struct Look {
    at: Instant,
    at_unix_ms: u64,
    totals: DoorTotals,
}

/// Which figures are wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Since {
    /// Only the spans that end after it, in milliseconds since 1970 UTC.
    #[serde(default)]
    after_unix_ms: u64,
}

/// The figures of now, and those of each second since a time.
pub(super) async fn figures(
    State(desk): State<Arc<Desk>>,
    since: Result<Query<Since>, QueryRejection>,
) -> Result<Json<FiguresBody>, AdminError> {
    let Query(since) = since.map_err(|error| Error::Malformed { reason: error.body_text() })?;
    Ok(Json(desk.figures(&since)))
}

/// Looks at the metrics for as long as the door is open.
pub(super) async fn record(desk: Arc<Desk>) {
    let mut ticks = interval(LOOK_INTERVAL);
    loop {
        ticks.tick().await;
        desk.figures.look(&desk.parts.metrics);
    }
}

impl Desk {
    fn figures(&self, since: &Since) -> FiguresBody {
        let room = &self.parts.room;
        let loaded_unix_s = self.parts.reloader.status().loaded_unix_s;
        let (now, spans) = self.figures.rates(since.after_unix_ms);
        FiguresBody {
            at_unix_ms: unix_ms(),
            now,
            spans,
            release: room.release(|release| ages(release, loaded_unix_s)).ok(),
            in_flight: InFlightBody { now: room.in_flight(), limit: room.in_flight_limit() },
        }
    }
}

impl Recorder {
    fn look(&self, metrics: &Metrics) {
        let look = Look { at: Instant::now(), at_unix_ms: unix_ms(), totals: metrics.totals() };
        let mut looks = self.looks.lock();
        looks.push_back(look);
        // Of n looks there are n - 1 spans between them.
        let past = looks.len().saturating_sub(SPANS_MAX + 1);
        looks.drain(..past);
    }

    /// The rates of now, `None` before the second look, and those of each span that ends after a time.
    fn rates(&self, after_unix_ms: u64) -> (Option<RatesBody>, Vec<RatesBody>) {
        let looks = self.looks.lock();
        let first = looks.len().saturating_sub(NOW_SPANS + 1);
        let now = looks.get(first).zip(looks.back()).filter(|(from, to)| from.at < to.at);
        let spans = looks.iter().zip(looks.iter().skip(1)).filter(|(_, to)| to.at_unix_ms > after_unix_ms);
        (now.map(|(from, to)| rates(from, to)), spans.map(|(from, to)| rates(from, to)).collect())
    }
}

fn rates(from: &Look, to: &Look) -> RatesBody {
    RatesBody::new(to.at_unix_ms, to.at - from.at, &to.totals.since(&from.totals))
}

fn ages(release: &Release, loaded_unix_s: Option<u64>) -> AgesBody {
    let manifest = release.manifest();
    AgesBody {
        version: manifest.version.clone(),
        data_end_unix_s: manifest.provenance.data_window.map(|window| window.to_unix_s),
        created_unix_s: manifest.created_unix_s,
        loaded_unix_s,
        expected_sources: manifest.expected_sources.clone(),
    }
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{NOW_SPANS, Recorder, SPANS_MAX};
    use crate::metrics::Metrics;

    #[test]
    fn no_more_is_kept_than_is_shown() {
        let (recorder, metrics) = (Recorder::default(), Metrics::new());
        assert_eq!(recorder.rates(0).1.len(), 0);
        (0..SPANS_MAX + NOW_SPANS).for_each(|_| recorder.look(&metrics));
        let (now, spans) = recorder.rates(0);
        assert_eq!(spans.len(), SPANS_MAX);
        assert!(now.is_some_and(|now| now.latency_s.is_none() && now.requests_per_s == 0.0));
        assert_eq!(recorder.rates(u64::MAX).1.len(), 0);
    }
}
