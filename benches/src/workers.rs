//! Two ways to spread connections over cores, for the baseline servers: one shared runtime, or one runtime a core.
//!
//! It must never do more than the server it stands for would: no limits, no metrics, no drain.

use std::future::Future;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How a baseline server is started.
#[derive(Parser, Clone, Debug)]
pub struct ServerArgs {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:8088")]
    pub listen: SocketAddr,
    /// Worker threads.
    #[arg(long, default_value_t = 2)]
    pub workers: usize,
    /// One work-stealing runtime, or one current-thread runtime a worker.
    #[arg(long, value_enum, default_value_t = Flavor::Shared)]
    pub flavor: Flavor,
    /// File with the body of every reply; a built-in answer of ten candidates without it.
    #[arg(long)]
    pub body: Option<std::path::PathBuf>,
}

/// How connections meet cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Flavor {
    /// Tokio's multi-thread runtime.
    Shared,
    /// A current-thread runtime a worker; one acceptor gives each connection to the worker with the fewest.
    PerCore,
}

impl Flavor {
    /// The name that the service's configuration and the flags here use.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Shared => ("shared", "shared"),
            Self::PerCore => ("per_core", "per-core"),
        }
    }
}

impl ServerArgs {
    /// The flags of this process.
    pub fn from_command_line() -> Self {
        Self::parse()
    }

    /// The bytes of every reply.
    pub fn reply(&self) -> Result<bytes::Bytes> {
        match &self.body {
            Some(path) => Ok(std::fs::read(path)?.into()),
            None => Ok(sample_reply()),
        }
    }
}

/// An answer of ten candidates, for use before a real one is at hand.
pub fn sample_reply() -> bytes::Bytes {
    let candidate =
        |rank: u32| format!(r#"{{"cluster":{},"score":0.{}2345,"source":"table"}}"#, 10 + 7 * rank, 9 - rank % 9);
    let candidates = (0..10).map(candidate).collect::<Vec<_>>().join(",");
    let versions = r#""release":"2025-01-05","snapshot":"2025-01-05","model":"counts","catalogue":"9f86d081884c""#;
    format!(r#"{{"candidates":[{candidates}],"source":"table","matched":[22,9],"ignored":[],{versions}}}"#).into()
}

/// Accepts for ever and runs `connection` for each stream, in the flavour asked for.
pub fn serve<F, C>(args: &ServerArgs, connection: F) -> Result<()>
where
    F: Fn(tokio::net::TcpStream) -> C + Clone + Send + 'static,
    C: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(args.listen)?;
    match args.flavor {
        Flavor::Shared => serve_shared(listener, args.workers, connection),
        Flavor::PerCore => serve_per_core(listener, args.workers, connection),
    }
}

fn serve_shared<F, C>(listener: TcpListener, workers: usize, connection: F) -> Result<()>
where
    F: Fn(tokio::net::TcpStream) -> C + Clone + Send + 'static,
    C: Future<Output = ()> + Send + 'static,
{
    listener.set_nonblocking(true)?;
    let runtime = Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    let accepting = runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(connection(stream));
        }
        #[allow(unreachable_code)]
        Ok::<(), std::io::Error>(())
    });
    Ok(runtime.block_on(accepting)??)
}

fn serve_per_core<F, C>(listener: TcpListener, workers: usize, connection: F) -> Result<()>
where
    F: Fn(tokio::net::TcpStream) -> C + Clone + Send + 'static,
    C: Future<Output = ()> + Send + 'static,
{
    let workers: Vec<_> = (0..workers).map(|_| Worker::start(connection.clone())).collect();
    loop {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let least = workers.iter().min_by_key(|worker| worker.open.load(Ordering::Relaxed));
        least.expect("there is at least one worker").take(stream);
    }
}

struct Worker {
    open: Arc<AtomicUsize>,
    streams: UnboundedSender<TcpStream>,
}

impl Worker {
    fn start<F, C>(connection: F) -> Self
    where
        F: Fn(tokio::net::TcpStream) -> C + Send + 'static,
        C: Future<Output = ()> + Send + 'static,
    {
        let (streams, receiver) = unbounded_channel();
        let open = Arc::new(AtomicUsize::new(0));
        let counter = open.clone();
        thread::spawn(move || current_thread(run_worker(receiver, counter, connection)));
        Self { open, streams }
    }

    fn take(&self, stream: TcpStream) {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.streams.send(stream).expect("a worker lives as long as the server");
    }
}

/// Runs `task` on a current-thread runtime of its own.
pub fn current_thread<T>(task: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a current-thread runtime needs only an epoll descriptor").block_on(task)
}

async fn run_worker<F, C>(mut streams: UnboundedReceiver<TcpStream>, open: Arc<AtomicUsize>, connection: F)
where
    F: Fn(tokio::net::TcpStream) -> C,
    C: Future<Output = ()> + Send + 'static,
{
    while let Some(stream) = streams.recv().await {
        let stream = tokio::net::TcpStream::from_std(stream).expect("the acceptor made the stream non-blocking");
        let (served, open) = (connection(stream), open.clone());
        tokio::spawn(async move {
            served.await;
            open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}
