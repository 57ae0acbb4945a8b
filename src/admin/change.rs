//! Every change that an operator can ask for, and how each is done: THE core of the door's two skins. It must never say
//! that something is so before it is.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot::Receiver;

use super::desk::Desk;
use super::documents::changes::ChangedBody;
use super::problem::AdminError;
use crate::snapshot::manifest::Version;
use crate::snapshot::reload::{Failure, Outcome};

/// Longest wait for a load: a release of 50 million histories takes seconds from a warm disk, minutes from a cold one.
const LOAD_WAIT_MAX: Duration = Duration::from_secs(600);

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// Look at the pointer now, and follow it.
    Reload,
    /// Load a release beside what serves.
    Stage(Version),
    /// Point at a release and serve it.
    Activate(Version),
    /// Have the staged release serve.
    Promote(Version),
    /// Go back to the release before.
    Rollback,
    /// Hold the service at a release.
    Pin(Version),
    /// End a pin.
    Unpin,
    /// Bar a release for good, for a reason.
    Quarantine(Version, String),
    /// Compare the staged release on a share of questions.
    Shadow(Version, f64),
    /// Have the staged release answer a share of traffic.
    Canary(Version, f64),
}

impl Change {
    /// Its one name in the log, the audit and the metrics.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::Stage(_) => "stage",
            Self::Activate(_) => "activate",
            Self::Promote(_) => "promote",
            Self::Rollback => "rollback",
            Self::Pin(_) => "pin",
            Self::Unpin => "unpin",
            Self::Quarantine(..) => "quarantine",
            Self::Shadow(..) => "shadow",
            Self::Canary(..) => "canary",
        }
    }
}

impl Desk {
    /// Does what is asked for; returns after the fact.
    pub(super) async fn change(self: &Arc<Self>, change: Change) -> Result<ChangedBody, AdminError> {
        let before = self.on_disk(|desk| desk.parts.store.state()).await??;
        let outcome = self.ask(&change)?;
        let (release, changed) = match (settled(outcome).await?, change) {
            (Ok(settled), _) => settled,
            (Err(failure), Change::Activate(version)) => return Err(AdminError::NotActivated { version, failure }),
            (Err(failure), _) => return Err(AdminError::Load(failure)),
        };
        let after = self.on_disk(|desk| desk.parts.store.state()).await??;
        Ok(ChangedBody { release: Some(release), changed, before: (&before).into(), after: (&after).into() })
    }

    fn ask(&self, change: &Change) -> Result<Receiver<Outcome>, AdminError> {
        let reloader = &self.parts.reloader;
        Ok(match change {
            Change::Reload => reloader.request(),
            Change::Activate(version) => reloader.activate(version.clone()),
            _ => return Err(AdminError::Internal),
        })
    }
}

/// Waits for what the reloader was asked for to be a fact, or to have failed.
async fn settled(outcome: Receiver<Outcome>) -> Result<Result<(Version, bool), Failure>, AdminError> {
    let waited = tokio::time::timeout(LOAD_WAIT_MAX, outcome).await;
    let outcome = waited.map_err(|_| AdminError::LoadSlow { wait_s_max: LOAD_WAIT_MAX.as_secs() })?;
    Ok(match outcome.map_err(|_| AdminError::ReloaderBusy)? {
        Outcome::Swapped(release) => Ok((release, true)),
        Outcome::Unchanged(release) => Ok((release, false)),
        Outcome::Failed(failure) => Err(failure),
    })
}
