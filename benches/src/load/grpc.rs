//! The gRPC side: h2 itself, ready-made messages, one current-thread runtime a client thread.
//!
//! It must never decode a message: the reply's bytes go to the sink as they came.

use std::cell::RefCell;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::{BufMut, Bytes, BytesMut};
use h2::client::SendRequest;
use http::Request;
use tokio::net::TcpStream;
use tokio::task::{LocalSet, spawn_local, yield_now};

use super::schedule::{Schedule, ThreadShare};
use super::{Pace, Plan, Reply, Sink};

/// Bytes of gRPC framing before each message.
const PREFIX_BYTES: usize = 5;
/// Flow-control window of the client, so large that it never paces the server.
const WINDOW_BYTES: u32 = 16 * 1024 * 1024;
/// How long after the last due time a reply is still waited for.
const LAST_REPLIES_WAIT: Duration = Duration::from_secs(2);

/// Runs `plan` against the unary call `path` and returns each thread's sink.
pub fn run<S: Sink>(plan: &Plan, path: &str, sink: impl Fn() -> S) -> Result<Vec<S>> {
    let workers: Vec<_> = (0..plan.threads)
        .map(|_| {
            let (plan, path, sink) = (plan.clone(), path.to_owned(), sink());
            thread::spawn(move || run_thread(plan, path, sink))
        })
        .collect();
    workers.into_iter().map(|worker| worker.join().expect("a client thread panicked")).collect()
}

/// A message with its gRPC prefix, uncompressed.
pub fn frame(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    framed.put_u8(0);
    framed.put_u32(message.len() as u32);
    framed.put_slice(message);
    framed.freeze()
}

/// What the tasks of one client thread share.
struct Shared<S> {
    plan: Plan,
    path: String,
    started: Instant,
    next_question: RefCell<usize>,
    in_flight: RefCell<usize>,
    sink: RefCell<S>,
}

fn run_thread<S: Sink>(plan: Plan, path: String, sink: S) -> Result<S> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().event_interval(8).build()?;
    LocalSet::new().block_on(&runtime, async {
        let mut senders = Vec::new();
        for _ in 0..plan.connections.div_ceil(plan.threads) {
            senders.push(connect(&plan).await?);
        }
        let shared = Rc::new(Shared {
            path: format!("http://{}{path}", plan.address),
            plan,
            started: Instant::now(),
            next_question: RefCell::new(0),
            in_flight: RefCell::new(0),
            sink: RefCell::new(sink),
        });
        match shared.plan.pace {
            Pace::Closed => closed(&shared, &senders).await,
            Pace::Open { per_second } => open(&shared, &senders, per_second).await,
        }
        drop(senders);
        Rc::into_inner(shared).map(|shared| shared.sink.into_inner()).context("a reply is still outstanding")
    })
}

async fn connect(plan: &Plan) -> Result<SendRequest<Bytes>> {
    let stream = TcpStream::connect(plan.address).await?;
    stream.set_nodelay(true)?;
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(WINDOW_BYTES).initial_connection_window_size(WINDOW_BYTES);
    let (sender, connection) = builder.handshake(stream).await?;
    spawn_local(async move {
        // The end of a connection shows in the requests that it loses.
        let _ = connection.await;
    });
    Ok(sender)
}

async fn closed<S: Sink>(shared: &Rc<Shared<S>>, senders: &[SendRequest<Bytes>]) {
    let mut tasks = Vec::new();
    for sender in senders {
        for _ in 0..shared.plan.streams {
            let (shared, sender) = (shared.clone(), sender.clone());
            tasks.push(spawn_local(async move {
                while shared.started.elapsed() < shared.plan.duration {
                    shared.ask(sender.clone(), shared.started.elapsed()).await;
                }
            }));
        }
    }
    // Spinning, so that no write of the server has to wake this thread; see the HTTP side.
    while shared.started.elapsed() < shared.plan.duration {
        yield_now().await;
    }
    for task in tasks {
        task.await.expect("a client task panicked");
    }
}

