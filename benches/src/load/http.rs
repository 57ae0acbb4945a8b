//! The HTTP/1.1 side: one event loop a thread, requests as ready-made bytes, replies read no further than needed.
//!
//! It must never parse what it does not need: the lighter the client, the more of the machine is the server's.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use memchr::memmem;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::schedule::{Schedule, ThreadShare};
use super::{Pace, Plan, Reply, Sink};

/// Largest reply read, in bytes; a batch of 100 answers fits several times.
const REPLY_BYTES_MAX: usize = 256 * 1024;
/// The client never sleeps: it would measure its own waking up, and the kernel bills that to the server, whose write wakes
/// it. A slower server lets its client sleep more often, and would pay for that a second time.
const SPIN: Duration = Duration::ZERO;
/// How long after the last due time a reply is still waited for.
const LAST_REPLIES_WAIT: Duration = Duration::from_secs(2);

/// Runs `plan` and returns each thread's sink.
pub fn run<S: Sink>(plan: &Plan, sink: impl Fn() -> S) -> Result<Vec<S>> {
    let workers: Vec<_> = (0..plan.threads)
        .map(|index| {
            let (plan, sink) = (plan.clone(), sink());
            thread::spawn(move || Loop::new(&plan, index, sink)?.run())
        })
        .collect();
    workers.into_iter().map(|worker| worker.join().expect("a client thread panicked")).collect()
}

/// A request that was sent, or waits for its connection.
#[derive(Clone, Copy)]
struct Asked {
    question: usize,
    due: Duration,
}

struct Connection {
    stream: TcpStream,
    inbox: Vec<u8>,
    filled: usize,
    waiting: Option<Asked>,
    backlog: VecDeque<Duration>,
}

struct Loop<S> {
    address: SocketAddr,
    poll: Poll,
    connections: Vec<Connection>,
    schedule: Option<Schedule>,
    questions: std::sync::Arc<Vec<Bytes>>,
    next_question: usize,
    started: Instant,
    duration: Duration,
    sink: S,
}

impl<S: Sink> Loop<S> {
    fn new(plan: &Plan, index: usize, sink: S) -> Result<Self> {
        let poll = Poll::new()?;
        let share = ThreadShare { threads: plan.threads, connections: plan.connections.div_ceil(plan.threads) };
        let connections = (0..share.connections)
            .map(|number| Connection::open(&poll, plan.address, number))
            .collect::<Result<_>>()?;
        let schedule = match plan.pace {
            Pace::Closed => None,
            Pace::Open { per_second } => Some(Schedule::new(per_second, plan.spread, share)),
        };
        Ok(Self {
            address: plan.address,
            poll,
            connections,
            schedule,
            next_question: index * plan.questions.len() / plan.threads,
            questions: plan.questions.clone(),
            started: Instant::now(),
            duration: plan.duration,
            sink,
        })
    }

    fn run(mut self) -> Result<S> {
        let mut events = Events::with_capacity(1024);
        self.started = Instant::now();
        if self.schedule.is_none() {
            (0..self.connections.len()).try_for_each(|number| self.ask(number, self.started.elapsed()))?;
        }
        while self.has_work() {
            self.send_due()?;
            self.poll.poll(&mut events, Some(SPIN))?;
            for event in &events {
                self.receive(event.token().0)?;
            }
        }
        self.give_up();
        self.sink.end();
        Ok(self.sink)
    }

    /// Whatever is still unanswered counts as failed.
    fn give_up(&mut self) {
        for connection in &mut self.connections {
            let waiting = connection.waiting.take().map(|asked| asked.due);
            waiting.into_iter().chain(connection.backlog.drain(..)).for_each(|due| self.sink.failure(due));
        }
    }

    fn has_work(&self) -> bool {
        let now = self.started.elapsed();
        let waiting = || self.connections.iter().any(|connection| connection.waiting.is_some());
        now < self.duration || (now < self.duration + LAST_REPLIES_WAIT && waiting())
    }

    fn send_due(&mut self) -> Result<()> {
        let now = self.started.elapsed();
        if now >= self.duration {
            return Ok(());
        }
        while let Some(due) = self.schedule.as_mut().and_then(|schedule| schedule.take(now)) {
            match self.connections[due.connection].waiting {
                Some(_) => self.connections[due.connection].backlog.push_back(due.at),
                None => self.ask(due.connection, due.at)?,
            }
        }
        Ok(())
    }

