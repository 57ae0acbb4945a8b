//! One call of the operator's door: sent, sent again where that can help, and its reply read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::thread;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use ureq::{Body, SendBody, Timeout};

use super::wait::Limits;
use super::{Client, ClientError};
use crate::admin::documents::SIGNATURE_HEADER;
use crate::error::Code;
use crate::snapshot::signature::Signature;
use crate::wire::json::ProblemBody;

/// Attempts at one call.
const ATTEMPTS_MAX: u32 = 5;
/// Wait before the second attempt; it doubles before each one after.
const RETRY_WAIT: Duration = Duration::from_millis(200);
/// Longest reply that is read; none comes near it.
const REPLY_BYTES_MAX: u64 = 1 << 20;

/// A call that can be sent again.
pub(super) struct Call<'a> {
    /// What to do.
    pub method: Method,
    /// Where.
    pub url: String,
    /// With what.
    pub content: Content<'a>,
}

/// What a call carries.
pub(super) enum Content<'a> {
    /// Nothing: a question.
    None,
    /// Nothing: a question that is answered for as long as anyone listens.
    Stream,
    /// JSON, held whole.
    Json(&'a [u8]),
    /// A manifest, with its signature if it has one.
    Manifest(&'a [u8], Option<&'a Signature>),
    /// A file from an offset on, and who hears how many of its bytes are there or on their way.
    File { path: &'a Path, offset: u64, tell: &'a dyn Fn(u64) },
}

/// Why one attempt at a call was not answered as it should be.
pub(super) enum Ended {
    /// It may be in a moment.
    Passing(ClientError),
    /// It never will be.
    Final(ClientError),
}

/// A file that tells how much of it was read.
struct Told<'a> {
    file: File,
    bytes: u64,
    tell: &'a dyn Fn(u64),
}

