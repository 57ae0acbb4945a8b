//! The catalogue in parts, each read when it is sent: a listing holds no release, and never mixes two catalogues.

use std::sync::Arc;

use tonic::Status;

use super::status::refuse;
use crate::error::Error;
use crate::room::Room;
use crate::snapshot::manifest::Version;
use crate::snapshot::release::Release;
use crate::wire::proto::{self, v1};

/// Clusters in one message: some 100 KB with keywords, far below what any client accepts by default.
const PART_CLUSTERS: usize = 500;

/// The parts that are still to be sent.
pub(crate) struct Listing {
    room: Arc<Room>,
    catalogue: Version,
    /// Clusters sent so far; `None` once there are no more.
    sent: Option<usize>,
}

impl Listing {
    /// Begins with the catalogue of `release`, which serves in `room` now.
    pub(super) fn of(release: &Release, room: Arc<Room>) -> Self {
        Self { room, catalogue: release.manifest().catalogue.clone(), sent: Some(0) }
    }

    fn part(&self, release: &Release, sent: usize) -> Result<v1::ListClustersResponse, Error> {
        if release.manifest().catalogue != self.catalogue {
            return Err(Error::CatalogueChanged);
        }
        let left = release.catalogue().clusters().get(sent..).unwrap_or_default();
        Ok(proto::clusters(release, &left[..left.len().min(PART_CLUSTERS)]))
    }
}

impl Iterator for Listing {
    type Item = Result<v1::ListClustersResponse, Status>;

    fn next(&mut self) -> Option<Self::Item> {
        let sent = self.sent.take()?;
        let part = self.room.release(|release| self.part(release, sent)).and_then(|part| part);
        match part {
            Ok(part) if part.clusters.is_empty() => None,
            Ok(part) => {
                self.sent = Some(sent + part.clusters.len());
                Some(Ok(part))
            }
            Err(error) => Some(Err(refuse(error))),
        }
    }
}
