//! A door of its own for each test, on a port that the system chose, and clients for it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};
use segue::config::Config;
use segue::drain::Drain;
use segue::fallback::Fallback;
use segue::grpc::GrpcProtocol;
use segue::listen::{Door, Workers, bind};
use segue::metrics::Metrics;
use segue::model::worker::EngineCompute;
use segue::room::Room;
use segue::snapshot::live::Live;
use segue::snapshot::store::Store;
use segue::wire::proto::v1::next_clusters_service_client::NextClustersServiceClient;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::transport::{Channel, Endpoint};

use crate::support;
use crate::support::caller::PATIENCE;
pub(crate) use crate::support::spoken::message;

/// A bare connection.
pub(crate) trait Patient: GrpcService<Body, ResponseBody = Incoming> {}

impl<S: GrpcService<Body, ResponseBody = Incoming>> Patient for S {}

/// The service at one address.
pub(crate) type Client = NextClustersServiceClient<Channel>;

/// An open door and everything behind it.
pub(crate) struct Opened {
    pub(crate) address: SocketAddr,
    pub(crate) live: Arc<Live>,
    pub(crate) room: Arc<Room>,
    pub(crate) drain: Drain,
    pub(crate) metrics: Metrics,
    pub(crate) store: Store,
    /// Ends when the drain has closed the door and the last connection has finished.
    pub(crate) serving: JoinHandle<std::io::Result<()>>,
    _dir: TempDir,
}

/// A door with the release of the vectors behind it.
pub(crate) fn open() -> Opened {
    open_with(|_| {})
}

/// The same, configured otherwise.
pub(crate) fn open_with(change: impl FnOnce(&mut Config)) -> Opened {
    let opened = open_empty(change);
    opened.live.swap(support::release::load(&opened.store, support::release::VERSION));
    opened
}

/// A door with nothing loaded behind it yet; the release is in its store.
pub(crate) fn open_empty(change: impl FnOnce(&mut Config)) -> Opened {
    let dir = TempDir::new().expect("a temporary directory");
    let store = support::release::store(dir.path());
    let mut config = support::config(dir.path());
    change(&mut config);
    serve(&config, store, dir)
}

fn serve(config: &Config, store: Store, dir: TempDir) -> Opened {
    let (live, drain, metrics) = (Arc::<Live>::default(), Drain::default(), Metrics::new());
    let fallback = Fallback::start(&config.model, Arc::new(EngineCompute), metrics.model()).expect("a thread");
    let room = Arc::new(Room::new(config, live.clone(), drain.clone(), fallback));
    let workers = Workers::start(&config.runtime).expect("threads");
    let protocol = GrpcProtocol::new(&room, &metrics, workers.count(), &config.grpc);
    let listener = bind(config.grpc.listen).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let door = Door::new(listener, protocol, config.grpc.connections_max);
    let closing = drain.clone();
    let serving = tokio::spawn(async move { door.serve(&workers, &closing).await });
    Opened { address, live, room, drain, metrics, store, serving, _dir: dir }
}

impl Opened {
    /// A client on a connection of its own.
    pub(crate) async fn client(&self) -> Client {
        NextClustersServiceClient::new(self.channel().await)
    }

    /// A connection.
    pub(crate) async fn channel(&self) -> Channel {
        self.endpoint().connect().await.expect("the door is open")
    }

    /// A client that leaves deadlines to the service; tonic's own would end its calls by itself.
    pub(crate) async fn patient_client(&self) -> NextClustersServiceClient<impl Patient> {
        let stream = TcpStream::connect(self.address).await.expect("the door is open");
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
        tokio::spawn(connection);
        let service = tower::service_fn(move |request| sender.clone().send_request(request));
        let origin = format!("http://{}", self.address).parse().expect("an address");
        NextClustersServiceClient::with_origin(service, origin)
    }

    /// Where to connect.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::from_shared(format!("http://{}", self.address)).expect("an address")
    }

    /// The value of a series, as a scrape shows it; 0 where it is not shown.
    pub(crate) fn counted(&self, series: &str) -> u64 {
        let text = self.metrics.render();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().expect("a whole number"))
    }

    /// Where its releases stand.
    pub(crate) fn dir(&self) -> &Path {
        self.store.dir()
    }
}

/// Waits for what must come, and fails the test where it does not.
pub(crate) async fn soon<T>(coming: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, coming).await.expect("it came in time")
}