impl Call<'_> {
    /// Sends the call until it is answered for good, a bounded number of times, and reads the answer.
    pub(super) fn send<T: DeserializeOwned>(&self, client: &Client) -> Result<T, ClientError> {
        let body = self.body(client, self.open(client)?, REPLY_BYTES_MAX)?;
        serde_json::from_slice(&body).map_err(|_| self.foreign(Code::Ok.http()))
    }

    /// The same where the reply is to be read in pieces: gives what the service granted.
    pub(super) fn open(&self, client: &Client) -> Result<Response<Body>, ClientError> {
        if matches!(self.content, Content::Json(_) | Content::Manifest(..)) {
            check_lives(client)?;
        }
        self.granted(client, self.answered(client)?)
    }

    /// The same, whatever the service says.
    fn answered(&self, client: &Client) -> Result<Response<Body>, ClientError> {
        let mut attempts = 1;
        loop {
            let answered = self.attempt(client)?;
            if attempts == ATTEMPTS_MAX || !is_passing(&answered) {
                return answered.map_err(|source| self.unanswered(client, attempts, source));
            }
            thread::sleep(RETRY_WAIT * 2_u32.pow(attempts - 1));
            attempts += 1;
        }
    }

    /// The same in one attempt.
    pub(super) fn once<T: DeserializeOwned>(&self, client: &Client) -> Result<T, Ended> {
        let answered = self.attempt(client).map_err(Ended::Final)?;
        let ended = if is_passing(&answered) || is_stalled(&answered) { Ended::Passing } else { Ended::Final };
        let granted = answered.map_err(|source| self.unanswered(client, 1, source));
        let reply = granted.and_then(|reply| self.granted(client, reply)).map_err(ended)?;
        let status = reply.status();
        let body = self.body(client, reply, REPLY_BYTES_MAX).map_err(Ended::Passing)?;
        serde_json::from_slice(&body).map_err(|_| Ended::Final(self.foreign(status)))
    }

    /// One attempt. The outer error is ours and ends it all; the inner is the connection's.
    fn attempt(&self, client: &Client) -> Result<Result<Response<Body>, ureq::Error>, ClientError> {
        match self.content {
            Content::None | Content::Stream => {
                let request = self.request(client).body(()).map_err(Into::into);
                Ok(request.and_then(|request| client.agent.run(self.limits(client).set(&client.agent, request))))
            }
            Content::Json(json) => {
                let request = self.request(client).header(CONTENT_TYPE, "application/json");
                Ok(self.run(client, request, (json.len() as u64, &mut &*json)))
            }
            Content::Manifest(json, signature) => {
                let request = self.request(client).header(CONTENT_TYPE, "application/json");
                let request = match signature {
                    Some(signature) => request.header(SIGNATURE_HEADER, signature.to_string()),
                    None => request,
                };
                Ok(self.run(client, request, (json.len() as u64, &mut &*json)))
            }
            Content::File { path, offset, tell } => {
                let unreadable = |source| ClientError::File { path: path.to_owned(), source };
                let mut file = File::open(path).map_err(unreadable)?;
                let bytes = file.metadata().map_err(unreadable)?.len().saturating_sub(offset);
                file.seek(SeekFrom::Start(offset)).map_err(unreadable)?;
                let request = self.request(client).header(CONTENT_TYPE, "application/octet-stream");
                // A refusal then comes before the file is sent, and not into the middle of it, where it would be lost.
                let request = request.header(EXPECT, "100-continue");
                Ok(self.run(client, request, (bytes, &mut Told { file, bytes: offset, tell })))
            }
        }
    }

    fn run(
        &self,
        client: &Client,
        request: http::request::Builder,
        (bytes, body): (u64, &mut dyn Read),
    ) -> Result<Response<Body>, ureq::Error> {
        let request = request.header(CONTENT_LENGTH, bytes).body(SendBody::from_reader(body))?;
        client.agent.run(self.limits(client).set(&client.agent, request))
    }

    /// How long it is waited for, in each phase.
    fn limits(&self, client: &Client) -> Limits {
        match self.content {
            Content::None => client.waits.question(),
            Content::Stream => client.waits.stream(),
            Content::Json(json) | Content::Manifest(json, _) => client.waits.change(json.len() as u64),
            Content::File { path, .. } => client.waits.change(path.metadata().map_or(0, |about| about.len())),
        }
    }

    fn request(&self, client: &Client) -> http::request::Builder {
        let request = Request::builder().method(self.method.clone()).uri(&self.url);
        match &client.token {
            Some(token) => request.header(AUTHORIZATION, token.header()),
            None => request,
        }
    }

    /// A reply that is what was asked for; the service's own words where it refused.
    fn granted(&self, client: &Client, response: Response<Body>) -> Result<Response<Body>, ClientError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.body(client, response, REPLY_BYTES_MAX)?;
        let problem: ProblemBody = serde_json::from_slice(&body).map_err(|_| self.foreign(status))?;
        Err(ClientError::Refused { url: self.url.clone(), status: status.as_u16(), detail: problem.detail })
    }

    /// All of a reply's body, which a service keeps below `bytes_max`.
    pub(super) fn body(
        &self,
        client: &Client,
        mut response: Response<Body>,
        bytes_max: u64,
    ) -> Result<Vec<u8>, ClientError> {
        let read = response.body_mut().with_config().limit(bytes_max).read_to_vec();
        read.map_err(|error| self.broken(client, response.status(), error))
    }

    /// Why the body of a reply is not there.
    pub(super) fn broken(&self, client: &Client, status: StatusCode, error: ureq::Error) -> ClientError {
        match error {
            ureq::Error::Timeout(_) => self.unanswered(client, 1, error),
            _ => self.foreign(status),
        }
    }

    /// That nobody answered, and why.
    fn unanswered(&self, client: &Client, attempts: u32, source: ureq::Error) -> ClientError {
        let (url, source) = (self.url.clone(), Box::new(source));
        match *source {
            ureq::Error::Timeout(phase) => {
                ClientError::Silent { url, waited: self.limits(client).reached(phase), source }
            }
            _ if is_distrust(&source) => ClientError::Tls { url, source },
            _ => ClientError::Unreachable { url, attempts, source },
        }
    }

    /// Something else than a service answered.
    pub(super) fn foreign(&self, status: StatusCode) -> ClientError {
        ClientError::Foreign { url: self.url.clone(), status: status.as_u16() }
    }
}

/// A change may take as long as a load does: whoever does not even say that it lives is not waited for so long.
fn check_lives(client: &Client) -> Result<(), ClientError> {
    let call = Call { method: Method::GET, url: format!("{}/livez", client.base), content: Content::None };
    // Whatever it says: there may be something before it that lets no probes through.
    call.answered(client).map(drop)
}

/// Whether the same call may fare better in a moment: the connection failed, or the service asks to come again. Not where
/// it was waited for in vain: whoever calls has said how long.
fn is_passing(answered: &Result<Response<Body>, ureq::Error>) -> bool {
    use ureq::Error::{ConnectionFailed, HostNotFound, Io};
    match answered {
        Ok(response) => response.headers().contains_key(RETRY_AFTER),
        Err(error) => !is_distrust(error) && matches!(error, Io(_) | HostNotFound | ConnectionFailed),
    }
}

/// Whether the way to the service gave out before all was sent, which then goes on where it stands.
fn is_stalled(answered: &Result<Response<Body>, ureq::Error>) -> bool {
    match answered {
        Err(ureq::Error::Timeout(phase)) => !matches!(phase, Timeout::RecvResponse | Timeout::PerRead),
        _ => false,
    }
}

/// Whether one side did not like the other's certificate, which no second attempt changes.
fn is_distrust(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Rustls(_) => true,
        ureq::Error::Io(error) => error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()),
        _ => false,
    }
}

impl Read for Told<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.bytes += read as u64;
        (self.tell)(self.bytes);
        Ok(read)
    }
}
