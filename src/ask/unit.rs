//! The caller's stable key, which says who sees a release on trial; it must never reach a log, a label or a reply.

use std::fmt;

/// A key that stays the same from question to question: a user's id, a session's, or a hash of one.
#[derive(Clone, PartialEq, Eq)]
pub struct Unit(Box<str>);

impl Unit {
    /// The key's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl From<String> for Unit {
    fn from(key: String) -> Self {
        Self(key.into())
    }
}

/// Says that there is one, and no more: it may name a person.
impl fmt::Debug for Unit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Unit(..)")
    }
}
