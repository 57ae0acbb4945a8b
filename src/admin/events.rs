//! `GET /admin/v1/watch`: changes as server-sent events, for a page and for `segue status --watch`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use tokio_stream::{Stream, StreamExt};

use super::desk::Desk;
use super::documents::releases::ReleasesBody;
use super::problem::AdminError;

/// The name of an event that carries all releases.
const RELEASES: &str = "releases";
/// Time between comments that show a silent stream to be alive: below what proxies and clients wait.
const ALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// Every change.
pub(super) async fn watch(State(desk): State<Arc<Desk>>) -> Sse<impl Stream<Item = Result<Event, AdminError>>> {
    Sse::new(desk.watch().map(event)).keep_alive(KeepAlive::new().interval(ALIVE_INTERVAL))
}

fn event(told: Result<ReleasesBody, AdminError>) -> Result<Event, AdminError> {
    let told = told.inspect_err(AdminError::log)?;
    let event = Event::default().event(RELEASES).id(told.sequence.to_string());
    Ok(event.json_data(told).expect("the document has a JSON form"))
}
