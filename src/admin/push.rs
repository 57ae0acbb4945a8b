//! Receives a pushed release or model: bytes come in here and go to a thread that writes them. It decides nothing about them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::routing::{post, put};
use axum::{Extension, Json, Router};
use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::body::{BodyError, Paced};
use super::desk::{Desk, at_leisure, on_disk};
use super::documents::{CommittedBody, PushBody, ReceivedBody, SIGNATURE_HEADER};
use super::problem::AdminError;
use crate::audit::Verb;
use crate::auth::Caller;
use crate::priority;
use crate::snapshot::ingest::{Begun, Committed, IngestError, Missing};
use crate::snapshot::manifest::MANIFEST_BYTES_MAX;
use crate::snapshot::parcel::{Address, Kind};
use crate::snapshot::signature::Signature;

/// Chunks that wait for the disk before the sender has to.
const CHUNKS_WAITING_MAX: usize = 4;

/// Where in a file the body belongs: `?offset=BYTES`.
#[derive(Debug, Deserialize)]
struct Place {
    #[serde(default)]
    offset: u64,
}

/// The calls that push what is of a kind, relative to its address.
pub(super) fn routes(kind: Kind) -> Router<Arc<Desk>> {
    Router::new()
        .route("/files/manifest.json", put(manifest))
        .route("/files/{name}", put(file))
        .route("/commit", post(commit))
        .layer(Extension(kind))
}

/// Opens a push by its manifest.
async fn manifest(
    State(desk): State<Arc<Desk>>,
    (Extension(kind), Path(version)): (Extension<Kind>, Path<String>),
    headers: HeaderMap,
    body: Body,
) -> Result<Json<PushBody>, AdminError> {
    let address = Address { kind, version: version.parse()? };
    let signature = signature(&headers)?;
    let manifest = Paced::new(body, desk.pace).whole(MANIFEST_BYTES_MAX).await?;
    let begun = on_disk(move || desk.parts.ingest.begin_signed(&address, &manifest, signature.as_ref())).await??;
    Ok(Json(begun.into()))
}

/// Receives one file of an open push, from its beginning or from where it stands.
async fn file(
    State(desk): State<Arc<Desk>>,
    (Extension(kind), Path((version, name))): (Extension<Kind>, Path<(String, String)>),
    place: Result<Query<Place>, QueryRejection>,
    body: Body,
) -> Result<Json<ReceivedBody>, AdminError> {
    let Query(Place { offset }) = place?;
    let address = Address { kind, version: version.parse()? };
    let body = Paced::new(body, desk.pace);
    let (chunks, mut waiting) = mpsc::channel::<Bytes>(CHUNKS_WAITING_MAX);
    let received = ReceivedBody { received: name.clone() };
    let writing = at_leisure(move || {
        let chunks = std::iter::from_fn(|| waiting.blocking_recv());
        desk.parts.ingest.receive_from(&address, (&name, offset), chunks)
    });
    let (fed, written) = tokio::join!(feed(body, chunks), writing);
    // A body that broke off also makes a file of the wrong size; that it broke off is what the sender must know.
    fed?;
    written??;
    Ok(Json(received))
}

/// Publishes a push that is complete.
async fn commit(
    State(desk): State<Arc<Desk>>,
    Extension(kind): Extension<Kind>,
    Extension(caller): Extension<Caller>,
    Path(version): Path<String>,
) -> Result<Json<CommittedBody>, AdminError> {
    let address = Address { kind, version: version.parse()? };
    let Committed { address, bytes } = desk.publish(caller, address).await?;
    Ok(Json(CommittedBody { address: address.into(), bytes }))
}

impl Desk {
    /// Checks and publishes a push that is complete, between two lines of the audit log.
    pub(super) async fn publish(self: &Arc<Self>, caller: Caller, address: Address) -> Result<Committed, AdminError> {
        let change = self.to_record(caller, Verb::Push).to(&address);
        let ingest = self.parts.ingest.clone();
        let make = async move { Ok(at_leisure(move || ingest.commit(&address)).await??) };
        self.audited(change, make, |_| None).await
    }
}

/// Hands a body's bytes on until its end, or until nobody wants them: then the writer has refused, and says why.
async fn feed(mut body: Paced, chunks: mpsc::Sender<Bytes>) -> Result<(), BodyError> {
    while let Some(chunk) = body.next().await? {
        // This thread has the priority of requests: it offers its processor to them after every chunk.
        priority::offer();
        if chunks.send(chunk).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// The signature of the manifest, if one came with it.
fn signature(headers: &HeaderMap) -> Result<Option<Signature>, AdminError> {
    let Some(text) = headers.get(SIGNATURE_HEADER) else { return Ok(None) };
    let signature = text.to_str().unwrap_or_default().parse().map_err(IngestError::from)?;
    Ok(Some(signature))
}

/// Where a file goes on, if some of it is there.
fn offset(file: &Missing) -> Option<(String, u64)> {
    (file.offset > 0).then(|| (file.name.to_owned(), file.offset))
}

impl From<Begun> for PushBody {
    fn from(begun: Begun) -> Self {
        match begun {
            Begun::Open(missing) => Self {
                published: false,
                missing: missing.iter().map(|file| file.name.to_owned()).collect(),
                offsets: missing.iter().filter_map(offset).collect(),
            },
            Begun::Published => Self { published: true, missing: Vec::new(), offsets: BTreeMap::new() },
        }
    }
}
