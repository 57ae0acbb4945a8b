//! What an operator reads: the state of the service, and what its store holds. Nothing here changes anything.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};

use super::desk::Desk;
use super::desk::on_disk;
use super::documents::releases::{EntryBody, ReleasesBody};
use super::documents::{InFlightBody, ModelBody, ReleaseBody, StatusBody, WhoamiBody};
use super::guard::Shown;
use super::problem::AdminError;
use crate::auth::Role;
use crate::metrics::Watched;
use crate::snapshot::manifest::Version;
use crate::trial::figures::TrialFigures;

/// Everything an operator asks first.
pub(super) async fn status(State(desk): State<Arc<Desk>>) -> Result<Json<StatusBody>, AdminError> {
    on_disk(move || Json(desk.status())).await
}

/// What the store holds.
pub(super) async fn releases(State(desk): State<Arc<Desk>>) -> Result<Json<ReleasesBody>, AdminError> {
    desk.on_disk(Desk::releases).await?.map(Json)
}

/// One release of it.
pub(super) async fn release(
    State(desk): State<Arc<Desk>>,
    Path(version): Path<String>,
) -> Result<Json<EntryBody>, AdminError> {
    let version: Version = version.parse()?;
    desk.on_disk(move |desk| desk.release(&version)).await?.map(Json)
}

/// How the release on trial fares; `null` while none is on.
pub(super) async fn trial(State(desk): State<Arc<Desk>>) -> Json<Option<TrialFigures>> {
    Json(desk.trial())
}

/// Who calls, and what they may do, as far as they prove it.
pub(super) async fn whoami(State(desk): State<Arc<Desk>>, request: Request) -> Result<Json<WhoamiBody>, AdminError> {
    let caller = Shown::by(&request.into_parts().0).check(desk, Role::Reader).await?;
    Ok(Json(WhoamiBody { who: caller.who, role: caller.role.word().to_owned() }))
}

impl Desk {
    fn status(&self) -> StatusBody {
        let reloader = self.parts.reloader.status();
        let described = self.parts.room.release(|serving| {
            let model = serving.model().map(|model| ModelBody::new(model));
            (ReleaseBody::new(serving.manifest(), reloader.loaded_unix_s), model)
        });
        let (release, model) = described.ok().unzip();
        // The status is most wanted when something is broken: a pointer that cannot be read must not hide the rest.
        let (pointer, pointer_failure) = match self.parts.store.state() {
            Ok(state) => (Some(state), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let room = &self.parts.room;
        StatusBody {
            service: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: self.started.elapsed().as_secs(),
            ready: self.ready().ready,
            stage: self.stage().into(),
            release,
            model: model.flatten(),
            loading: reloader.loading,
            pointer,
            pointer_failure,
            failure: reloader.failure.map(Into::into),
            in_flight: InFlightBody { now: room.in_flight(), limit: room.in_flight_limit() },
            pull: self.parts.pulling.status().map(Into::into),
        }
    }
}
