//! The guard's hands: what it decides, as commands of the reloader; it must never do them itself.

use tokio::sync::oneshot::Receiver;

use super::guard::{Steer, Undone};
use super::judge::Breach;
use crate::snapshot::lifecycle::Reason;
use crate::snapshot::manifest::Version;
use crate::snapshot::reload::{Outcome, Reloader};

/// The class of a failure that is the disk's.
const IO: &str = "io";

impl Steer for Reloader {
    fn abort(&self, version: &Version, breach: &Breach) -> Result<(), Undone> {
        let reason = Reason { class: breach.bound.label(), text: breach.text.clone() };
        done(self.abort_canary(version.clone(), reason))
    }

    fn promote(&self, version: &Version) -> Result<(), Undone> {
        done(Self::promote(self, version.clone()))
    }
}

/// Waits until a command is done. The caller is a thread of its own, never one of a runtime's.
fn done(coming: Receiver<Outcome>) -> Result<(), Undone> {
    match coming.blocking_recv().map(|outcome| outcome.result) {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(failure)) if failure.reason == IO => Err(Undone::Failed(failure.text)),
        Ok(Err(failure)) => Err(Undone::Refused(failure.text)),
        Err(_) => Err(Undone::Failed("the reloader has more to do than it takes on".to_owned())),
    }
}
