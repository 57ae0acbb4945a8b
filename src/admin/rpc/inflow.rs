//! One file of a push as its chunks come: handed on in order to a thread that writes them. It decides nothing about them.

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::admin::desk::{Desk, at_leisure};
use crate::admin::problem::AdminError;
use crate::snapshot::ingest::{IngestError, Missing};
use crate::snapshot::parcel::Address;
use crate::wire::proto::v1;

/// Chunks that wait for the disk before the sender has to.
const CHUNKS_WAITING_MAX: usize = 4;

/// A file that is coming.
pub(super) struct Inflow {
    name: String,
    /// Bytes of it that came, those of earlier attempts included.
    at: u64,
    /// All its bytes.
    bytes: u64,
    chunks: mpsc::Sender<Bytes>,
    writing: JoinHandle<Result<Result<(), IngestError>, AdminError>>,
}

impl Inflow {
    /// Begins to write the file that a chunk belongs to, at the chunk's place.
    pub(super) fn begin(
        desk: &Desk,
        chunk: &v1::PushChunk,
        (address, missing): (&Address, &[Missing]),
    ) -> Result<Self, AdminError> {
        let file = missing.iter().find(|file| file.name == chunk.name);
        let file = *file.ok_or(AdminError::PushOrder { expected: "a chunk of a file that the push lacks" })?;
        let (chunks, mut waiting) = mpsc::channel::<Bytes>(CHUNKS_WAITING_MAX);
        let (ingest, address, offset) = (desk.parts.ingest.clone(), address.clone(), chunk.offset);
        let writing = tokio::spawn(at_leisure(move || {
            ingest.receive_from(&address, (file.name, offset), std::iter::from_fn(|| waiting.blocking_recv()))
        }));
        Ok(Self { name: chunk.name.clone(), at: offset, bytes: file.bytes, chunks, writing })
    }

    /// This file where it has a name, and otherwise the file that broke off for another.
    pub(super) fn of(self, name: &str) -> Result<Option<Self>, Self> {
        if self.name == name { Ok(Some(self)) } else { Err(self) }
    }

    /// Takes the next chunk.
    pub(super) async fn take(&mut self, chunk: v1::PushChunk) -> Result<(), AdminError> {
        if chunk.offset != self.at {
            return Err(AdminError::PushOrder {
                expected: "chunks of one file in order, each where the last one ended",
            });
        }
        self.at += chunk.data.len() as u64;
        // Where nobody takes it the writer has refused; the end says why.
        if self.chunks.send(chunk.data.into()).await.is_err() {
            self.at = self.bytes;
        }
        Ok(())
    }

    /// Whether nothing more is to come.
    pub(super) fn is_whole(&self) -> bool {
        self.at >= self.bytes
    }

    /// Waits until all of it is written and checked; gives its name.
    pub(super) async fn end(self) -> Result<String, AdminError> {
        let Self { name, chunks, writing, .. } = self;
        drop(chunks);
        // The only error is a panic, which has been printed.
        writing.await.map_err(|_| AdminError::Internal)???;
        Ok(name)
    }

    /// Ends a file that does not go on, if there is one; what came of it is kept, and the error says what is lacking.
    pub(super) async fn broke_off(inflow: Option<Self>) -> Result<(), AdminError> {
        match inflow {
            Some(inflow) => inflow.end().await.map(drop),
            None => Ok(()),
        }
    }
}
