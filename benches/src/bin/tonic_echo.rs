//! Baseline: what does a unary gRPC call itself cost? Stock tonic that answers every message with the same bytes.
//!
//! Command: `tonic_echo --listen 127.0.0.1:8089 --workers 2 --flavor shared|per-core --body FILE`. Messages pass as bytes, undecoded:
//! no service on tonic can do less. It must never look at a path.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::TcpListener;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use anyhow::Result;
use bytes::{Buf, BufMut, Bytes};
use http::{Request, Response};
use segue_bench::workers::{Flavor, ServerArgs, current_thread};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::{TcpListenerStream, UnboundedReceiverStream};
use tonic::Status;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::Service;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::Server;

fn main() -> Result<()> {
    let args = ServerArgs::from_command_line();
    let echo = Echo { reply: args.reply()? };
    match args.flavor {
        Flavor::Shared => serve_shared(&args, echo),
        Flavor::PerCore => serve_per_core(&args, &echo),
    }
}

fn serve_shared(args: &ServerArgs, echo: Echo) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(args.workers).enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(args.listen).await?;
        let incoming = TcpListenerStream::new(listener).map(with_no_delay);
        Ok(Server::builder().add_service(echo).serve_with_incoming(incoming).await?)
    })
}

/// One acceptor deals connections out to the workers in turn.
fn serve_per_core(args: &ServerArgs, echo: &Echo) -> Result<()> {
    let workers: Vec<_> = (0..args.workers).map(|_| start_worker(echo.clone())).collect();
    let listener = TcpListener::bind(args.listen)?;
    for worker in workers.iter().cycle() {
        let (stream, _) = listener.accept()?;
        stream.set_nonblocking(true)?;
        worker.send(stream)?;
    }
    Ok(())
}

fn start_worker(echo: Echo) -> mpsc::UnboundedSender<std::net::TcpStream> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let streams = UnboundedReceiverStream::new(receiver);
    thread::spawn(move || {
        current_thread(async {
            let incoming = streams.map(|stream| with_no_delay(TcpStream::from_std(stream)));
            Server::builder().add_service(echo).serve_with_incoming(incoming).await
        })
    });
    sender
}

fn with_no_delay(stream: std::io::Result<TcpStream>) -> std::io::Result<TcpStream> {
    let stream = stream?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[derive(Clone)]
struct Echo {
    reply: Bytes,
}

impl NamedService for Echo {
    const NAME: &'static str = "segue.v1.NextClustersService";
}

impl Service<Request<Body>> for Echo {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let echo = self.clone();
        Box::pin(async move { Ok(Grpc::new(BytesCodec).unary(echo, request).await) })
    }
}

impl UnaryService<Bytes> for Echo {
    type Response = Bytes;
    type Future = Ready<Result<tonic::Response<Bytes>, Status>>;

    fn call(&mut self, _request: tonic::Request<Bytes>) -> Self::Future {
        ready(Ok(tonic::Response::new(self.reply.clone())))
    }
}

/// Messages as they are.
#[derive(Clone, Copy, Default)]
struct BytesCodec;

impl Codec for BytesCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for BytesCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for BytesCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
