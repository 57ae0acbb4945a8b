//! The calls that change what serves; each answers only after the fact.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::{Extension, Json};
use tokio::sync::oneshot::Receiver;

use super::Desk;
use super::body::Paced;
use super::documents::{ActivateBody, ServingBody};
use super::problem::AdminError;
use crate::audit::Verb;
use crate::auth::Caller;
use crate::snapshot::reload::{Failure, Outcome};

/// Bytes of a body that names a release: the longest name fits ten times.
const NAMING_BYTES_MAX: u64 = 2048;
/// Longest wait for a load: a release of 50 million histories takes seconds from a warm disk, minutes from a cold one.
const LOAD_WAIT_MAX: Duration = Duration::from_secs(600);

/// Looks at the pointer now, and follows it.
pub(super) async fn reload(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<ServingBody>, AdminError> {
    let (change, reloader) = (desk.change(caller, Verb::Reload), desk.parts.reloader.clone());
    let make = async move { settled(reloader.request()).await?.map_err(AdminError::Load) };
    desk.audited(change, make, serving).await.map(Json)
}

/// Points at another release and serves it; one that could not serve is refused before the pointer moves.
pub(super) async fn activate(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    body: Body,
) -> Result<Json<ServingBody>, AdminError> {
    let body = Paced::new(body, desk.pace).whole(NAMING_BYTES_MAX).await?;
    let ActivateBody { version } = serde_json::from_slice(&body)?;
    let (change, reloader) = (desk.change(caller, Verb::Activate).to(&version), desk.parts.reloader.clone());
    let make = async move {
        let settled = settled(reloader.activate(version.clone())).await?;
        settled.map_err(|failure| AdminError::NotActivated { version, failure })
    };
    desk.audited(change, make, serving).await.map(Json)
}

/// What a change led to, for the audit log.
fn serving(serving: &ServingBody) -> Option<String> {
    Some(serving.release.to_string())
}

/// Waits for what the reloader was asked for to be a fact, or to have failed.
async fn settled(outcome: Receiver<Outcome>) -> Result<Result<ServingBody, Failure>, AdminError> {
    let waited = tokio::time::timeout(LOAD_WAIT_MAX, outcome).await;
    let outcome = waited.map_err(|_| AdminError::LoadSlow { wait_s_max: LOAD_WAIT_MAX.as_secs() })?;
    Ok(match outcome.map_err(|_| AdminError::ReloaderBusy)? {
        Outcome::Swapped(release) => Ok(ServingBody { release, changed: true }),
        Outcome::Unchanged(release) => Ok(ServingBody { release, changed: false }),
        Outcome::Failed(failure) => Err(failure),
    })
}

/// Runs work that waits for a disk where it holds up nobody else.
pub(super) async fn on_disk<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> Result<R, AdminError> {
    // The only error is a panic, which has been printed.
    tokio::task::spawn_blocking(work).await.map_err(|_| AdminError::Internal)
}
