//! The calls that change what serves; each answers only after the fact.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;

use super::Desk;
use super::body::Paced;
use super::documents::{ActivateBody, ServingBody};
use super::problem::AdminError;
use crate::snapshot::manifest::Version;
use crate::snapshot::release::{Release, ReleaseError};
use crate::snapshot::reload::Outcome;

/// Bytes of a body that names a release: the longest name fits ten times.
const NAMING_BYTES_MAX: u64 = 2048;
/// Longest wait for a load: a release of 50 million histories takes seconds from a warm disk, minutes from a cold one.
const LOAD_WAIT_MAX: Duration = Duration::from_secs(600);

/// Looks at the pointer now, and follows it.
pub(super) async fn reload(State(desk): State<Arc<Desk>>) -> Result<Json<ServingBody>, AdminError> {
    let _turn = desk.turn.lock().await;
    desk.follow().await.map(Json)
}

/// Points at another release, and follows; one that could not serve is refused before the pointer moves.
pub(super) async fn activate(State(desk): State<Arc<Desk>>, body: Body) -> Result<Json<ServingBody>, AdminError> {
    let body = Paced::new(body, desk.pace).whole(NAMING_BYTES_MAX).await?;
    let ActivateBody { version } = serde_json::from_slice(&body)?;
    let _turn = desk.turn.lock().await;
    let (moving, wanted) = (desk.clone(), version.clone());
    on_disk(move || moving.point(&wanted)).await??;
    tracing::info!(release = %version, "activated by an operator");
    desk.follow().await.map(Json)
}

/// Runs work that waits for a disk where it holds up nobody else.
pub(super) async fn on_disk<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> Result<R, AdminError> {
    // The only error is a panic, which has been printed.
    tokio::task::spawn_blocking(work).await.map_err(|_| AdminError::Internal)
}

impl Desk {
    /// Waits for the reloader to have followed the pointer.
    async fn follow(&self) -> Result<ServingBody, AdminError> {
        let waited = tokio::time::timeout(LOAD_WAIT_MAX, self.parts.reloader.request()).await;
        let outcome = waited.map_err(|_| AdminError::LoadSlow { wait_s_max: LOAD_WAIT_MAX.as_secs() })?;
        match outcome.map_err(|_| AdminError::ReloaderBusy)? {
            Outcome::Swapped(release) => Ok(ServingBody { release, changed: true }),
            Outcome::Unchanged(release) => Ok(ServingBody { release, changed: false }),
            Outcome::Failed(failure) => Err(AdminError::Load(failure)),
        }
    }

    /// Moves the pointer to a release that passes every check of a load. Were it moved first, a bad release would
    /// wait there for the next start of the service, which would then have nothing to serve.
    fn point(&self, version: &Version) -> Result<(), AdminError> {
        if self.ready().release.as_ref() != Some(version) {
            let checked =
                Release::load(&self.parts.store.release_path(version)).and_then(|release| self.golden(&release));
            checked.map_err(|source| AdminError::Unservable { version: version.clone(), source: Box::new(source) })?;
        }
        self.parts.store.activate(version)?;
        Ok(())
    }

    fn golden(&self, release: &Release) -> Result<(), ReleaseError> {
        let lacking = self.golden_required && release.golden().is_empty();
        if lacking { Err(ReleaseError::GoldenMissing) } else { Ok(()) }
    }
}
