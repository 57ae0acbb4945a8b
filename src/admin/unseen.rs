//! `GET /admin/v1/unseen`: the unseen log, its files one after the other and then what is not written yet; it must never
//! hold more than one of them in memory.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use tokio_stream::StreamExt;

use super::desk::Desk;
use super::desk::on_disk;
use super::problem::AdminError;
use crate::unseen::{dir, files};

/// A line each, as [`crate::unseen::file`] writes them.
const JSONL: &str = "application/jsonl";

/// The whole log.
pub(super) async fn unseen(State(desk): State<Arc<Desk>>) -> Result<impl IntoResponse, AdminError> {
    let (paths, current) = on_disk(move || desk.unseen()).await??;
    let files = tokio_stream::iter(paths).then(read);
    let body = Body::from_stream(files.chain(tokio_stream::once(Ok(current))));
    Ok(([(header::CONTENT_TYPE, JSONL)], body))
}

impl Desk {
    /// The files that there are, and what is counted but not written. A span that is written between the two is in
    /// neither, as if it had been asked for a moment before.
    fn unseen(&self) -> Result<(Vec<PathBuf>, Vec<u8>), AdminError> {
        let paths = files::list(&dir(self.parts.store.dir()))?;
        let release = self.parts.room.release(|release| release.manifest().version.clone()).ok();
        let mut current = Vec::new();
        self.parts.room.unseen().current(release).write(&mut current)?;
        Ok((paths, current))
    }
}

async fn read(path: PathBuf) -> io::Result<Vec<u8>> {
    match tokio::fs::read(&path).await {
        // Too old to keep since it was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other,
    }
}
