//! What the reloader is asked for; it must never do any of it.

use super::Reply;
use crate::snapshot::lifecycle::Reason;
use crate::snapshot::live::Share;
use crate::snapshot::manifest::Version;

/// A command, and who waits for its outcome.
pub(super) struct Request {
    pub command: Command,
    pub reply: Reply,
}

/// What may be asked of the reloader; its handle says what each means.
#[derive(Clone, Debug)]
pub(super) enum Command {
    Look,
    Stage(Version),
    Activate(Version),
    Promote(Version),
    Rollback,
    Pin(Version),
    Unpin,
    Quarantine(Version, Reason),
    SetShadow(Version, Share),
    SetCanary(Version, Share),
    EndTrial,
    Abort(Version, Reason),
}
