//! The operator's calls over gRPC: each decodes its message, asks the desk and encodes, and decides nothing.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tonic::codegen::Service;
use tonic::server::NamedService;
use tonic::{Request, Response, Status, Streaming, async_trait};

use super::change::Change;
use super::desk::Desk;
use super::documents::changes::ChangedBody;
use super::guard;
use super::problem::AdminError;
use crate::auth::Caller;
use crate::snapshot::live::Share;
use crate::snapshot::manifest::Version;
use crate::wire::proto::v1::snapshots_service_server::{SnapshotsService, SnapshotsServiceServer};
use crate::wire::proto::{SNAPSHOTS_DESCRIPTORS, v1};

mod inflow;
mod push;
mod status;
mod watch;

use push::Pieces;
use watch::Changes;

/// Bytes of one message: a manifest or a piece of a file fits with room to spare.
const MESSAGE_BYTES_MAX: usize = 8 << 20;

/// The service's calls.
struct Calls {
    desk: Arc<Desk>,
}

/// The service and its reflection, guarded as the calls over HTTP are.
pub(super) fn routes(desk: &Arc<Desk>) -> Router {
    let calls = SnapshotsServiceServer::new(Calls { desk: desk.clone() }).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let guarded = add(Router::new(), calls).route_layer(from_fn_with_state(desk.clone(), guard::rpc));
    let builder =
        || tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(SNAPSHOTS_DESCRIPTORS);
    let readable = "the set was written by a compiler, at build time";
    let routes = add(guarded, builder().build_v1().expect(readable));
    add(routes, builder().build_v1alpha().expect(readable))
}

/// Adds a service under its own name.
fn add<S>(routes: Router, service: S) -> Router
where
    S: Service<http::Request<axum::body::Body>, Response = http::Response<tonic::body::Body>, Error = Infallible>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    routes.route_service(&format!("/{}/{{call}}", S::NAME), service)
}

#[async_trait]
impl SnapshotsService for Calls {
    type PushStream = Pieces;
    type WatchStream = Changes;

    async fn list(&self, _: Request<v1::ListRequest>) -> Result<Response<v1::ListResponse>, Status> {
        let releases = self.desk.on_disk(Desk::releases).await??;
        reply(v1::ListResponse { releases: Some(releases.into()) })
    }

    async fn get(&self, request: Request<v1::GetRequest>) -> Result<Response<v1::GetResponse>, Status> {
        let version = version(&request.get_ref().version)?;
        let release = self.desk.on_disk(move |desk| desk.release(&version)).await??;
        reply(v1::GetResponse { release: Some(release.into()) })
    }

    async fn get_trial(&self, _: Request<v1::GetTrialRequest>) -> Result<Response<v1::GetTrialResponse>, Status> {
        reply(v1::GetTrialResponse { trial: self.desk.trial().map(Into::into) })
    }

    async fn watch(&self, _: Request<v1::WatchRequest>) -> Result<Response<Changes>, Status> {
        reply(Changes::new(&self.desk))
    }

    async fn push(&self, request: Request<Streaming<v1::PushRequest>>) -> Result<Response<Pieces>, Status> {
        let caller = caller(&request).ok_or(AdminError::Internal)?;
        reply(Pieces::new(self.desk.clone(), caller, request.into_inner()))
    }

    async fn stage(&self, request: Request<v1::StageRequest>) -> Result<Response<v1::StageResponse>, Status> {
        let change = self.naming(request, |message| &message.version, Change::Stage).await?;
        reply(v1::StageResponse { change: Some(change) })
    }

    async fn activate(&self, request: Request<v1::ActivateRequest>) -> Result<Response<v1::ActivateResponse>, Status> {
        let change = self.naming(request, |message| &message.version, Change::Activate).await?;
        reply(v1::ActivateResponse { change: Some(change) })
    }

    async fn promote(&self, request: Request<v1::PromoteRequest>) -> Result<Response<v1::PromoteResponse>, Status> {
        let change = self.naming(request, |message| &message.version, Change::Promote).await?;
        reply(v1::PromoteResponse { change: Some(change) })
    }

    async fn rollback(&self, request: Request<v1::RollbackRequest>) -> Result<Response<v1::RollbackResponse>, Status> {
        let from = request.get_ref().from.as_deref().map(version).transpose()?;
        let change = self.change(&request, Change::Rollback(from)).await?;
        reply(v1::RollbackResponse { change: Some(change) })
    }

    async fn pin(&self, request: Request<v1::PinRequest>) -> Result<Response<v1::PinResponse>, Status> {
        let change = self.naming(request, |message| &message.version, Change::Pin).await?;
        reply(v1::PinResponse { change: Some(change) })
    }

    async fn unpin(&self, request: Request<v1::UnpinRequest>) -> Result<Response<v1::UnpinResponse>, Status> {
        let change = self.change(&request, Change::Unpin).await?;
        reply(v1::UnpinResponse { change: Some(change) })
    }

    async fn quarantine(
        &self,
        request: Request<v1::QuarantineRequest>,
    ) -> Result<Response<v1::QuarantineResponse>, Status> {
        let reason = request.get_ref().reason.clone();
        let of = |version| Change::Quarantine(version, reason);
        let change = self.naming(request, |message| &message.version, of).await?;
        reply(v1::QuarantineResponse { change: Some(change) })
    }

    async fn set_shadow(
        &self,
        request: Request<v1::SetShadowRequest>,
    ) -> Result<Response<v1::SetShadowResponse>, Status> {
        let share = Share::of(request.get_ref().share).map_err(AdminError::from)?;
        let of = |version| Change::Shadow(version, share);
        let change = self.naming(request, |message| &message.version, of).await?;
        reply(v1::SetShadowResponse { change: Some(change) })
    }

    async fn set_canary(
        &self,
        request: Request<v1::SetCanaryRequest>,
    ) -> Result<Response<v1::SetCanaryResponse>, Status> {
        let share = Share::of(request.get_ref().share).map_err(AdminError::from)?;
        let of = |version| Change::Canary(version, share);
        let change = self.naming(request, |message| &message.version, of).await?;
        reply(v1::SetCanaryResponse { change: Some(change) })
    }
}

impl Calls {
    /// Makes a change of the release that a message names.
    async fn naming<M>(
        &self,
        request: Request<M>,
        name: fn(&M) -> &String,
        of: impl FnOnce(Version) -> Change,
    ) -> Result<v1::Change, AdminError> {
        let change = of(version(name(request.get_ref()))?);
        self.change(&request, change).await
    }

    /// Makes a change, as whoever the guard let pass.
    fn change<M>(
        &self,
        request: &Request<M>,
        change: Change,
    ) -> impl Future<Output = Result<v1::Change, AdminError>> + use<M> {
        let (desk, caller) = (self.desk.clone(), caller(request));
        async move { desk.change(caller.ok_or(AdminError::Internal)?, change).await.map(ChangedBody::into) }
    }
}

/// Whom the guard let pass.
fn caller<M>(request: &Request<M>) -> Option<Caller> {
    request.extensions().get().cloned()
}

fn version(name: &str) -> Result<Version, AdminError> {
    Ok(name.parse()?)
}

fn reply<T>(message: T) -> Result<Response<T>, Status> {
    Ok(Response::new(message))
}
