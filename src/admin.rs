//! The operator's door: probes and metrics, what serves, and the calls that change it.
//!
//! It has a thread and a runtime of its own, so that it answers while every worker is busy, and it stays open while the
//! other doors drain. It must never put work on the workers, nor touch a disk on its own thread.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::runtime::{self, Runtime};
use tokio::time::interval;
use tower::ServiceExt;

use crate::audit::{Audit, AuditError};
use crate::auth::{Auth, HoldersError};
use crate::config::{self, Config};
use crate::console;
use crate::drain::{Drain, Stage};
use crate::listen::{self, Connection, Door, Peer, Protocol, Stream, Workers};
use crate::metrics::Metrics;
use crate::pull::Board;
use crate::room::Room;
use crate::snapshot::ingest::Ingest;
use crate::snapshot::parcel::Kind;
use crate::snapshot::reload::Reloader;
use crate::snapshot::store::Store;
use crate::tls::{Tls, TlsError, TlsFiles};

// What both skins stand on.
mod desk;
mod audited;
mod change;
mod releases;
mod watch;
mod problem;
pub mod documents;
// Over HTTP.
mod guard;
mod body;
mod prompt;
mod calls;
mod probe;
mod figures;
mod lookup;
mod session;
mod push;
mod unseen;
mod view;
mod events;
// Over gRPC.
mod rpc;
// The other end.
pub mod client;

use desk::{Desk, on_disk};
use prompt::Prompt;

/// Bytes of a request's head: a token of the longest kind, with room for a proxy's headers.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Calls at once on one connection over HTTP/2: watchers and pushes, and few of either.
const STREAMS_MAX: u32 = 16;
/// Time between looks whether a silent caller over HTTP/2 is still there.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// How long it may take to say so before it is taken for dead.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Threads for work on the disk; past it such calls wait for one another. Every file of every push takes one.
const DISK_THREADS_MAX: usize = 32;
/// Time between looks for pushes that nobody continues.
const CLEAN_INTERVAL: Duration = Duration::from_secs(1);
/// Longest wait at the end for calls that still run; what is left is cut.
const STOP_WAIT_MAX: Duration = Duration::from_secs(1);

/// The door, bound and not yet open.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    auth: Auth,
    config: Config,
}

/// What the door shows and changes.
#[derive(Clone)]
pub struct Parts {
    /// What the other doors answer from.
    pub room: Arc<Room>,
    /// What `/metrics` shows.
    pub metrics: Metrics,
    /// Whose pointer is moved.
    pub store: Store,
    /// Who follows the pointer.
    pub reloader: Reloader,
    /// Who receives what is pushed.
    pub ingest: Arc<Ingest>,
    /// Where it is written how pulling stands.
    pub pulling: Board,
    /// Where changes are recorded: [`Admin::audit`].
    pub audit: Audit,
}

/// The door, open; it closes when told to, not when dropped.
#[derive(Debug)]
pub struct Running {
    stop: Drain,
    tls: Option<Arc<Tls>>,
    thread: JoinHandle<io::Result<()>>,
}

