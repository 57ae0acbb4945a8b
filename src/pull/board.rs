//! Where it is written how pulling stands, for whoever asks; it must never decide anything.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::depot::Channel;
use crate::metrics::Polled;
use crate::snapshot::manifest::Version;

/// How pulling stands; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Board {
    status: Arc<Mutex<Option<Status>>>,
}

/// How pulling stands.
#[derive(Clone, Debug)]
pub struct Status {
    /// Where it is pulled from, as configured.
    pub from: String,
    /// The name of the channel that is followed.
    pub name: Version,
    /// What the channel said when it was read last.
    pub channel: Option<Channel>,
    /// What came of the last look.
    pub outcome: Option<Polled>,
    /// Why nothing was taken, where it was held or failed.
    pub text: Option<String>,
    /// When the last look ended, in seconds since 1970 UTC.
    pub at_unix_s: Option<u64>,
}

impl Board {
    /// How it stands; `None` where nothing is pulled.
    pub fn status(&self) -> Option<Status> {
        self.status.lock().clone()
    }

    /// Writes down that pulling begins.
    pub(super) fn open(&self, from: String, name: Version) {
        let status = Status { from, name, channel: None, outcome: None, text: None, at_unix_s: None };
        *self.status.lock() = Some(status);
    }

    /// Writes down what the channel says.
    pub(super) fn read(&self, channel: &Channel) {
        if let Some(status) = self.status.lock().as_mut() {
            status.channel = Some(channel.clone());
        }
    }

    /// Writes down what came of a look.
    pub(super) fn looked(&self, outcome: Polled, text: Option<String>, at_unix_s: u64) {
        if let Some(status) = self.status.lock().as_mut() {
            (status.outcome, status.text, status.at_unix_s) = (Some(outcome), text, Some(at_unix_s));
        }
    }
}
