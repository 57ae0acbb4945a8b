//! A push over one stream: opened by a manifest, fed in chunks, ended by a commit; it must never hold more of a file
//! than a few chunks.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::admin::desk::Desk;
use crate::wire::proto::v1;

/// Replies that wait for a slow sender.
const REPLIES_WAITING_MAX: usize = 4;

/// What a sender hears.
pub(super) struct Pieces(ReceiverStream<Result<v1::PushResponse, Status>>);

impl Pieces {
    /// Begins to receive.
    pub(super) fn new(_desk: Arc<Desk>, _messages: Streaming<v1::PushRequest>) -> Self {
        let (_replies, heard) = mpsc::channel(REPLIES_WAITING_MAX);
        Self(ReceiverStream::new(heard))
    }
}

impl Stream for Pieces {
    type Item = Result<v1::PushResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.0).poll_next(context)
    }
}
