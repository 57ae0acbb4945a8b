//! A stock client of the operator's door; it must hold no test.

use std::time::Duration;

use segue::wire::proto::v1;
use segue::wire::proto::v1::snapshots_service_client::SnapshotsServiceClient;
use tokio::runtime::{self, Runtime};
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::support::Site;

/// Longest wait for what must come.
const PATIENCE: Duration = Duration::from_secs(120);

/// A client that waits for each reply.
pub(crate) struct Caller {
    runtime: Runtime,
    pub(crate) channel: Channel,
    pub(crate) client: SnapshotsServiceClient<Channel>,
    token: Option<&'static str>,
}

impl Caller {
    pub(crate) fn of(site: &Site) -> Self {
        let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let endpoint = Endpoint::from_shared(site.url("")).expect("an address");
        let channel = runtime.block_on(endpoint.connect()).expect("the door is open");
        Self { runtime, client: SnapshotsServiceClient::new(channel.clone()), channel, token: None }
    }

    /// The same with a token.
    pub(crate) fn with(self, token: &'static str) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Waits for what must come.
    #[track_caller]
    pub(crate) fn wait<T>(&self, coming: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { tokio::time::timeout(PATIENCE, coming).await }).expect("it came in time")
    }

    /// A message with the token.
    pub(crate) fn request<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        if let Some(token) = self.token {
            let header = MetadataValue::try_from(format!("Bearer {token}")).expect("a token is ASCII");
            request.metadata_mut().insert("authorization", header);
        }
        request
    }

    pub(crate) fn list(&self) -> Result<v1::Releases, Status> {
        let mut client = self.client.clone();
        let listed = self.wait(client.list(self.request(v1::ListRequest {})))?;
        Ok(listed.into_inner().releases.expect("a list"))
    }

    pub(crate) fn stage(&self, version: &str) -> Result<v1::Change, Status> {
        let request = self.request(v1::StageRequest { version: version.to_owned() });
        let staged = self.wait(self.client.clone().stage(request))?;
        Ok(staged.into_inner().change.expect("what it led to"))
    }

    pub(crate) fn activate(&self, version: &str) -> Result<v1::Change, Status> {
        let request = self.request(v1::ActivateRequest { version: version.to_owned() });
        let activated = self.wait(self.client.clone().activate(request))?;
        Ok(activated.into_inner().change.expect("what it led to"))
    }

    pub(crate) fn promote(&self, version: &str) -> Result<v1::Change, Status> {
        let request = self.request(v1::PromoteRequest { version: version.to_owned() });
        let promoted = self.wait(self.client.clone().promote(request))?;
        Ok(promoted.into_inner().change.expect("what it led to"))
    }

    pub(crate) fn rollback(&self, from: Option<&str>) -> Result<v1::Change, Status> {
        let request = self.request(v1::RollbackRequest { from: from.map(str::to_owned) });
        let rolled_back = self.wait(self.client.clone().rollback(request))?;
        Ok(rolled_back.into_inner().change.expect("what it led to"))
    }

    pub(crate) fn pin(&self, version: &str) -> Result<v1::Change, Status> {
        let request = self.request(v1::PinRequest { version: version.to_owned() });
        let pinned = self.wait(self.client.clone().pin(request))?;
        Ok(pinned.into_inner().change.expect("what it led to"))
    }

    pub(crate) fn unpin(&self) -> Result<v1::Change, Status> {
        let unpinned = self.wait(self.client.clone().unpin(self.request(v1::UnpinRequest {})))?;
        Ok(unpinned.into_inner().change.expect("what it led to"))
    }

    pub(crate) fn quarantine(&self, version: &str, reason: &str) -> Result<v1::Change, Status> {
        let message = v1::QuarantineRequest { version: version.to_owned(), reason: reason.to_owned() };
        let barred = self.wait(self.client.clone().quarantine(self.request(message)))?;
        Ok(barred.into_inner().change.expect("what it led to"))
    }

    pub(crate) fn canary(&self, version: &str, share: f64) -> Result<v1::Change, Status> {
        let request = self.request(v1::SetCanaryRequest { version: version.to_owned(), share });
        let set = self.wait(self.client.clone().set_canary(request))?;
        Ok(set.into_inner().change.expect("what it led to"))
    }

    pub(crate) fn shadow(&self, version: &str, share: f64) -> Result<v1::Change, Status> {
        let request = self.request(v1::SetShadowRequest { version: version.to_owned(), share });
        let set = self.wait(self.client.clone().set_shadow(request))?;
        Ok(set.into_inner().change.expect("what it led to"))
    }

    pub(crate) fn trial(&self) -> Option<v1::Trial> {
        let asked = self.wait(self.client.clone().get_trial(self.request(v1::GetTrialRequest {})));
        asked.expect("it is only read").into_inner().trial
    }
}
