//! The calls that change what serves; each answers only after the fact.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use tokio::sync::oneshot::Receiver;

use super::Desk;
use super::body::Paced;
use super::documents::{ActivateBody, ServingBody};
use super::problem::AdminError;
use crate::snapshot::reload::{Effect, Failure, Outcome};

/// Bytes of a body that names a release: the longest name fits ten times.
const NAMING_BYTES_MAX: u64 = 2048;
/// Longest wait for a load: a release of 50 million histories takes seconds from a warm disk, minutes from a cold one.
const LOAD_WAIT_MAX: Duration = Duration::from_secs(600);

/// Looks at the pointer now, and follows it.
pub(super) async fn reload(State(desk): State<Arc<Desk>>) -> Result<Json<ServingBody>, AdminError> {
    match settled(desk.parts.reloader.request()).await? {
        Ok(serving) => Ok(Json(serving)),
        Err(failure) => Err(AdminError::Load(failure)),
    }
}

/// Points at another release and serves it; one that could not serve is refused before the pointer moves.
pub(super) async fn activate(State(desk): State<Arc<Desk>>, body: Body) -> Result<Json<ServingBody>, AdminError> {
    let body = Paced::new(body, desk.pace).whole(NAMING_BYTES_MAX).await?;
    let ActivateBody { version } = serde_json::from_slice(&body)?;
    match settled(desk.parts.reloader.activate(version.clone())).await? {
        Ok(serving) => {
            tracing::info!(release = %version, "activated by an operator");
            Ok(Json(serving))
        }
        Err(failure) => Err(AdminError::NotActivated { version, failure }),
    }
}

/// Waits for what the reloader was asked for to be a fact, or to have failed.
async fn settled(outcome: Receiver<Outcome>) -> Result<Result<ServingBody, Failure>, AdminError> {
    let waited = tokio::time::timeout(LOAD_WAIT_MAX, outcome).await;
    let outcome = waited.map_err(|_| AdminError::LoadSlow { wait_s_max: LOAD_WAIT_MAX.as_secs() })?;
    let Outcome { after, result, .. } = outcome.map_err(|_| AdminError::ReloaderBusy)?;
    let changed = match result {
        Ok(effect) => effect != Effect::Unchanged,
        Err(failure) => return Ok(Err(failure)),
    };
    let release = after.serving.ok_or(AdminError::Internal)?;
    Ok(Ok(ServingBody { release, changed }))
}

/// Runs work that waits for a disk where it holds up nobody else.
pub(super) async fn on_disk<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> Result<R, AdminError> {
    // The only error is a panic, which has been printed.
    tokio::task::spawn_blocking(work).await.map_err(|_| AdminError::Internal)
}