    fn ask(&mut self, number: usize, due: Duration) -> Result<()> {
        let question = self.next_question;
        self.next_question = (question + 1) % self.questions.len();
        let connection = &mut self.connections[number];
        connection.waiting = Some(Asked { question, due });
        match connection.stream.write(&self.questions[question]) {
            Ok(written) if written == self.questions[question].len() => Ok(()),
            Ok(written) => bail!("only {written} bytes of a request fitted the socket; use smaller requests"),
            Err(_) => self.replace(number),
        }
    }

    fn receive(&mut self, number: usize) -> Result<()> {
        let connection = &mut self.connections[number];
        match connection.fill() {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(_) => return self.replace(number),
        }
        let Some(size) = reply_size(&connection.inbox[..connection.filled])? else { return Ok(()) };
        if connection.filled < size.total {
            return Ok(());
        }
        let Some(asked) = connection.waiting.take() else { bail!("a reply came that nobody asked for") };
        let latency = self.started.elapsed().saturating_sub(asked.due);
        let body = &connection.inbox[size.head..size.total];
        let reply = Reply { question: asked.question, due: asked.due, latency, status: size.status, body };
        self.sink.reply(&reply);
        connection.filled = 0;
        self.continue_with(number)
    }

    /// What was due before the end is still asked after it: leaving it out would hide the longest waits.
    fn continue_with(&mut self, number: usize) -> Result<()> {
        let now = self.started.elapsed();
        match (&self.schedule, self.connections[number].backlog.pop_front()) {
            (None, _) if now >= self.duration => Ok(()),
            (None, _) => self.ask(number, now),
            (Some(_), Some(due)) => self.ask(number, due),
            (Some(_), None) => Ok(()),
        }
    }

    /// A lost connection is one failure; its successor carries on with the backlog.
    fn replace(&mut self, number: usize) -> Result<()> {
        let mut fresh = Connection::open(&self.poll, self.address, number)?;
        let lost = &mut self.connections[number];
        if let Some(asked) = lost.waiting.take() {
            self.sink.failure(asked.due);
        }
        fresh.backlog = std::mem::take(&mut lost.backlog);
        *lost = fresh;
        self.continue_with(number)
    }
}

impl Connection {
    fn open(poll: &Poll, address: SocketAddr, number: usize) -> Result<Self> {
        let stream = std::net::TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
        Ok(Self { stream, inbox: vec![0; 16 * 1024], filled: 0, waiting: None, backlog: VecDeque::new() })
    }

    /// Reads what is there; false when nothing was. Events are edges, so a full buffer means that there may be more.
    fn fill(&mut self) -> std::io::Result<bool> {
        loop {
            match self.stream.read(&mut self.inbox[self.filled..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(self.filled > 0),
                Err(error) => return Err(error),
            }
            if self.filled < self.inbox.len() {
                return Ok(true);
            }
            if self.inbox.len() >= REPLY_BYTES_MAX {
                return Err(ErrorKind::FileTooLarge.into());
            }
            self.inbox.resize(self.inbox.len() * 2, 0);
        }
    }
}

/// Where a reply's parts end, in bytes from its start.
struct ReplySize {
    head: usize,
    total: usize,
    status: u16,
}

/// Reads status and length; none while the head is incomplete.
fn reply_size(bytes: &[u8]) -> Result<Option<ReplySize>> {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let head = end + 4;
    let status = bytes.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    let status = status.context("a reply that does not start like HTTP/1.1")?;
    let length = content_length(&bytes[..head]).context("a reply without content-length")?;
    Ok(Some(ReplySize { head, total: head + length, status }))
}

fn content_length(head: &[u8]) -> Option<usize> {
    let at = memmem::find(head, b"ontent-length: ").or_else(|| memmem::find(head, b"ontent-Length: "))?;
    let digits = head[at + 15..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |value, digit| value * 10 + usize::from(digit - b'0')))
}

/// A whole `POST` request for a JSON body.
pub fn post(path: &str, body: &str) -> Bytes {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    Bytes::from(head + body)
}

/// A whole `GET` request.
pub fn get(path: &str) -> Bytes {
    Bytes::from(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"))
}

/// Asks once on a connection of its own and returns status and body.
pub fn ask_once(address: SocketAddr, request: &[u8]) -> Result<(u16, Vec<u8>)> {
    let mut stream = std::net::TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(request)?;
    let mut inbox = Vec::new();
    let mut part = [0; 16 * 1024];
    loop {
        if let Some(size) = reply_size(&inbox)?.filter(|size| inbox.len() >= size.total) {
            return Ok((size.status, inbox[size.head..size.total].to_vec()));
        }
        match stream.read(&mut part)? {
            0 => bail!("the server closed the connection before its reply was complete"),
            count => inbox.extend_from_slice(&part[..count]),
        }
    }
}