/// Why the door cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum AdminStartError {
    /// The address cannot be listened on.
    #[error("admin.listen: cannot listen on {address}: {source}")]
    Bind {
        /// The address configured.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The token cannot be used.
    #[error("admin.token_file: {0}")]
    Token(#[from] HoldersError),
    /// The certificates cannot be used.
    #[error("admin: {0}")]
    Tls(#[from] TlsError),
    /// Changes could not be recorded.
    #[error("admin.audit_file: {0}")]
    Audit(#[from] AuditError),
    /// The system gives no thread or no runtime.
    #[error("the operator's door cannot start: {0}")]
    Io(#[from] io::Error),
}

/// What was made ready for the door's thread.
struct Opening {
    parts: Parts,
    tls: Option<Arc<Tls>>,
}

/// HTTP/1.1 and HTTP/2 on the connections of this door.
struct AdminProtocol {
    router: Router,
    /// Longest wait until a connection says which HTTP it speaks.
    first_bytes_timeout: Duration,
    builder: auto::Builder<TokioExecutor>,
}

impl Admin {
    /// Binds the door's address and reads its token, so that what is wrong with either is found before anything serves.
    pub fn bind(config: &Config) -> Result<Self, AdminStartError> {
        let address = config.admin.listen;
        let auth = Auth::new(&config.admin)?;
        let listener = listen::bind(address).map_err(|source| AdminStartError::Bind { address, source })?;
        Ok(Self { listener, auth, config: config.clone() })
    }

    /// Where the door is; port 0 in the configuration is a free port here.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Opens the audit log at its configured place, or in the store.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn audit(&self, store: &Store, metrics: &Metrics) -> Result<Audit, AdminStartError> {
        Ok(Audit::open(self.config.admin.audit_file.as_deref(), store.dir(), metrics.clone())?)
    }

    /// Opens the door on a thread of its own.
    pub fn start(self, parts: Parts) -> Result<Running, AdminStartError> {
        let runtime =
            runtime::Builder::new_current_thread().enable_all().max_blocking_threads(DISK_THREADS_MAX).build()?;
        let tls = Tls::of::<AdminProtocol>(TlsFiles::admin(&self.config.admin), &parts.metrics)?;
        let opening = Opening { parts, tls: tls.clone() };
        let stop = Drain::default();
        let stopped = stop.clone();
        let thread = thread::Builder::new().name("segue-admin".to_owned());
        let thread = thread.spawn(move || self.run(runtime, opening, &stopped).inspect_err(log_end))?;
        Ok(Running { stop, tls, thread })
    }

    fn run(self, runtime: Runtime, opening: Opening, stop: &Drain) -> io::Result<()> {
        let (Self { listener, auth, config }, Opening { parts, tls }) = (self, opening);
        let desk = Arc::new(Desk::new(parts, auth, &config, stop));
        let door = Door::new(listener, AdminProtocol::new(&desk, &config.admin), config.admin.connections_max);
        let door = door.with_tls(tls);
        let workers = Workers::on(runtime.handle().clone());
        let served = runtime.block_on(async {
            tokio::spawn(figures::record(desk.clone()));
            tokio::spawn(keep_clean(desk));
            tokio::select! {
                served = door.serve(&workers, stop) => served,
                () = waited_out(stop) => Ok(()),
            }
        });
        // Not dropped, which would wait for whatever a disk is still doing.
        runtime.shutdown_background();
        served
    }
}

impl Running {
    /// Its certificates, where it speaks TLS.
    pub fn tls(&self) -> Option<Arc<Tls>> {
        self.tls.clone()
    }

    /// Closes the door and waits, within a limit, until it is.
    pub fn stop(self) {
        self.stop.advance(Stage::Closing);
        // The thread logs its own failure; a panic of it has been printed.
        let _ = self.thread.join();
    }
}

impl AdminProtocol {
    fn new(desk: &Arc<Desk>, config: &config::Admin) -> Self {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        let mut http1 = builder.http1();
        http1.timer(TokioTimer::new()).header_read_timeout(config.header_read_timeout).max_buf_size(HEAD_BYTES_MAX);
        let mut http2 = builder.http2();
        http2.timer(TokioTimer::new()).max_header_list_size(HEAD_BYTES_MAX as u32).max_concurrent_streams(STREAMS_MAX);
        http2.keep_alive_interval(KEEPALIVE_INTERVAL).keep_alive_timeout(KEEPALIVE_TIMEOUT);
        Self { router: router(desk), first_bytes_timeout: config.header_read_timeout, builder }
    }
}

impl Protocol for AdminProtocol {
    const SPOKEN: &'static [&'static [u8]] = &[b"h2", b"http/1.1"];

    fn serve<S: Stream>(&self, io: TokioIo<S>, peer: Peer, _worker: usize) -> impl Connection {
        let io = TokioIo::new(Prompt::new(io.into_inner(), self.first_bytes_timeout));
        let router = self.router.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer.clone());
            router.clone().oneshot(request)
        });
        self.builder.serve_connection(io, service)
    }
}

/// Every call of the door.
fn router(desk: &Arc<Desk>) -> Router {
    let changes = Router::new()
        .merge(calls::routes())
        .nest("/admin/v1/releases/{version}", push::routes(Kind::Release))
        .nest("/admin/v1/models/{version}", push::routes(Kind::Model))
        .route_layer(from_fn_with_state(desk.clone(), guard::operator));
    let reads = Router::new()
        .route("/metrics", get(probe::metrics))
        .route("/admin/v1/status", get(view::status))
        .route("/admin/v1/releases", get(view::releases))
        .route("/admin/v1/releases/{version}", get(view::release))
        .route("/admin/v1/trial", get(view::trial))
        .route("/admin/v1/watch", get(events::watch))
        .route("/admin/v1/unseen", get(unseen::unseen))
        .route("/admin/v1/figures", get(figures::figures))
        .route("/admin/v1/lookup", get(lookup::lookup))
        .route("/admin/v1/clusters", get(lookup::clusters))
        .route_layer(from_fn_with_state(desk.clone(), guard::reader));
    // Open to whoever reaches the door: what watches over a process rarely holds a token.
    Router::new()
        .route("/livez", get(probe::livez))
        .route("/readyz", get(probe::readyz))
        .route("/healthz", get(probe::healthz))
        .route("/admin/v1/whoami", get(view::whoami))
        .route("/admin/v1/session", get(session::session))
        .merge(reads)
        .merge(changes)
        .merge(console::routes())
        .with_state(desk.clone())
        .merge(rpc::routes(desk))
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::no_such_method)
}

async fn waited_out(stop: &Drain) {
    stop.reached(Stage::Closing).await;
    tokio::time::sleep(STOP_WAIT_MAX).await;
}

/// Frees the disk of pushes that nobody continues.
async fn keep_clean(desk: Arc<Desk>) {
    let mut ticks = interval(CLEAN_INTERVAL);
    loop {
        ticks.tick().await;
        let desk = desk.clone();
        // A panic in there has been printed; the next tick tries again.
        let _ = on_disk(move || desk.parts.ingest.remove_abandoned()).await;
    }
}

fn log_end(error: &io::Error) {
    tracing::error!(%error, "the operator's door is closed: probes fail from now on; restart the service");
}
