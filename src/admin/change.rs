//! Every change that an operator can ask for, and how each is done: THE core of the door's two skins. It must never say
//! that something is so before it is.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot::Receiver;

use super::desk::Desk;
use super::documents::changes::{ChangedBody, PositionsBody};
use super::problem::AdminError;
use crate::snapshot::reload::{Effect, Outcome};

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
    /// Go back to the release before; from this one only, where one is named.
    Rollback(Option<Version>),
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
            Self::Rollback(_) => "rollback",
            Self::Pin(_) => "pin",
            Self::Unpin => "unpin",
            Self::Quarantine(..) => "quarantine",
            Self::Shadow(..) => "shadow",
            Self::Canary(..) => "canary",
        }
    }

    /// The release that it names, if it names one.
    pub(super) fn release(&self) -> Option<&Version> {
        match self {
            Self::Reload | Self::Unpin | Self::Rollback(None) => None,
            Self::Stage(version)
            | Self::Activate(version)
            | Self::Promote(version)
            | Self::Rollback(Some(version))
            | Self::Pin(version)
            | Self::Quarantine(version, _)
            | Self::Shadow(version, _)
            | Self::Canary(version, _) => Some(version),
        }
    }
}

impl Desk {
    /// Does what is asked for, and returns after the fact. A caller who leaves does not undo it.
    pub(super) async fn change(self: &Arc<Self>, change: Change) -> Result<ChangedBody, AdminError> {
        let desk = self.clone();
        // A task of its own: whoever asked may hang up, and what became of it is to be recorded all the same.
        let changing = tokio::spawn(async move { desk.perform(change).await });
        // The only error is a panic, which has been printed.
        changing.await.map_err(|_| AdminError::Internal)?
    }

    async fn perform(self: &Arc<Self>, change: Change) -> Result<ChangedBody, AdminError> {
        if let Change::Rollback(Some(from)) = &change
            && let Some(done) = self.rolled_back(from).await?
        {
            return Ok(done);
        }
        let outcome = settled(self.ask(&change)?).await?;
        match outcome.result {
            Ok(effect) => {
                tracing::info!(change = change.word(), release = change.release().map(Version::as_str), "changed by an operator");
                let (before, after) = (outcome.before.into(), PositionsBody::from(outcome.after));
                Ok(ChangedBody { release: after.serving.clone(), changed: effect != Effect::Unchanged, before, after })
            }
            Err(failure) => Err(AdminError::Unchanged { change: change.word(), failure }),
        }
    }

    /// What a rollback from a release says that was made already; an error where another one serves than it is meant
    /// for. The same call sent twice must not go back twice.
    async fn rolled_back(self: &Arc<Self>, from: &Version) -> Result<Option<ChangedBody>, AdminError> {
        let state = self.on_disk(|desk| desk.parts.store.state()).await??;
        if state.current.as_ref() == Some(from) {
            return Ok(None);
        }
        if state.declined.as_ref() != Some(from) {
            return Err(AdminError::Superseded { expected: from.clone(), got: state.current });
        }
        let serving = self.ready().release;
        let now = PositionsBody { serving, previous: state.previous, staged: state.staged, pinned: state.pinned, ..PositionsBody::default() };
        Ok(Some(ChangedBody { release: now.serving.clone(), changed: false, before: now.clone(), after: now }))
    }

    fn ask(&self, change: &Change) -> Result<Receiver<Outcome>, AdminError> {
        let reloader = &self.parts.reloader;
        Ok(match change.clone() {
            Change::Reload => reloader.request(),
            Change::Stage(version) => reloader.stage(version),
            Change::Activate(version) => reloader.activate(version),
            Change::Promote(version) => reloader.promote(version),
            Change::Rollback(_) => reloader.rollback(),
            Change::Pin(version) => reloader.pin(version),
            Change::Unpin => reloader.unpin(),
            Change::Quarantine(version, text) => reloader.quarantine(version, text),
            Change::Shadow(version, part) => reloader.set_shadow(version, share(part)?),
            Change::Canary(version, part) => reloader.set_canary(version, share(part)?),
        })
    }
}

/// Waits for what the reloader was asked for to be a fact, or to have failed.
async fn settled(outcome: Receiver<Outcome>) -> Result<Outcome, AdminError> {
    let waited = tokio::time::timeout(LOAD_WAIT_MAX, outcome).await;
    let outcome = waited.map_err(|_| AdminError::LoadSlow { wait_s_max: LOAD_WAIT_MAX.as_secs() })?;
    outcome.map_err(|_| AdminError::ReloaderBusy)
}
