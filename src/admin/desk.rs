//! What every call of the operator's door works on, over HTTP and gRPC alike; it must never speak either.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;

use super::body::Pace;
use super::figures::Recorder;
use super::lookup::LOOKUPS_MAX;
use super::problem::AdminError;
use super::{Parts, documents::releases::PointersBody};
use crate::auth::Auth;
use crate::config::Config;
use crate::snapshot::ingest::{Ingest, IngestRules};
use crate::snapshot::store::State;

/// The service as its operator meets it.
pub(super) struct Desk {
    pub(super) parts: Parts,
    pub(super) ingest: Ingest,
    pub(super) auth: Auth,
    pub(super) pace: Pace,
    pub(super) figures: Recorder,
    pub(super) lookups: Semaphore,
    pub(super) started: Instant,
}

impl Desk {
    /// Gathers what the calls work on; opens the place where pushes go.
    pub(super) fn new(parts: Parts, auth: Auth, config: &Config) -> Self {
        let rules = IngestRules {
            bytes_max: config.admin.push_bytes_max,
            idle_max: config.admin.push_idle_max,
            precision: config.model.precision,
            model_missing: config.model.missing,
        };
        Self {
            ingest: Ingest::open(parts.store.clone(), rules),
            pace: Pace { idle_max: config.admin.body_idle_timeout },
            figures: Recorder::default(),
            lookups: Semaphore::new(LOOKUPS_MAX),
            started: Instant::now(),
            auth,
            parts,
        }
    }

    /// Does work that waits for a disk, where it holds up nobody else.
    pub(super) async fn on_disk<R: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> R + Send + 'static,
    ) -> Result<R, AdminError> {
        let desk = self.clone();
        on_disk(move || work(&desk)).await
    }
}

/// Runs work that waits for a disk where it holds up nobody else.
pub(super) async fn on_disk<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> Result<R, AdminError> {
    // The only error is a panic, which has been printed.
    tokio::task::spawn_blocking(work).await.map_err(|_| AdminError::Internal)
}

impl From<&State> for PointersBody {
    fn from(state: &State) -> Self {
        Self { current: state.current.clone(), previous: state.previous.clone(), ..Self::default() }
    }
}
