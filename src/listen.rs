//! Sockets, worker threads and connections: what both doors stand on. It knows no call and no message.
//!
//! One acceptor hands each connection to the worker that holds the fewest, and there it stays. With a runtime per
//! worker nothing of a request ever crosses threads; a shared runtime moves work between them instead.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulConnection;
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{self, Handle, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::config::{self, Flavor};
use crate::drain::{Drain, Stage};
use crate::tls::{Subject, Tls};

/// Connections that the system may hold ready before they are accepted: a reconnecting fleet's worth.
const BACKLOG: i32 = 1024;
/// Pause after the system refused a connection for want of resources, so that the loop does not spin.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// The threads that answer.
#[derive(Debug)]
pub struct Workers {
    slots: Vec<Slot>,
    shared: Option<Runtime>,
    stop: watch::Sender<bool>,
}

/// Where connections are put.
#[derive(Debug)]
struct Slot {
    handle: Handle,
    connections: Arc<AtomicUsize>,
    /// The drain as this worker's connections see it. Looking at a drain takes its lock, and every wake of every
    /// connection looks: one that all workers shared would travel between their caches.
    drain: Drain,
}

/// How one door speaks on its connections.
pub trait Protocol: Send + Sync + 'static {
    /// What it speaks, as TLS names it, the preferred first.
    const SPOKEN: &'static [&'static [u8]];

    /// Serves a connection with `peer`, encrypted or not, on the worker with this number, which is below
    /// [`Workers::count`].
    fn serve<S: Stream>(&self, io: TokioIo<S>, peer: Peer, worker: usize) -> impl Connection;
}

/// What bytes come and go on: a socket, or TLS on one.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// The other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where it called from.
    pub address: SocketAddr,
    /// Whom its certificate names, if the door asked for one and it showed one that holds.
    pub certificate: Option<Subject>,
}

/// A connection being served.
pub trait Connection: Future<Output = Result<(), Self::Error>> + Send {
    /// Why it broke.
    type Error: std::fmt::Display + Send;

    /// Finishes what has begun, and takes nothing new.
    fn graceful_shutdown(self: Pin<&mut Self>);
}

impl<C: GracefulConnection<Error: std::fmt::Display + Send> + Send> Connection for C {
    type Error = <C as GracefulConnection>::Error;

    fn graceful_shutdown(self: Pin<&mut Self>) {
        GracefulConnection::graceful_shutdown(self);
    }
}

/// A door: a bound socket and how to speak on it.
#[derive(Debug)]
pub struct Door<P> {
    listener: std::net::TcpListener,
    protocol: Arc<P>,
    tls: Option<Arc<Tls>>,
    connections: Arc<Semaphore>,
    connections_max: u32,
}

impl Workers {
    /// Starts the threads as configured.
    pub fn start(config: &config::Runtime) -> io::Result<Self> {
        let count = match config.workers {
            0 => thread::available_parallelism()?.get(),
            some => some,
        };
        let stop = watch::Sender::new(false);
        let (slots, shared) = match config.flavor {
            Flavor::PerCore => ((0..count).map(|_| per_core(&stop)).collect::<io::Result<_>>()?, None),
            Flavor::Shared => {
                let runtime = shared(count)?;
                (vec![Slot::new(runtime.handle().clone())], Some(runtime))
            }
        };
        Ok(Self { slots, shared, stop })
    }

    /// Puts every connection on a runtime that is the caller's own.
    pub fn on(handle: Handle) -> Self {
        Self { slots: vec![Slot::new(handle)], shared: None, stop: watch::Sender::new(false) }
    }

    /// How many places there are to put a connection: one for each runtime.
    pub fn count(&self) -> usize {
        self.slots.len()
    }

    /// Ends the threads; connections that are still open are cut.
    pub fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(runtime) = self.shared.take() {
            runtime.shutdown_background();
        }
    }

    /// Tells every worker's connections that the doors close.
    fn close(&self) {
        self.slots.iter().for_each(|slot| slot.drain.advance(Stage::Closing));
    }

    /// The worker with the fewest connections, and its number.
    fn emptiest(&self) -> Option<(usize, &Slot)> {
        self.slots.iter().enumerate().min_by_key(|(_, slot)| slot.connections.load(Ordering::Relaxed))
    }
}

impl Slot {
    fn new(handle: Handle) -> Self {
        Self { handle, connections: Arc::default(), drain: Drain::default() }
    }
}

/// Starts a thread with a runtime of its own, which ends at the stop.
fn per_core(stop: &watch::Sender<bool>) -> io::Result<Slot> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let slot = Slot::new(runtime.handle().clone());
    let mut stopped = stop.subscribe();
    thread::Builder::new().name("segue-worker".to_owned()).spawn(move || {
        // An error says that the sender is gone, which is a stop as well.
        let _ = runtime.block_on(stopped.wait_for(|stopped| *stopped));
        runtime.shutdown_background();
    })?;
    Ok(slot)
}

