//! The standard health service: SERVING exactly while a release is loaded and the service does not stop.
//!
//! It keeps no state of its own that could lag behind: every check reads the truth.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::server::NamedService;
use tonic::{Request, Response, Status, async_trait};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health as Protocol, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::calls::Calls;
use super::status::refuse;
use crate::drain::Stage;
use crate::error::Error;
use crate::room::Room;
use crate::wire::proto::v1::next_clusters_service_server::NextClustersServiceServer;

/// Time between looks for the first release, of a caller that watches while none is loaded. Once one is, releases only
/// replace each other, and nothing is looked for.
const LOAD_LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// The health of a room; clones show the same.
#[derive(Clone, Debug)]
pub(super) struct Health {
    room: Arc<Room>,
}

impl Health {
    /// The health of `room`.
    pub(super) fn new(room: Arc<Room>) -> Self {
        Self { room }
    }

    pub(super) fn into_server(self) -> HealthServer<impl Protocol> {
        HealthServer::new(self)
    }

    fn status(&self, service: &str, stage: Stage) -> ServingStatus {
        let serving = || stage < Stage::Unready && self.room.release(|_| ()).is_ok();
        match is_known(service) {
            false => ServingStatus::ServiceUnknown,
            true if serving() => ServingStatus::Serving,
            true => ServingStatus::NotServing,
        }
    }

    /// Tells every change, the last one included, until the caller leaves or the doors close.
    async fn tell(self, service: String, changes: mpsc::Sender<Result<HealthCheckResponse, Status>>) {
        let mut told = None;
        loop {
            let stage = self.room.drain().stage();
            let status = self.status(&service, stage);
            if told.replace(status) != Some(status) && changes.send(Ok(response(status))).await.is_err() {
                return;
            }
            if stage == Stage::Closing {
                // A caller that left meanwhile needs no reason.
                let _ = changes.send(Err(refuse(Error::Stopping))).await;
                return;
            }
            tokio::select! {
                () = self.changed(stage, status) => {}
                () = changes.closed() => return,
            }
        }
    }

    /// Waits until there may be something to tell after what was told.
    async fn changed(&self, stage: Stage, told: ServingStatus) {
        let drain = self.room.drain();
        match (stage, told) {
            (Stage::Serving, ServingStatus::NotServing) => {
                // Whichever comes first; both are looked at again.
                let _ = tokio::time::timeout(LOAD_LOOK_INTERVAL, drain.reached(Stage::Unready)).await;
            }
            (Stage::Serving, _) => drain.reached(Stage::Unready).await,
            _ => drain.reached(Stage::Closing).await,
        }
    }
}

#[async_trait]
impl Protocol for Health {
    type WatchStream = ReceiverStream<Result<HealthCheckResponse, Status>>;

    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        match self.status(&request.get_ref().service, self.room.drain().stage()) {
            ServingStatus::ServiceUnknown => Err(refuse(Error::ServiceUnknown)),
            status => Ok(Response::new(response(status))),
        }
    }

    /// A name that is not known is told as such and watched on, as the standard asks.
    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let (changes, told) = mpsc::channel(1);
        tokio::spawn(self.clone().tell(request.into_inner().service, changes));
        Ok(Response::new(ReceiverStream::new(told)))
    }
}

/// The whole server, or the one service that it has.
fn is_known(service: &str) -> bool {
    ["", NextClustersServiceServer::<Calls>::NAME].contains(&service)
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}
