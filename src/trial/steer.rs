//! The guard's hands: what it decides, as commands of the reloader; it must never do them itself.

use tokio::sync::oneshot::Receiver;

use super::guard::Steer;
use super::judge::Breach;
use crate::snapshot::lifecycle::Reason;
use crate::snapshot::manifest::Version;
use crate::snapshot::reload::{Outcome, Reloader};

impl Steer for Reloader {
    fn abort(&self, version: &Version, breach: &Breach) -> Result<(), String> {
        let reason = Reason { class: breach.bound.label(), text: breach.text.clone() };
        done(self.abort_canary(version.clone(), reason))
    }

    fn promote(&self, version: &Version) -> Result<(), String> {
        done(Self::promote(self, version.clone()))
    }
}

/// Waits until a command is done. The caller is a thread of its own, never one of a runtime's.
fn done(coming: Receiver<Outcome>) -> Result<(), String> {
    match coming.blocking_recv() {
        Ok(outcome) => outcome.result.map(drop).map_err(|failure| failure.text),
        Err(_) => Err("the reloader is busy or gone; it is asked again".to_owned()),
    }
}
