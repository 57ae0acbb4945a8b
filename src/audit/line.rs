//! One line of the audit log; its fields' names are kept stable, and a text in it is never longer than its limit.

use std::net::SocketAddr;
use std::time::SystemTime;

use serde::Serialize;

use super::{Change, Ending};

/// Longest text of a reason: the reader wants the line, and the log of the service has the rest.
const TEXT_BYTES_MAX: usize = 2048;

/// A line. What is not known is left out.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    at: String,
    id: &'a str,
    who: &'a str,
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<SocketAddr>,
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    #[serde(serialize_with = "word")]
    pub(super) outcome: Ending,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl<'a> Line<'a> {
    pub(super) fn new(id: &'a str, change: &'a Change, outcome: Ending) -> Self {
        let at = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        let Change { caller, verb, from, to, reason } = change;
        Self {
            at,
            id,
            who: &caller.who,
            role: caller.role.word(),
            certificate: caller.certificate.as_deref(),
            peer: caller.peer,
            change: verb.word(),
            from: from.as_deref(),
            to: to.as_deref(),
            outcome,
            reason: reason.as_deref().map(cut),
        }
    }

    /// Its JSON and a line break. JSON escapes every break within.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("texts and words have a JSON form");
        bytes.push(b'\n');
        bytes
    }
}

/// A name for a change, so that its two lines are found together.
pub(super) fn id() -> String {
    format!("{:016x}", fastrand::u64(..))
}

fn cut(text: &str) -> &str {
    let mut ends = (0..=TEXT_BYTES_MAX.min(text.len())).rev();
    &text[..ends.find(|&end| text.is_char_boundary(end)).unwrap_or_default()]
}

fn word<S: serde::Serializer>(ending: &Ending, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(ending.word())
}
