//! `GET /admin/v1/session`: what this door asks of whoever is at it, and who that is as far as it can tell. It must never
//! say whether a token was nearly right.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};

use super::desk::Desk;
use super::documents::session::SessionBody;
use super::guard::Shown;
use crate::auth::Role;

/// Answers anyone, so that a page can ask for a token before a call is refused for want of one.
pub(super) async fn session(State(desk): State<Arc<Desk>>, request: Request) -> Json<SessionBody> {
    let (reads_ask, changes_ask) = (desk.auth.asks(Role::Reader), desk.auth.asks(Role::Operator));
    let caller = Shown::by(&request.into_parts().0).check(desk, Role::Reader).await.ok();
    let role = caller.as_ref().map(|caller| caller.role.word().to_owned());
    Json(SessionBody { reads_ask, changes_ask, who: caller.map(|caller| caller.who), role })
}
