//! Receives a pushed release: bytes come in here and go to a thread that writes them. It decides nothing about them.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use bytes::Bytes;
use tokio::sync::mpsc;

use super::Desk;
use super::body::{BodyError, Paced};
use super::change::on_disk;
use super::documents::{CommittedBody, PushBody, ReceivedBody};
use super::problem::AdminError;
use crate::snapshot::ingest::Begun;
use crate::snapshot::manifest::{MANIFEST_BYTES_MAX, Version};

/// Chunks that wait for the disk before the sender has to.
const CHUNKS_WAITING_MAX: usize = 4;

/// Opens a push by its manifest.
pub(super) async fn manifest(
    State(desk): State<Arc<Desk>>,
    Path(version): Path<String>,
    body: Body,
) -> Result<Json<PushBody>, AdminError> {
    let version: Version = version.parse()?;
    let manifest = Paced::new(body, desk.pace).whole(MANIFEST_BYTES_MAX).await?;
    let begun = on_disk(move || desk.ingest.begin(&version, &manifest)).await??;
    Ok(Json(begun.into()))
}

/// Receives one file of an open push.
pub(super) async fn file(
    State(desk): State<Arc<Desk>>,
    Path((version, name)): Path<(String, String)>,
    body: Body,
) -> Result<Json<ReceivedBody>, AdminError> {
    let version: Version = version.parse()?;
    let body = Paced::new(body, desk.pace);
    let (chunks, mut waiting) = mpsc::channel::<Bytes>(CHUNKS_WAITING_MAX);
    let received = ReceivedBody { received: name.clone() };
    let writing = on_disk(move || desk.ingest.receive(&version, &name, std::iter::from_fn(|| waiting.blocking_recv())));
    let (fed, written) = tokio::join!(feed(body, chunks), writing);
    // A body that broke off also makes a file of the wrong size; that it broke off is what the sender must know.
    fed?;
    written??;
    Ok(Json(received))
}

/// Publishes a push that is complete.
pub(super) async fn commit(
    State(desk): State<Arc<Desk>>,
    Path(version): Path<String>,
) -> Result<Json<CommittedBody>, AdminError> {
    let version: Version = version.parse()?;
    let published = on_disk(move || desk.ingest.commit(&version)).await??;
    let (release, bytes) = (published.manifest.version, published.bytes);
    tracing::info!(%release, bytes, "release pushed");
    Ok(Json(CommittedBody { release, bytes }))
}

/// Hands a body's bytes on until its end, or until nobody wants them: then the writer has refused, and says why.
async fn feed(mut body: Paced, chunks: mpsc::Sender<Bytes>) -> Result<(), BodyError> {
    while let Some(chunk) = body.next().await? {
        if chunks.send(chunk).await.is_err() {
            break;
        }
    }
    Ok(())
}

impl From<Begun> for PushBody {
    fn from(begun: Begun) -> Self {
        match begun {
            Begun::Open(missing) => {
                Self { published: false, missing: missing.into_iter().map(str::to_owned).collect() }
            }
            Begun::Published => Self { published: true, missing: Vec::new() },
        }
    }
}
