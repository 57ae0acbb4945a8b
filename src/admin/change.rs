//! Every change that an operator can ask for, and how each is done: THE core of the door's two skins. It must never say
//! that something is so before it is.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot::Receiver;

use super::desk::Desk;
use super::documents::changes::{ChangedBody, PositionsBody};
use super::problem::AdminError;
use crate::audit::{self, Verb};
use crate::auth::Caller;
use crate::snapshot::live::Share;
use crate::snapshot::manifest::Version;
use crate::snapshot::reload::{Effect, Outcome};

/// Longest wait for a load: a release of 50 million histories takes seconds from a warm disk, minutes from a cold one.
const LOAD_WAIT_MAX: Duration = Duration::from_secs(600);
/// Longest reason of a quarantine: it is kept for good, and written with every move of the pointer.
pub(super) const REASON_BYTES_MAX: usize = 512;

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
    Shadow(Version, Share),
    /// Have the staged release answer a share of traffic.
    Canary(Version, Share),
}

impl Change {
    /// Its one name in the log, the audit and the metrics.
    pub(super) fn verb(&self) -> Verb {
        match self {
            Self::Reload => Verb::Reload,
            Self::Stage(_) => Verb::Stage,
            Self::Activate(_) => Verb::Activate,
            Self::Promote(_) => Verb::Promote,
            Self::Rollback(_) => Verb::Rollback,
            Self::Pin(_) => Verb::Pin,
            Self::Unpin => Verb::Unpin,
            Self::Quarantine(..) => Verb::Quarantine,
            Self::Shadow(..) => Verb::Shadow,
            Self::Canary(..) => Verb::Canary,
        }
    }

    /// What a refusal of it says first.
    pub(super) fn not_done(&self) -> String {
        match self {
            Self::Reload => "what served before still serves".to_owned(),
            Self::Stage(version) => format!("release {version} was not staged"),
            Self::Activate(version) => format!("release {version} was not activated"),
            Self::Promote(version) => format!("release {version} was not promoted"),
            Self::Rollback(_) => "nothing was rolled back".to_owned(),
            Self::Pin(version) => format!("release {version} was not pinned"),
            Self::Unpin => "nothing was unpinned".to_owned(),
            Self::Quarantine(version, _) => format!("release {version} was not quarantined"),
            Self::Shadow(version, _) => format!("release {version} is not shadowed"),
            Self::Canary(version, _) => format!("release {version} is no canary"),
        }
    }

    /// What is to be so after it, in the words of the audit log, as far as that is known before.
    fn goal(&self) -> Option<String> {
        match self {
            Self::Reload | Self::Unpin | Self::Rollback(_) => None,
            Self::Stage(version) | Self::Activate(version) | Self::Promote(version) | Self::Pin(version) => {
                Some(version.to_string())
            }
            Self::Quarantine(version, _) => Some(version.to_string()),
            Self::Shadow(version, share) | Self::Canary(version, share) => Some(format!("{version} at {share}")),
        }
    }

    /// Why, in the words of whoever asks.
    fn reason(&self) -> Option<&str> {
        if let Self::Quarantine(_, reason) = self { Some(reason) } else { None }
    }
}

impl Desk {
    /// Does what a caller asks for between two lines of the audit log, and returns after the fact. A caller who leaves
    /// does not undo it.
    pub(super) async fn change(self: &Arc<Self>, caller: Caller, change: Change) -> Result<ChangedBody, AdminError> {
        change.reason().map_or(Ok(()), check_reason)?;
        let record = self.to_record(caller, change.verb());
        let record = audit::Change { to: change.goal(), reason: change.reason().map(str::to_owned), ..record };
        let follows_goal = record.to.is_some();
        let desk = self.clone();
        let make = async move { desk.perform(change).await };
        let led_to =
            move |changed: &ChangedBody| changed.release.as_ref().filter(|_| !follows_goal).map(Version::to_string);
        self.audited(record, make, led_to).await
    }

    async fn perform(self: &Arc<Self>, change: Change) -> Result<ChangedBody, AdminError> {
        if let Change::Rollback(Some(from)) = &change
            && let Some(done) = self.rolled_back(from).await?
        {
            return Ok(done);
        }
        if let Change::Stage(version) | Change::Activate(version) = &change {
            self.check_stored(&change, version).await?;
        }
        let Outcome { before, after, result } = settled(self.ask(change.clone())).await?;
        self.book().tell();
        let effect =
            result.map_err(|failure| AdminError::NotChanged { change: change.clone(), failure: Box::new(failure) })?;
        let (before, after) = (PositionsBody::from(before), PositionsBody::from(after));
        let serving = after.serving.as_ref().map(Version::as_str);
        tracing::info!(change = change.verb().word(), to = change.goal(), serving, "changed by an operator");
        Ok(ChangedBody { release: after.serving.clone(), changed: effect != Effect::Unchanged, before, after })
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
        let now = PositionsBody {
            serving: serving.clone(),
            previous: state.previous,
            staged: state.staged,
            pinned: state.pinned,
            ..PositionsBody::default()
        };
        Ok(Some(ChangedBody { release: serving, changed: false, before: now.clone(), after: now }))
    }

    /// Refuses what the store does not have: a name that was mistyped is no release that failed.
    async fn check_stored(self: &Arc<Self>, change: &Change, version: &Version) -> Result<(), AdminError> {
        let looked_for = version.clone();
        let stored = move |desk: &Self| {
            let store = &desk.parts.store;
            let barred = store.state().is_ok_and(|state| state.quarantined.contains_key(&looked_for));
            barred || store.release_path(&looked_for).exists()
        };
        let stored = self.on_disk(stored).await?;
        if stored { Ok(()) } else { Err(AdminError::NotStored { change: change.clone() }) }
    }

    fn ask(&self, change: Change) -> Receiver<Outcome> {
        let reloader = &self.parts.reloader;
        match change {
            Change::Reload => reloader.request(),
            Change::Stage(version) => reloader.stage(version),
            Change::Activate(version) => reloader.activate(version),
            Change::Promote(version) => reloader.promote(version),
            Change::Rollback(_) => reloader.rollback(),
            Change::Pin(version) => reloader.pin(version),
            Change::Unpin => reloader.unpin(),
            Change::Quarantine(version, reason) => reloader.quarantine(version, reason),
            Change::Shadow(version, share) => reloader.set_shadow(version, share),
            Change::Canary(version, share) => reloader.set_canary(version, share),
        }
    }
}

/// Waits for what the reloader was asked for to be a fact, or to have failed.
async fn settled(outcome: Receiver<Outcome>) -> Result<Outcome, AdminError> {
    let waited = tokio::time::timeout(LOAD_WAIT_MAX, outcome).await;
    let outcome = waited.map_err(|_| AdminError::LoadSlow { wait_s_max: LOAD_WAIT_MAX.as_secs() })?;
    outcome.map_err(|_| AdminError::ReloaderBusy)
}

/// Refuses a reason that could not be kept and shown as it is.
fn check_reason(reason: &str) -> Result<(), AdminError> {
    let bytes = reason.trim().len();
    let fine = (1..=REASON_BYTES_MAX).contains(&bytes) && !reason.contains(char::is_control);
    if fine { Ok(()) } else { Err(AdminError::Reason { bytes }) }
}