async fn open<S: Sink>(shared: &Rc<Shared<S>>, senders: &[SendRequest<Bytes>], per_second: f64) {
    let share = ThreadShare { threads: shared.plan.threads, connections: senders.len() };
    let mut schedule = Schedule::new(per_second, shared.plan.spread, share);
    while shared.started.elapsed() < shared.plan.duration {
        while let Some(due) = schedule.take(shared.started.elapsed()) {
            let (shared, sender) = (shared.clone(), senders[due.connection].clone());
            spawn_local(async move { shared.ask(sender, due.at).await });
        }
        yield_now().await;
    }
    let limit = shared.plan.duration + LAST_REPLIES_WAIT;
    while *shared.in_flight.borrow() > 0 && shared.started.elapsed() < limit {
        yield_now().await;
    }
    // One more turn lets the last tasks let go of what they share.
    yield_now().await;
}

impl<S: Sink> Shared<S> {
    async fn ask(&self, sender: SendRequest<Bytes>, due: Duration) {
        *self.in_flight.borrow_mut() += 1;
        let question = self.take_question();
        let outcome = self.exchange(sender, self.plan.questions[question].clone()).await;
        *self.in_flight.borrow_mut() -= 1;
        let latency = self.started.elapsed().saturating_sub(due);
        let mut sink = self.sink.borrow_mut();
        match outcome {
            Ok((status, body)) => {
                let body = body.get(PREFIX_BYTES..).unwrap_or_default();
                sink.reply(&Reply { question, due, latency, status, body });
            }
            Err(_) => sink.failure(due),
        }
    }

    fn take_question(&self) -> usize {
        let mut next = self.next_question.borrow_mut();
        let question = *next;
        *next = (question + 1) % self.plan.questions.len();
        question
    }

    async fn exchange(&self, sender: SendRequest<Bytes>, message: Bytes) -> Result<(u16, Bytes)> {
        let request = Request::post(self.path.as_str())
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())?;
        let mut sender = sender.ready().await?;
        let (response, mut body) = sender.send_request(request, false)?;
        body.send_data(message, true)?;
        let response = response.await?;
        let early = grpc_status(response.headers());
        let (bytes, late) = collect(response.into_body()).await?;
        Ok((200 + late.or(early).context("a reply without grpc-status")?, bytes))
    }
}

async fn collect(mut body: h2::RecvStream) -> Result<(Bytes, Option<u16>)> {
    let mut bytes = Bytes::new();
    while let Some(part) = body.data().await {
        let part = part?;
        body.flow_control().release_capacity(part.len())?;
        bytes = if bytes.is_empty() { part } else { [bytes, part].concat().into() };
    }
    let trailers = body.trailers().await?;
    Ok((bytes, trailers.as_ref().and_then(grpc_status)))
}

fn grpc_status(headers: &http::HeaderMap) -> Option<u16> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// Asks once on a connection of its own and returns 200 plus the gRPC status, and the message.
pub fn ask_once(plan: &Plan, path: &str) -> Result<(u16, Bytes)> {
    struct Last(u16, Bytes);
    impl Sink for Last {
        fn reply(&mut self, reply: &Reply<'_>) {
            (self.0, self.1) = (reply.status, Bytes::copy_from_slice(reply.body));
        }
        fn failure(&mut self, _due: Duration) {}
    }
    let short = Plan {
        connections: 1,
        streams: 1,
        threads: 1,
        pace: Pace::Closed,
        duration: Duration::from_millis(5),
        ..plan.clone()
    };
    let mut sinks = run(&short, path, || Last(0, Bytes::new()))?;
    let Last(status, body) = sinks.pop().context("no client thread ran")?;
    anyhow::ensure!(status != 0, "the server gave no reply to {path}");
    Ok((status, body))
}
