//! Trying things out: what the releases in memory answer to a history, and the clusters that a name begins. No answer
//! given here is counted, kept or noted, and none takes a place from a caller.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, RawQuery, State};
use serde::Deserialize;

use super::desk::Desk;
use super::documents::lookup::{ClustersBody, LookupBody};
use super::problem::AdminError;
use crate::ask::Ask;
use crate::error::Error;
use crate::http::question_of_query;
use crate::lookup::{Lookup, complete, look_up};
use crate::snapshot::release::Release;

/// Lookups at once: a model may have to be asked for each, on a core that callers could use.
pub(super) const LOOKUPS_MAX: usize = 2;
/// Letters of what is typed that count: more than any name has, and a bound on the work.
const TYPED_LETTERS_MAX: usize = 128;
/// Clusters given to what is typed: as many as a person reads.
const CLUSTERS_MAX: usize = 12;

/// What was typed so far.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Typed {
    #[serde(default)]
    query: String,
}

/// The answers of what serves, and of what is staged beside it.
pub(super) async fn lookup(
    State(desk): State<Arc<Desk>>,
    RawQuery(query): RawQuery,
) -> Result<Json<LookupBody>, AdminError> {
    let question = question_of_query(&query.unwrap_or_default())?;
    let ask = desk.parts.room.check(question)?;
    // The semaphore is never closed.
    let _turn = desk.lookups.acquire().await.map_err(|_| AdminError::Internal)?;
    desk.on_disk(move |desk| desk.look_up(&ask)).await?.map(Json)
}

/// The clusters of the serving release that fit what was typed.
pub(super) async fn clusters(
    State(desk): State<Arc<Desk>>,
    typed: Result<Query<Typed>, QueryRejection>,
) -> Result<Json<ClustersBody>, AdminError> {
    let Query(Typed { query }) = typed.map_err(|error| Error::Malformed { reason: error.body_text() })?;
    let query: String = query.chars().take(TYPED_LETTERS_MAX).collect();
    desk.on_disk(move |desk| desk.complete(&query)).await?.map(Json)
}

impl Desk {
    fn look_up(&self, ask: &Ask) -> Result<LookupBody, AdminError> {
        let lineup = self.parts.room.lineup().ok_or(Error::NotReady)?;
        let staged = self.parts.reloader.status().staged.and_then(|staged| staged.upgrade());
        let staged = staged.map(|release| self.answer_of(&release, ask));
        Ok(LookupBody { current: self.answer_of(&lineup.current, ask), staged })
    }

    fn answer_of(&self, release: &Release, ask: &Ask) -> Lookup {
        look_up(release, self.parts.room.rungs(), ask)
    }

    fn complete(&self, query: &str) -> Result<ClustersBody, AdminError> {
        let found = |release: &Release| ClustersBody {
            catalogue: release.manifest().catalogue.clone(),
            clusters: complete(release.catalogue(), query, CLUSTERS_MAX).into_iter().cloned().collect(),
        };
        Ok(self.parts.room.release(found)?)
    }
}
