//! The changes over HTTP: each decodes its body, asks the desk and encodes, and decides nothing.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::routing::{MethodRouter, post};
use axum::{Extension, Json, Router};
use serde::de::DeserializeOwned;

use super::body::Paced;
use super::change::Change;
use super::desk::Desk;
use super::documents::changes::{ChangedBody, EmptyBody, QuarantineBody, RollbackBody, ShareBody, VersionBody};
use super::problem::AdminError;
use crate::auth::Caller;

/// Bytes of a body: the longest name fits ten times, and a reason beside it.
const BODY_BYTES_MAX: u64 = 2048;

/// Every change, by its path.
pub(super) fn routes() -> Router<Arc<Desk>> {
    Router::new()
        .route("/admin/v1/reload", empty("{}", Change::Reload))
        .route("/admin/v1/rollback", change(ROLLBACK, |body: RollbackBody| Change::Rollback(body.from)))
        .route("/admin/v1/unpin", empty("{}", Change::Unpin))
        .route("/admin/v1/stage", naming(Change::Stage))
        .route("/admin/v1/activate", naming(Change::Activate))
        .route("/admin/v1/promote", naming(Change::Promote))
        .route("/admin/v1/pin", naming(Change::Pin))
        .route(
            "/admin/v1/quarantine",
            change(QUARANTINE, |body: QuarantineBody| Change::Quarantine(body.version, body.reason)),
        )
        .route("/admin/v1/shadow", change(SHARE, |body: ShareBody| Change::Shadow(body.version, body.share)))
        .route("/admin/v1/canary", change(SHARE, |body: ShareBody| Change::Canary(body.version, body.share)))
}

const ROLLBACK: &str = "{\"from\":\"NAME\"} or {}";
const NAMING: &str = "{\"version\":\"NAME\"}";
const QUARANTINE: &str = "{\"version\":\"NAME\",\"reason\":\"TEXT\"}";
const SHARE: &str = "{\"version\":\"NAME\",\"share\":0.1}";

/// A change of one release.
fn naming(of: fn(crate::snapshot::manifest::Version) -> Change) -> MethodRouter<Arc<Desk>> {
    change(NAMING, move |body: VersionBody| of(body.version))
}

/// A change that needs no body.
fn empty(expected: &'static str, asked: Change) -> MethodRouter<Arc<Desk>> {
    change(expected, move |_: EmptyBody| asked.clone())
}

/// A change whose body reads as `expected`.
fn change<B: DeserializeOwned + 'static>(
    expected: &'static str,
    of: impl Fn(B) -> Change + Clone + Send + Sync + 'static,
) -> MethodRouter<Arc<Desk>> {
    post(move |State(desk): State<Arc<Desk>>, Extension(caller): Extension<Caller>, body: Body| async move {
        let body = Paced::new(body, desk.pace).whole(BODY_BYTES_MAX).await?;
        let asked = of(decoded(&body, expected)?);
        Ok::<Json<ChangedBody>, AdminError>(Json(desk.change(caller, asked).await?))
    })
}

/// A body's content; none at all is an empty object.
fn decoded<B: DeserializeOwned>(body: &[u8], expected: &'static str) -> Result<B, AdminError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|source| AdminError::Json { source, expected })
}
