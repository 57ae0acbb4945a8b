//! Probes and metrics; they answer from memory, so that a slow disk or a load under way never fails one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};

use super::desk::Desk;
use super::documents::{HealthBody, LiveBody, ReadyBody, UnreadyReason};
use crate::drain::Stage;
use crate::error::Code;

/// What Prometheus calls its text format.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The process runs.
pub(super) async fn livez() -> Json<LiveBody> {
    Json(LiveBody { live: true })
}

/// Requests are welcome, or not and why.
pub(super) async fn readyz(State(desk): State<Arc<Desk>>) -> (StatusCode, Json<ReadyBody>) {
    let ready = desk.ready();
    let code = if ready.ready { Code::Ok } else { Code::Unavailable };
    (code.http(), Json(ready))
}

/// The state in a few words.
pub(super) async fn healthz(State(desk): State<Arc<Desk>>) -> Json<HealthBody> {
    let ReadyBody { ready, release, reason } = desk.ready();
    let failure = desk.parts.reloader.status().failure.map(Into::into);
    Json(HealthBody { ready, reason, release, stage: desk.stage().into(), failure })
}

/// Every metric.
pub(super) async fn metrics(State(desk): State<Arc<Desk>>) -> ([(HeaderName, &'static str); 1], String) {
    ([(header::CONTENT_TYPE, EXPOSITION)], desk.parts.metrics.render())
}

impl Desk {
    /// Ready only while a verified release is warm, which is the only kind that is ever live, and no stop has begun.
    pub(super) fn ready(&self) -> ReadyBody {
        let release = self.parts.room.release(|release| release.manifest().version.clone()).ok();
        let reason = match (&release, self.stage()) {
            (Some(_), Stage::Serving) => None,
            (_, Stage::Unready | Stage::Closing) => Some(UnreadyReason::Draining),
            (None, Stage::Serving) if self.parts.reloader.status().loading.is_some() => Some(UnreadyReason::Loading),
            (None, Stage::Serving) => Some(UnreadyReason::NoRelease),
        };
        ReadyBody { ready: reason.is_none(), release, reason }
    }

    /// How far the stop has come.
    pub(super) fn stage(&self) -> Stage {
        self.parts.room.drain().stage()
    }
}
