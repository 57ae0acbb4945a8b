//! Brings a channel's release and its model into the store, from where an earlier attempt stopped.
//!
//! The manifest says what to fetch, and its digest must be the channel's; once all is here it is read once more, so that
//! what was withdrawn meanwhile is not published here. It must never hold more than a piece in memory.

use super::pace::Pace;
use super::{Parts, PullError};
use crate::depot::{Channel, Depot, Papers};
use crate::snapshot::ingest::{Begun, IngestError, Missing};
use crate::snapshot::manifest::Version;
use crate::snapshot::parcel::Address;
use crate::snapshot::signature::Signature;

/// A fetch under way.
pub(super) struct Fetch<'a> {
    pub depot: &'a Depot,
    pub parts: &'a Parts,
    pub pace: Pace,
    /// Whether nobody wants it any more.
    pub stopped: &'a dyn Fn() -> bool,
}

impl Fetch<'_> {
    /// Fetches what a channel names: the model first, so that the release finds it.
    pub(super) fn channel(mut self, channel: &Channel) -> Result<(), PullError> {
        if let Some(model) = &channel.model {
            let address = Address::model(model.clone());
            let papers = self.papers(&address)?;
            self.parcel(&address, &papers)?;
        }
        let address = Address::release(channel.release.clone());
        let papers = self.papers(&address)?;
        check_digest(&channel.release, &channel.manifest_blake3, &papers)?;
        self.parcel(&address, &papers)
    }

    fn papers(&self, address: &Address) -> Result<Papers, PullError> {
        self.depot.papers(address)?.ok_or_else(|| PullError::Missing { address: address.clone() })
    }

    fn parcel(&mut self, address: &Address, papers: &Papers) -> Result<(), PullError> {
        let signature =
            papers.signature.as_deref().map(|bytes| Signature::from_bytes(bytes, "manifest.sig")).transpose()?;
        let begun = self.parts.ingest.begin_signed(address, &papers.manifest, signature.as_ref())?;
        let Begun::Open(missing) = begun else { return Ok(()) };
        for file in missing {
            self.file(address, file)?;
        }
        if self.papers(address)?.manifest != papers.manifest {
            return Err(PullError::Changed { address: address.clone() });
        }
        self.parts.ingest.commit(address)?;
        Ok(())
    }

    /// Fetches a file from where it stands. Why the depot gave no more tells more than that the file is short.
    fn file(&mut self, address: &Address, file: Missing) -> Result<(), PullError> {
        let (ingest, mut offset, mut broken) = (self.parts.ingest.clone(), file.offset, None);
        let pieces = std::iter::from_fn(|| match self.piece(address, file, offset) {
            Ok(None) => None,
            Ok(Some(piece)) => {
                offset += piece.len() as u64;
                Some(piece)
            }
            Err(error) => {
                broken = Some(error);
                None
            }
        });
        let received = ingest.receive_from(address, (file.name, file.offset), pieces);
        match (broken, received) {
            (Some(error), Err(IngestError::Short { .. })) => Err(error),
            (_, received) => Ok(received?),
        }
    }

    /// The next piece of a file; `None` at its end, or where the depot has no more of it.
    fn piece(&mut self, address: &Address, file: Missing, offset: u64) -> Result<Option<bytes::Bytes>, PullError> {
        if offset == file.bytes {
            return Ok(None);
        }
        self.pace.wait();
        if (self.stopped)() {
            return Err(PullError::Stopping);
        }
        let end = file.bytes.min(offset + self.pace.piece_bytes());
        let piece = self.depot.piece(address, file.name, offset..end)?;
        self.parts.metrics.pull_bytes(piece.len() as u64);
        self.pace.came(piece.len() as u64);
        Ok((!piece.is_empty()).then_some(piece))
    }
}

fn check_digest(release: &Version, expected: &str, papers: &Papers) -> Result<(), PullError> {
    let got = blake3::hash(&papers.manifest).to_hex().to_string();
    if got == expected {
        return Ok(());
    }
    Err(PullError::Other { release: release.clone(), expected: expected.to_owned(), got })
}
