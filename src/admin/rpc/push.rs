//! A push over one stream: opened by a manifest, fed in chunks, ended by a commit; it must never hold more of a file
//! than a few chunks.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::inflow::Inflow;
use crate::admin::body::BodyError;
use crate::admin::desk::{Desk, on_disk};
use crate::admin::problem::AdminError;
use crate::auth::Caller;
use crate::snapshot::ingest::{Begun, Committed, IngestError, Missing};
use crate::snapshot::parcel::{Address, Kind};
use crate::wire::proto::v1;
use crate::wire::proto::v1::push_request::Part;
use crate::wire::proto::v1::push_response::Part as Reply;

/// Replies that wait for a slow sender.
const REPLIES_WAITING_MAX: usize = 4;
/// What a stream begins with.
const OPENING: &str = "an opening, and only as the first message";

/// What a sender hears.
pub(super) struct Pieces(ReceiverStream<Result<v1::PushResponse, Status>>);

/// A push that is being received.
struct Receiving {
    desk: Arc<Desk>,
    messages: Streaming<v1::PushRequest>,
    replies: mpsc::Sender<Result<v1::PushResponse, Status>>,
}

impl Pieces {
    /// Begins to receive what a caller sends.
    pub(super) fn new(desk: Arc<Desk>, caller: Caller, messages: Streaming<v1::PushRequest>) -> Self {
        let (replies, heard) = mpsc::channel(REPLIES_WAITING_MAX);
        let failed = replies.clone();
        tokio::spawn(async move {
            if let Err(error) = (Receiving { desk, messages, replies }).receive(caller).await {
                // Where the sender has left, nobody wants to know.
                let _ = failed.send(Err(error.into())).await;
            }
        });
        Self(ReceiverStream::new(heard))
    }
}

impl Receiving {
    /// Receives to the commit, or to where the sender leaves off: the push then stays open for a while.
    async fn receive(mut self, caller: Caller) -> Result<(), AdminError> {
        let Some(Part::Open(opening)) = self.next().await? else {
            return Err(AdminError::PushOrder { expected: OPENING });
        };
        let address = address(&opening)?;
        let Some(missing) = self.open(&address, opening).await? else { return Ok(()) };
        let mut inflow: Option<Inflow> = None;
        while let Some(part) = self.next().await? {
            match part {
                Part::Open(_) => return Err(AdminError::PushOrder { expected: OPENING }),
                Part::Chunk(chunk) => inflow = self.chunk(inflow, chunk, (&address, &missing)).await?,
                Part::Commit(_) => {
                    Inflow::broke_off(inflow).await?;
                    let Committed { address, bytes } = self.desk.publish(caller, address).await?;
                    let version = address.version.to_string();
                    return self.tell(Reply::Committed(v1::PushCommitted { version, bytes })).await;
                }
            }
        }
        Ok(())
    }

    /// Opens the push and says what is missing; nothing where it was published before.
    async fn open(&self, address: &Address, opening: v1::PushOpen) -> Result<Option<Vec<Missing>>, AdminError> {
        let signature = opening.signature.as_deref().map(str::parse).transpose().map_err(IngestError::from)?;
        let (ingest, address) = (self.desk.parts.ingest.clone(), address.clone());
        let begin = move || ingest.begin_signed(&address, &opening.manifest, signature.as_ref());
        let missing = match on_disk(begin).await?? {
            Begun::Open(missing) => Some(missing),
            Begun::Published => None,
        };
        let file = |file: &Missing| v1::PushMissing { name: file.name.to_owned(), offset: file.offset };
        let listed = missing.iter().flatten().map(file).collect();
        self.tell(Reply::Opened(v1::PushOpened { published: missing.is_none(), missing: listed })).await?;
        Ok(missing)
    }

    /// Takes a chunk of the file that comes, or of the next one; gives what is still coming after it.
    async fn chunk(
        &self,
        inflow: Option<Inflow>,
        chunk: v1::PushChunk,
        (address, missing): (&Address, &[Missing]),
    ) -> Result<Option<Inflow>, AdminError> {
        let mut inflow = match inflow.map_or(Ok(None), |inflow| inflow.of(&chunk.name).map_err(Some)) {
            Ok(Some(inflow)) => inflow,
            Err(other) => return Inflow::broke_off(other).await.map(|()| None),
            Ok(None) => Inflow::begin(&self.desk, &chunk, (address, missing))?,
        };
        if let Err(error) = inflow.take(chunk).await {
            // Before the sender hears of it, so that the file is free for whoever sends it again.
            let _ = inflow.end().await;
            return Err(error);
        }
        if !inflow.is_whole() {
            return Ok(Some(inflow));
        }
        let name = inflow.end().await?;
        self.tell(Reply::Received(v1::PushReceived { name })).await?;
        Ok(None)
    }

    /// The next message, within the wait that a body has too.
    async fn next(&mut self) -> Result<Option<Part>, AdminError> {
        let idle_max = self.desk.pace.idle_max;
        let idle = |_| BodyError::Idle { idle_ms_max: idle_max.as_millis() };
        let came = tokio::time::timeout(idle_max, self.messages.message()).await.map_err(idle)?;
        let message = came.map_err(|_| BodyError::Broken)?;
        let empty = AdminError::PushOrder { expected: "an opening, a chunk or a commit" };
        message.map(|message| message.part.ok_or(empty)).transpose()
    }

    /// Replies; a sender who has left ends the push here as it would at the next message.
    async fn tell(&self, part: Reply) -> Result<(), AdminError> {
        let told = self.replies.send(Ok(v1::PushResponse { part: Some(part) })).await;
        Ok(told.map_err(|_| BodyError::Broken)?)
    }
}

impl Stream for Pieces {
    type Item = Result<v1::PushResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.0).poll_next(context)
    }
}

fn address(opening: &v1::PushOpen) -> Result<Address, AdminError> {
    let kind = match opening.kind() {
        v1::ParcelKind::Unspecified | v1::ParcelKind::Release => Kind::Release,
        v1::ParcelKind::Model => Kind::Model,
    };
    Ok(Address { kind, version: opening.version.parse()? })
}
