//! When to try again what failed; it must never hold up another release.

use std::time::{Duration, Instant};

use super::PullError;
use crate::depot::Channel;

/// Longest wait before what failed for a reason that passes is tried again: less than an unfinished push is kept.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// The wait before what was refused for what it is, is fetched and asked again: an operator may have changed a bound.
const REFUSED_WAIT: Duration = Duration::from_secs(3600);

/// What failed, and when it is due.
#[derive(Debug, Default)]
pub(super) struct Retry {
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    channel: Channel,
    text: String,
    due: Instant,
    wait: Duration,
}

impl Retry {
    /// Remembers a failure; the wait doubles from one interval on.
    pub(super) fn failed(&mut self, channel: Channel, error: &PullError, interval: Duration) {
        let again = self.waiting.take().filter(|waiting| waiting.channel == channel);
        let wait = match again {
            _ if error.is_final() => REFUSED_WAIT,
            Some(waiting) => (waiting.wait * 2).min(WAIT_MAX),
            None => interval.min(WAIT_MAX),
        };
        self.waiting = Some(Waiting { channel, text: error.to_string(), due: Instant::now() + wait, wait });
    }

    /// Why this very release failed, where it is not due yet.
    pub(super) fn not_due(&self, channel: &Channel) -> Option<&str> {
        let waiting = self.waiting.as_ref().filter(|waiting| waiting.channel == *channel)?;
        (Instant::now() < waiting.due).then_some(waiting.text.as_str())
    }

    /// What failed for another channel than this, which is no longer wanted.
    pub(super) fn outdated(&mut self, channel: &Channel) -> Option<Channel> {
        self.waiting.take_if(|waiting| waiting.channel != *channel).map(|waiting| waiting.channel)
    }

    /// Nothing failed.
    pub(super) fn forget(&mut self) {
        self.waiting = None;
    }
}
