//! What every call of the operator's door works on, over HTTP and gRPC alike; it must never speak either.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};

use super::Parts;
use super::body::Pace;
use super::documents::releases::{FactsBody, PointersBody};
use super::figures::Recorder;
use super::lookup::LOOKUPS_MAX;
use super::problem::AdminError;
use crate::auth::Auth;
use crate::config::Config;
use crate::drain::Drain;
use crate::priority;
use crate::snapshot::lifecycle::Book;
use crate::snapshot::manifest::Version;
use crate::snapshot::store::State;

/// The service as its operator meets it.
pub(super) struct Desk {
    pub(super) parts: Parts,
    pub(super) auth: Auth,
    pub(super) pace: Pace,
    pub(super) figures: Recorder,
    pub(super) lookups: Semaphore,
    pub(super) started: Instant,
    /// When streams that would go on for ever end.
    pub(super) stop: Drain,
    /// What was read of releases, held while the disk is asked: whoever waits for it would ask as well.
    pub(super) facts: Mutex<BTreeMap<Version, FactsBody>>,
}

impl Desk {
    /// Gathers what the calls work on.
    pub(super) fn new(parts: Parts, auth: Auth, config: &Config, stop: &Drain) -> Self {
        Self {
            pace: Pace { idle_max: config.admin.body_idle_timeout },
            figures: Recorder::default(),
            lookups: Semaphore::new(LOOKUPS_MAX),
            started: Instant::now(),
            stop: stop.clone(),
            facts: Mutex::default(),
            auth,
            parts,
        }
    }

    /// Where every release stands.
    pub(super) fn book(&self) -> &Book {
        self.parts.reloader.book()
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

/// Runs long work on a release's bytes, on a thread of its own whose processor requests take whenever they want it: the pool's
/// threads, which others need as well, could not be given their priority back.
pub(super) async fn at_leisure<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> Result<R, AdminError> {
    let (done, result) = oneshot::channel();
    let work = move || {
        priority::step_back();
        // A caller that left does not want it.
        drop(done.send(work()));
    };
    thread::Builder::new().name("segue-push".to_owned()).spawn(work).map_err(|_| AdminError::Internal)?;
    // The only error is a panic, which has been printed.
    result.await.map_err(|_| AdminError::Internal)
}

impl From<&State> for PointersBody {
    fn from(state: &State) -> Self {
        let State { current, previous, staged, pinned, .. } = state.clone();
        Self { current, previous, staged, pinned }
    }
}
