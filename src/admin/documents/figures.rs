//! The document of `GET /admin/v1/figures`: rates, latencies and ages, as numbers that a page or a person can draw.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::InFlightBody;
use crate::answer::{Degraded, Source};
use crate::error::Code;
use crate::metrics::{Door, DoorTotals};
use crate::snapshot::manifest::Version;

/// `GET /admin/v1/figures`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FiguresBody {
    /// The service's clock, in milliseconds since 1970 UTC.
    pub at_unix_ms: u64,
    /// The last ten seconds; none in the first second of the service.
    pub now: Option<RatesBody>,
    /// Each second of the last five minutes, oldest first.
    pub spans: Vec<RatesBody>,
    /// How old what serves is.
    pub release: Option<AgesBody>,
    /// Questions in flight.
    pub in_flight: InFlightBody,
}

/// What came in a span of time. The calls that answer questions are counted, at both doors together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RatesBody {
    /// When the span ended, in milliseconds since 1970 UTC.
    pub at_unix_ms: u64,
    /// How long it was, in seconds.
    pub span_s: f64,
    /// Requests finished, per second.
    pub requests_per_s: f64,
    /// Those that came over HTTP.
    pub http_per_s: f64,
    /// Those that came over gRPC.
    pub grpc_per_s: f64,
    /// Answers by source, per second; every item of a batch counts.
    pub answers_per_s: BTreeMap<String, f64>,
    /// Answers that the model should have given, by reason, per second; reasons that did not occur are left out.
    pub degraded_per_s: BTreeMap<String, f64>,
    /// Requests refused at the in-flight limit, per second.
    pub shed_per_s: f64,
    /// Requests whose caller's time ran out, per second.
    pub expired_per_s: f64,
    /// Requests that the service failed, per second.
    pub failed_per_s: f64,
    /// How long requests took; none where none came.
    pub latency_s: Option<LatencyBody>,
}

/// Times in seconds that a share of the requests took at most, as near as the metric's buckets tell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencyBody {
    /// Half of them.
    pub p50: f64,
    /// Nine in ten.
    pub p90: f64,
    /// All but one in a hundred.
    pub p99: f64,
    /// All but one in a thousand.
    pub p999: f64,
}

/// How old the release that serves is; times are in seconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgesBody {
    /// Its name.
    pub version: Version,
    /// The newest event that it was computed from.
    pub data_end_unix_s: Option<u64>,
    /// When it was made.
    pub created_unix_s: Option<u64>,
    /// When it was swapped in.
    pub loaded_unix_s: Option<u64>,
    /// The shares of answers by source that its maker expects.
    pub expected_sources: BTreeMap<String, f64>,
}

impl RatesBody {
    /// The rates of what was counted in a span that ended at a time, in milliseconds since 1970 UTC.
    pub fn new(at_unix_ms: u64, span: Duration, counted: &DoorTotals) -> Self {
        let span_s = span.as_secs_f64();
        let rate = |count: u64| if span_s > 0.0 { count as f64 / span_s } else { 0.0 };
        let by_door = |door: Door| rate(counted.requests[door as usize]);
        let sources = Source::ALL.iter().zip(counted.answers);
        let reasons = Degraded::ALL.iter().zip(counted.degraded).filter(|(_, count)| *count > 0);
        Self {
            at_unix_ms,
            span_s,
            requests_per_s: by_door(Door::Http) + by_door(Door::Grpc),
            http_per_s: by_door(Door::Http),
            grpc_per_s: by_door(Door::Grpc),
            answers_per_s: sources.map(|(source, count)| (source.label().to_owned(), rate(count))).collect(),
            degraded_per_s: reasons.map(|(reason, count)| (reason.label().to_owned(), rate(count))).collect(),
            shed_per_s: rate(counted.ended(Code::Overloaded)),
            expired_per_s: rate(counted.ended(Code::DeadlineExceeded)),
            failed_per_s: rate(counted.ended(Code::Internal) + counted.ended(Code::Unavailable)),
            latency_s: LatencyBody::of(counted),
        }
    }
}

impl LatencyBody {
    fn of(counted: &DoorTotals) -> Option<Self> {
        let quantile = |share| counted.quantile_s(share);
        Some(Self { p50: quantile(0.5)?, p90: quantile(0.9)?, p99: quantile(0.99)?, p999: quantile(0.999)? })
    }
}
