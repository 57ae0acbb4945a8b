//! A whole service on a store of its own, and callers of both its doors; it must hold no test.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use segue::config::Config;
use segue::model::worker::{Compute, EngineCompute};
use segue::serve::Service;
use segue::snapshot::reload::Outcome;
use segue::snapshot::store::Store;
use segue::wire::proto::v1;
use segue::wire::proto::v1::next_clusters_service_client::NextClustersServiceClient;
use tempfile::TempDir;
use tokio::runtime::{self, Runtime};
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

use super::caller::{Caller, PATIENCE};
use super::release::{store, version};

/// Time between two looks at what is waited for.
const PAUSE: Duration = Duration::from_millis(1);

/// A service that runs. It drains when it is dropped.
pub(crate) struct Running {
    pub(crate) service: Service,
    pub(crate) store: Store,
    _dir: TempDir,
}

/// A caller of the gRPC door that waits for each reply.
pub(crate) struct GrpcCaller {
    runtime: Runtime,
    pub(crate) channel: Channel,
    pub(crate) client: NextClustersServiceClient<Channel>,
}

/// A service with the release of the vectors, loaded.
pub(crate) fn start() -> Running {
    start_with(|_| {})
}

/// The same, configured otherwise.
pub(crate) fn start_with(change: impl FnOnce(&mut Config)) -> Running {
    let dir = TempDir::new().expect("a temporary directory");
    store(dir.path());
    let running = start_on(dir, change);
    running.reload();
    running
}

/// A service on whatever stands in a directory, of which nothing need be loaded yet.
pub(crate) fn start_on(dir: TempDir, change: impl FnOnce(&mut Config)) -> Running {
    start_computing(dir, Arc::new(EngineCompute), change)
}

/// The same with another arithmetic for its models.
pub(crate) fn start_computing(dir: TempDir, compute: Arc<dyn Compute>, change: impl FnOnce(&mut Config)) -> Running {
    let mut config = super::config(dir.path());
    change(&mut config);
    let service = Service::start_computing(&config, compute).expect("free ports");
    Running { service, store: Store::open(dir.path()), _dir: dir }
}

impl Running {
    /// A connection to the HTTP door.
    pub(crate) fn http(&self) -> Caller {
        Caller::connect(self.service.addresses().http)
    }

    /// A connection to the gRPC door.
    pub(crate) fn grpc(&self) -> GrpcCaller {
        GrpcCaller::connect(self.service.addresses().grpc)
    }

    /// Where its releases stand.
    pub(crate) fn dir(&self) -> &Path {
        self.store.dir()
    }

    /// Has it look at the pointer, and waits until it has.
    pub(crate) fn reload(&self) -> Outcome {
        self.service.reloader().request().blocking_recv().expect("the reloader runs")
    }

    /// Moves the pointer, and waits until the service has followed.
    pub(crate) fn follow(&self, name: &str) -> Outcome {
        self.store.activate(&version(name)).expect("the release is complete");
        self.reload()
    }

    /// The value of a series, as a scrape shows it; 0 where it is not shown.
    pub(crate) fn counted(&self, series: &str) -> u64 {
        let text = self.service.metrics().render();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().expect("a whole number"))
    }
}

impl GrpcCaller {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        // A thread of its own answers the other side's pings while the test does something else.
        let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address").timeout(PATIENCE);
        let channel = runtime.block_on(endpoint.connect()).expect("the door is open");
        Self { runtime, client: NextClustersServiceClient::new(channel.clone()), channel }
    }

    /// Asks one question.
    pub(crate) fn next_clusters(&self, request: v1::NextClustersRequest) -> Result<v1::NextClustersResponse, Status> {
        self.wait(self.client.clone().next_clusters(request)).map(Response::into_inner)
    }

    /// Waits for what must come.
    pub(crate) fn wait<T>(&self, coming: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { tokio::time::timeout(PATIENCE, coming).await }).expect("it came in time")
    }
}

/// Waits for what must become true, by asking again and again. It leaves the processor meanwhile to whatever brings it about.
#[track_caller]
pub(crate) fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_true() {
        assert!(started.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::park_timeout(PAUSE);
    }
}