fn shared(count: usize) -> io::Result<Runtime> {
    runtime::Builder::new_multi_thread().worker_threads(count).thread_name("segue-worker").enable_all().build()
}

/// Binds a listening socket. `SO_REUSEADDR` lets a restart take the port at once.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

impl<P: Protocol> Door<P> {
    /// Opens a door on a bound socket. Past `connections_max`, new connections wait in the system's queue.
    pub fn new(listener: std::net::TcpListener, protocol: P, connections_max: usize) -> Self {
        let connections_max = u32::try_from(connections_max).unwrap_or(u32::MAX).min(Semaphore::MAX_PERMITS as u32);
        let connections = Arc::new(Semaphore::new(connections_max as usize));
        Self { listener, protocol: Arc::new(protocol), tls: None, connections, connections_max }
    }

    /// The same, which speaks TLS only, where it is given any.
    pub fn with_tls(self, tls: Option<Arc<Tls>>) -> Self {
        Self { tls, ..self }
    }

    /// Accepts connections until the drain closes the doors, then waits until the last one has finished.
    pub async fn serve(self, workers: &Workers, drain: &Drain) -> io::Result<()> {
        let Self { listener, protocol, tls, connections, connections_max } = self;
        let listener = TcpListener::from_std(listener)?;
        let mut closing = pin!(drain.reached(Stage::Closing));
        loop {
            let accepted = async {
                // Never closed, so a place always comes.
                let place = connections.clone().acquire_owned().await.map_err(io::Error::other)?;
                let (stream, address) = listener.accept().await?;
                Ok(Accepted { stream, address, place })
            };
            tokio::select! {
                biased;
                () = closing.as_mut() => break,
                accepted = accepted => match accepted {
                    Ok(accepted) => hand_over(accepted, &protocol, tls.clone(), workers),
                    Err(error) => pause(&error).await,
                },
            }
        }
        drop(listener);
        workers.close();
        let _all_closed = connections.acquire_many(connections_max).await.map_err(io::Error::other)?;
        Ok(())
    }
}

/// A connection that has its place and no worker yet.
struct Accepted {
    stream: TcpStream,
    address: SocketAddr,
    place: OwnedSemaphorePermit,
}

/// Gives a connection to the emptiest worker.
fn hand_over<P: Protocol>(accepted: Accepted, protocol: &Arc<P>, tls: Option<Arc<Tls>>, workers: &Workers) {
    let Accepted { stream, address, place } = accepted;
    let Some((worker, slot)) = workers.emptiest() else { return };
    // Replies are written whole: waiting to fill a packet would only add delay.
    let Ok(stream) = stream.set_nodelay(true).and_then(|()| stream.into_std()) else { return };
    let counted = Counted::new(&slot.connections);
    let (protocol, drain) = (protocol.clone(), slot.drain.clone());
    slot.handle.spawn(async move {
        let _held = (place, counted);
        let peer = Peer { address, certificate: None };
        // Registers with the worker's own reactor, which is why it is done there.
        match (TcpStream::from_std(stream), tls) {
            (Ok(stream), None) => converse(protocol.serve(TokioIo::new(stream), peer, worker), &drain).await,
            // Boxed, so that a plain connection holds no room for it.
            (Ok(stream), Some(tls)) => Box::pin(encrypt(&tls, (stream, peer), (&*protocol, worker), &drain)).await,
            (Err(error), _) => tracing::debug!(%error, "connection lost before it was served"),
        }
    });
}

/// Serves a connection under TLS; when the doors close before it is encrypted, it has begun nothing.
async fn encrypt<P: Protocol>(
    tls: &Tls,
    (stream, peer): (TcpStream, Peer),
    (protocol, worker): (&P, usize),
    drain: &Drain,
) {
    let accepted = tokio::select! {
        biased;
        accepted = tls.accept(stream, peer) => accepted,
        () = drain.reached(Stage::Closing) => None,
    };
    if let Some((stream, peer)) = accepted {
        converse(protocol.serve(TokioIo::new(stream), peer, worker), drain).await;
    }
}

/// Serves a connection to its end; when the doors close, lets it finish what it has begun.
async fn converse(connection: impl Connection, drain: &Drain) {
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = drain.reached(Stage::Closing) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection broken");
    }
}

async fn pause(error: &io::Error) {
    if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        // The caller left before it was served: nothing is short here, and others wait.
        return;
    }
    tracing::warn!(%error, "connection not accepted; raise the limit on open files if this goes on");
    tokio::time::sleep(ACCEPT_RETRY).await;
}

/// Counts a worker's connection for as long as it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(connections: &Arc<AtomicUsize>) -> Self {
        connections.fetch_add(1, Ordering::Relaxed);
        Self(connections.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
