//! The composition root: builds every part in the order that each depends on the one before, and takes them down.
//!
//! Sockets are bound before anything serves, so that a taken port is an error at once; nothing is global.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};

use crate::admin::{self, Admin, AdminStartError};
use crate::config::Config;
use crate::drain::{Drain, Stage};
use crate::fallback::Fallback;
use crate::grpc::GrpcProtocol;
use crate::http::HttpProtocol;
use crate::listen::{Door, Workers, bind};
use crate::metrics::{Metrics, UPKEEP_INTERVAL};
use crate::model::worker::{Compute, EngineCompute};
use crate::pull::{self, Board, PullStartError, Puller};
use crate::room::Room;
use crate::snapshot::ingest::{self, Ingest, IngestRules};
use crate::snapshot::lifecycle::Book;
use crate::snapshot::live::Live;
use crate::snapshot::reload::{Parts, Reloader};
use crate::snapshot::store::Store;
use crate::tls::{self, Tls, TlsError, TlsFiles};
use crate::trial::guard::{self, Guard};
use crate::trial::recorded::Recorded;
use crate::trial::shadow;
use crate::unseen;
use crate::unseen::UnseenLog;
use crate::unseen::flush::{self, Flusher};

/// Why the service could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address} for {door}: {source}; free it, or set {door}.listen to another")]
    Bind {
        /// Which door.
        door: &'static str,
        /// The address that was asked for.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The certificates of a door cannot be used.
    #[error("tls: {0}")]
    Tls(#[from] TlsError),
    /// The operator's door cannot be opened.
    #[error(transparent)]
    Admin(#[from] AdminStartError),
    /// What should be pulled cannot be.
    #[error(transparent)]
    Pull(#[from] PullStartError),
    /// The system refused a thread, a signal handler or an event queue.
    #[error("the service cannot run here: {0}; raise the limits on threads and open files")]
    System(#[from] io::Error),
}

/// A service that runs.
pub struct Service {
    addresses: Addresses,
    reloader: Reloader,
    /// None where nothing is pulled.
    puller: Option<Puller>,
    metrics: Metrics,
    admin: admin::Running,
    certificates: tls::Follower,
    unseen: Arc<UnseenLog>,
    flusher: Flusher,
    /// Watches canaries while the service runs.
    _guard: Guard,
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<()>,
    thread: JoinHandle<io::Result<()>>,
}

/// Where a service listens; port 0 in the configuration is a free port here.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// The HTTP door.
    pub http: SocketAddr,
    /// The gRPC door.
    pub grpc: SocketAddr,
    /// The operator's door.
    pub admin: SocketAddr,
}

/// Serves as configured until SIGTERM or SIGINT, then drains; SIGHUP reloads. A second SIGTERM or SIGINT ends the
/// process without waiting for the drain.
pub fn run(config: &Config) -> Result<(), ServeError> {
    run_then(config, |_| Ok(()))
}

/// Serves like [`run`], and calls `started` once the doors are open. Signals are heard before anything starts: one
/// that nobody listens for ends the process.
pub fn run_then<E: From<ServeError>>(
    config: &Config,
    started: impl FnOnce(&Service) -> Result<(), E>,
) -> Result<(), E> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::from)?;
    let signals = runtime.block_on(async { Signals::listen() }).map_err(ServeError::from)?;
    let service = Service::start(config)?;
    service.announce();
    started(&service)?;
    Ok(runtime.block_on(service.until_signalled(signals))?)
}

impl Service {
    /// Builds and starts everything; returns once the doors are open. The first release loads meanwhile: until it has,
    /// questions get 503 and `/readyz` says why.
    pub fn start(config: &Config) -> Result<Self, ServeError> {
        Self::start_computing(config, Arc::new(EngineCompute))
    }

    /// The same with another arithmetic for the models: a test's, that is slow or fails.
    pub fn start_computing(config: &Config, compute: Arc<dyn Compute>) -> Result<Self, ServeError> {
        let (sockets, admin) = (Sockets::bind(config)?, Admin::bind(config)?);
        let (http, grpc) = (sockets.http.local_addr()?, sockets.grpc.local_addr()?);
        let addresses = Addresses { http, grpc, admin: admin.address()? };
        let (live, drain, metrics) = (Arc::<Live>::default(), Drain::default(), Metrics::new());
        let tls = Certificates::load(config, &metrics)?;
        let fallback = Fallback::start(&config.model, compute.clone(), metrics.model())?;
        let room = Arc::new(Room::new(config, live.clone(), drain.clone(), fallback));
        shadow::start(room.trials(), config, compute)?;
        metrics.watch(room.clone());
        let (unseen, dir) = (room.unseen().clone(), unseen::dir(&config.release.dir));
        let flushed = flush::Parts { log: unseen.clone(), live: live.clone(), dir };
        let flusher = Flusher::start(flushed, &config.unseen)?;
        let store = Store::open(&config.release.dir);
        let book = Book::new();
        let audit = admin.audit(&store, &metrics)?;
        let (recorded, steered) = (audit.clone(), audit.clone());
        let parts =
            Parts { store: store.clone(), live: live.clone(), metrics: metrics.clone(), book, audit: audit.clone() };
        let reloader = Reloader::start(parts, config)?;
        let ingest = ingest::Parts::new(&store, config, &metrics, reloader.book());
        let ingest = Arc::new(Ingest::open(ingest, IngestRules::new(config)));
        let board = Board::default();
        let shown = admin::Parts {
            room: room.clone(),
            metrics: metrics.clone(),
            store: store.clone(),
            reloader: reloader.clone(),
            ingest: ingest.clone(),
            pulling: board.clone(),
            audit,
        };
        let admin = admin.start(shown)?;
        let (taken, followed) = (metrics.transfer(), reloader.clone());
        let pulled = pull::Parts { store, ingest, reloader: followed, metrics: taken, audit: recorded, board };
        let puller = Puller::start(pulled, &config.pull)?;
        let steer = Box::new(Recorded::new(reloader.clone(), live.clone(), steered));
        let guard = Guard::start(guard::Parts { live, metrics: metrics.trial(), steer }, &config.canary)?;
        let certificates = tls.follow(admin.tls())?;
        let doors = Doors::new(sockets, tls, &room, (config, &metrics))?;
        let (stop, stopping) = watch::channel(false);
        let (end, ended) = oneshot::channel();
        let pace = config.drain.clone();
        let thread = thread::Builder::new().name("segue-accept".to_owned()).spawn(move || {
            let _ends = end;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(doors.serve(&drain, &pace, stopping))
        })?;
        Ok(Self {
            addresses,
            reloader,
            puller,
            admin,
            certificates,
            unseen,
            flusher,
            _guard: guard,
            metrics,
            stop,
            ended,
            thread,
        })
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Its reloader.
    pub fn reloader(&self) -> &Reloader {
        &self.reloader
    }

    /// Who pulls, where something is pulled.
    pub fn puller(&self) -> Option<&Puller> {
        self.puller.as_ref()
    }

    /// Where it counts histories that the table does not hold.
    pub fn unseen(&self) -> &UnseenLog {
        &self.unseen
    }

    /// What it counts.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Begins the drain; returns at once.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until the drain is over.
    pub fn wait(self) -> Result<(), ServeError> {
        let drained = self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the accepting thread panicked")));
        self.flusher.stop();
        // Last, so that probes and metrics tell of the drain until it is over.
        self.admin.stop();
        Ok(drained?)
    }

    /// Looks soon at what may have changed outside, as SIGHUP has it do: the pointer, the channel that is followed, and
    /// the doors' certificates.
    pub fn look(&self) {
        drop(self.reloader.request());
        self.puller.iter().for_each(Puller::request);
        self.certificates.look();
    }

    fn announce(&self) {
        let Addresses { http, grpc, admin } = self.addresses;
        tracing::info!(%http, %grpc, %admin, version = env!("CARGO_PKG_VERSION"), "serving");
    }

    async fn until_signalled(mut self, mut signals: Signals) -> Result<(), ServeError> {
        let mut stops = 0;
        loop {
            tokio::select! {
                _ = &mut self.ended => return self.wait(),
                _ = signals.hangup.recv() => self.look(),
                _ = signals.terminate.recv() => stops += 1,
                _ = signals.interrupt.recv() => stops += 1,
            }
            match stops {
                0 => {}
                1 => self.stop(),
                _ => {
                    tracing::warn!("told to stop twice; leaving without waiting for the drain");
                    return Ok(());
                }
            }
        }
    }
}

/// The bound sockets, one for each door.
struct Sockets {
    http: TcpListener,
    grpc: TcpListener,
}

impl Sockets {
    fn bind(config: &Config) -> Result<Self, ServeError> {
        let bound = |door, address| bind(address).map_err(|source| ServeError::Bind { door, address, source });
        Ok(Self { http: bound("http", config.http.listen)?, grpc: bound("grpc", config.grpc.listen)? })
    }
}

/// What the public doors are encrypted with, each where it is.
struct Certificates {
    http: Option<Arc<Tls>>,
    grpc: Option<Arc<Tls>>,
}

impl Certificates {
    fn load(config: &Config, metrics: &Metrics) -> Result<Self, TlsError> {
        Ok(Self {
            http: Tls::of::<HttpProtocol>(TlsFiles::http(&config.http), metrics)?,
            grpc: Tls::of::<GrpcProtocol>(TlsFiles::grpc(&config.grpc), metrics)?,
        })
    }

    /// Has all doors follow what becomes of their files.
    fn follow(&self, admin: Option<Arc<Tls>>) -> io::Result<tls::Follower> {
        tls::Follower::start([self.http.clone(), self.grpc.clone(), admin].into_iter().flatten().collect())
    }
}

/// The doors, open.
struct Doors {
    http: Door<HttpProtocol>,
    grpc: Door<GrpcProtocol>,
    workers: Workers,
    metrics: Metrics,
}

impl Doors {
    fn new(
        sockets: Sockets,
        tls: Certificates,
        room: &Arc<Room>,
        (config, metrics): (&Config, &Metrics),
    ) -> io::Result<Self> {
        let workers = Workers::start(&config.runtime)?;
        let http = HttpProtocol::new(room, metrics, workers.count(), &config.http);
        let grpc = GrpcProtocol::new(room, metrics, workers.count(), &config.grpc);
        Ok(Self {
            http: Door::new(sockets.http, http, config.http.connections_max).with_tls(tls.http),
            grpc: Door::new(sockets.grpc, grpc, config.grpc.connections_max).with_tls(tls.grpc),
            metrics: metrics.clone(),
            workers,
        })
    }

    /// Serves until told to stop and drained.
    async fn serve(
        self,
        drain: &Drain,
        pace: &crate::config::Drain,
        mut stopping: watch::Receiver<bool>,
    ) -> io::Result<()> {
        let Self { http, grpc, workers, metrics } = self;
        let upkeep = tokio::spawn(keep_up(metrics));
        let doors = async { tokio::try_join!(http.serve(&workers, drain), grpc.serve(&workers, drain)).map(|_| ()) };
        let stop = async {
            // An error says that the service's handle is gone, which is a stop as well.
            let _ = stopping.wait_for(|stopping| *stopping).await;
            close(drain, pace).await;
        };
        let ended = tokio::select! {
            ended = doors => ended,
            () = stop => {
                tracing::warn!("drain not finished in time; open connections are cut");
                Ok(())
            }
        };
        upkeep.abort();
        workers.stop();
        tracing::info!("stopped");
        ended
    }
}

/// Turns un-ready, serves on as a lame duck, closes the doors, and returns when the grace is over.
async fn close(drain: &Drain, pace: &crate::config::Drain) {
    tracing::info!(lame_duck_ms = pace.lame_duck.as_millis(), "stopping: un-ready, serving on");
    drain.advance(Stage::Unready);
    tokio::time::sleep(pace.lame_duck).await;
    tracing::info!(grace_ms = pace.grace.as_millis(), "stopping: doors closed, finishing");
    drain.advance(Stage::Closing);
    tokio::time::sleep(pace.grace).await;
}

/// Drains the samples of the exporter's histograms, which otherwise grow for as long as nobody scrapes.
async fn keep_up(metrics: Metrics) {
    let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
    loop {
        interval.tick().await;
        metrics.upkeep();
    }
}

/// The signals that a service obeys.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        let [terminate, interrupt, hangup] =
            [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
        Ok(Self { terminate: terminate?, interrupt: interrupt?, hangup: hangup? })
    }
}
