//! Changes as a stream of messages.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio_stream::Stream;
use tonic::Status;

use crate::admin::desk::Desk;
use crate::admin::watch::Told;
use crate::wire::proto::v1;

/// What a watcher over gRPC reads.
pub(super) struct Changes(Told);

impl Changes {
    /// Begins to watch.
    pub(super) fn new(desk: &Arc<Desk>) -> Self {
        Self(desk.watch())
    }
}

impl Stream for Changes {
    type Item = Result<v1::WatchResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let told = Pin::new(&mut self.0).poll_next(context);
        told.map(|told| Some(told?.map(|all| v1::WatchResponse { releases: Some(all.into()) }).map_err(Into::into)))
    }
}
