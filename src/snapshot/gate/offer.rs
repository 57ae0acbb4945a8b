//! What is offered before its first byte comes, and why it is refused; it must never look at a byte that has not come.

use super::{GateName, Verdict};
use crate::snapshot::parcel::Parcel;
use crate::snapshot::signature::Signature;
use crate::snapshot::state;

/// A release or a model that somebody wants to send, or that is to be pulled.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// What it is, by its manifest.
    pub parcel: &'a Parcel,
    /// The manifest's very bytes: what was signed.
    pub manifest: &'a [u8],
    /// Its signature, if one came with it.
    pub signature: Option<&'a Signature>,
    /// Bytes that others are still to send to the same disk.
    pub bytes_waiting: u64,
}

/// Why nothing of an offer may come.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// A gate refuses.
    #[error("{0}")]
    Gate(Box<Verdict>),
    /// The disk has no room.
    #[error("{needed} bytes are needed, the store's disk has {free} for it; remove releases that nobody needs")]
    Space {
        /// Bytes still to be written, of all that is on its way.
        needed: u64,
        /// Bytes free, less those that must stay free.
        free: u64,
    },
    /// It was quarantined here, and is never taken again.
    #[error(transparent)]
    Barred(#[from] state::Refusal),
}

impl Refusal {
    /// Its class: a gate's word, `space` or `quarantined`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Gate(verdict) => verdict.gate.word(),
            Self::Space { .. } => "space",
            Self::Barred(refusal) => refusal.class(),
        }
    }

    /// The gate that refuses, if one does.
    pub(super) fn gate(&self) -> Option<GateName> {
        match self {
            Self::Gate(verdict) => Some(verdict.gate),
            Self::Space { .. } | Self::Barred(_) => None,
        }
    }
}
