//! How long a call waits for the other side, phase by phase; it must never be for ever.

use std::time::Duration;

use http::Request;
use ureq::{Agent, AsSendBody, Timeout};

/// Longest wait for a connection, its TLS included.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(10);
/// Longest silence of a service that was asked something, or is sent something. A stream of changes says three times as
/// often that it lives.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// Longest wait for the reply to a change, which comes when all is checked and swapped.
const CHANGE_WAIT_MAX: Duration = Duration::from_secs(900);
/// Longest wait for the word to go on with a file, without which it is sent all the same: something between may swallow it.
const CONTINUE_WAIT: Duration = Duration::from_secs(1);
/// Longest wait for a body to be sent, beside what its size takes at the slowest rate that the service accepts.
const SEND_WAIT: Duration = Duration::from_secs(60);
/// The slowest rate.
const BYTES_PER_S_MIN: u64 = 64 * 1024;

/// How long a client is willing to wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    silence: Duration,
    change: Duration,
}

/// How long one call waits, in each of its phases.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    connect: Duration,
    /// For the head of the reply, once all is sent.
    reply: Duration,
    /// For the next bytes of the reply.
    read: Duration,
    /// For the next bytes to be taken.
    write: Duration,
    /// For all bytes to be taken.
    send: Duration,
}

impl Waits {
    /// As long for everything.
    pub(super) fn all(wait: Duration) -> Self {
        Self { silence: wait, change: wait }
    }

    /// Those of a question.
    pub(super) fn question(&self) -> Limits {
        let Self { silence, .. } = *self;
        Limits { connect: CONNECT_WAIT_MAX.min(silence), reply: silence, read: silence, write: silence, send: silence }
    }

    /// Those of a question that is answered for as long as anyone listens.
    pub(super) fn stream(&self) -> Limits {
        Limits { read: self.silence.max(SILENCE_MAX), ..self.question() }
    }

    /// Those of a change, and of a part of a push, with a body of so many bytes.
    pub(super) fn change(&self, bytes: u64) -> Limits {
        let send = SEND_WAIT + Duration::from_secs(bytes / BYTES_PER_S_MIN);
        Limits { reply: self.change, read: self.change, send, ..self.question() }
    }
}

impl Default for Waits {
    fn default() -> Self {
        Self { silence: SILENCE_MAX, change: CHANGE_WAIT_MAX }
    }
}

impl Limits {
    /// Has a request end where one of them is reached.
    pub(super) fn set<S: AsSendBody>(&self, agent: &Agent, request: Request<S>) -> Request<S> {
        let config = agent.configure_request(request).timeout_resolve(Some(self.connect));
        let config = config.timeout_connect(Some(self.connect)).timeout_recv_response(Some(self.reply));
        let config = config.timeout_per_read(Some(self.read)).timeout_per_write(Some(self.write));
        let config = config.timeout_await_100(Some(CONTINUE_WAIT.min(self.read / 2)));
        config.timeout_send_body(Some(self.send)).build()
    }

    /// The one that was reached.
    pub(super) fn reached(&self, phase: Timeout) -> Duration {
        match phase {
            Timeout::Resolve | Timeout::Connect => self.connect,
            Timeout::SendRequest | Timeout::PerWrite => self.write,
            Timeout::SendBody => self.send,
            Timeout::PerRead => self.read,
            _ => self.reply,
        }
    }
}
