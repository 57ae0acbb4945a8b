//! The other end of the operator's door: pushes releases and models to a running service, and tells it what to serve.
//!
//! It blocks, and it must never wait or retry without a limit. A request that fails because the connection did is sent
//! again: every call of the door may be repeated.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use http::{Method, Uri};
use serde::de::DeserializeOwned;
use ureq::Agent;

mod access;
mod call;
mod change;
mod push;
mod read;
mod wait;
mod watch;

pub use access::Access;
pub use push::Pushed;

pub use watch::Watch;

use call::{Call, Content};
use wait::Waits;

use crate::auth::Token;
use crate::snapshot::parcel::Address;
use crate::unseen::file::UnseenError;

/// A running service, by the address of its operator's door.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    base: String,
    token: Option<Token>,
    waits: Waits,
}

/// Why the service did not do as told. Whatever it was, what serves there is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not the address of a service.
    #[error("`{got}` is no address of a service, expected one such as http://127.0.0.1:9090")]
    Address {
        /// What came.
        got: String,
    },
    /// Ours cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Ours is not what it should be.
    #[error("{} does not hold {expected}; expected it in PEM", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// Service and command do not trust each other.
    #[error(
        "{url} cannot be called by TLS: {source}; `--ca` names the authority of the service's certificate, `--cert` and \
         `--key` the certificate that it may ask for"
    )]
    Tls {
        /// What was called.
        url: String,
        /// Why.
        source: Box<ureq::Error>,
    },
    /// The service could not be reached, or hung up each time.
    #[error(
        "{url} did not answer in {attempts} attempts: {source}; is that the address of a service's operator's door \
         (`admin.listen`)?"
    )]
    Unreachable {
        /// What was called.
        url: String,
        /// How often it was tried.
        attempts: u32,
        /// How the last attempt ended.
        source: Box<ureq::Error>,
    },
    /// The service took the call, or did not even do that, and nothing came for as long as is waited.
    #[error(
        "{url} did not answer within {} ({source}); see whether it lives with `segue health`, what its log says and whether \
         its disk hangs, or wait longer with `--timeout`; a change may be made all the same: `segue status` tells",
        humantime::format_duration(*waited)
    )]
    Silent {
        /// What was called.
        url: String,
        /// How long nothing came.
        waited: Duration,
        /// In which phase.
        source: Box<ureq::Error>,
    },
    /// The service refused.
    #[error("{url} answered {status}: {detail}")]
    Refused {
        /// What was called.
        url: String,
        /// The HTTP status.
        status: u16,
        /// Why, in the service's own words.
        detail: String,
    },
    /// The unseen log that came is none.
    #[error("{url} answered with something else than this program's unseen log: {source}")]
    Unseen {
        /// What was called.
        url: String,
        /// What is wrong with it.
        source: UnseenError,
    },
    /// Something else than a service answered.
    #[error("{url} answered {status} with something else than a service does; is that its operator's door?")]
    Foreign {
        /// What was called.
        url: String,
        /// The HTTP status.
        status: u16,
    },
}

impl Client {
    /// Names a service, which is trusted as the public authorities say; nothing is sent yet.
    pub fn new(base: &str, token: Option<Token>) -> Result<Self, ClientError> {
        Self::open(base, &Access { token, ..Access::default() })
    }

    /// Names a service and what it is called with; nothing is sent yet.
    ///
    /// # Errors
    /// When that is no address, or a file cannot be used.
    pub fn open(base: &str, access: &Access) -> Result<Self, ClientError> {
        let address = || ClientError::Address { got: base.to_owned() };
        let uri: Uri = base.parse().map_err(|_| address())?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
            return Err(address());
        }
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).tls_config(access.tls()?);
        Ok(Self {
            agent: config.build().into(),
            base: base.trim_end_matches('/').to_owned(),
            token: access.token.clone(),
            waits: Waits::default(),
        })
    }

    /// The same with so long a wait for whatever the service says, changes included; it must not be zero.
    pub fn waiting(self, wait: Duration) -> Self {
        Self { waits: Waits::all(wait), ..self }
    }

    fn put<T: DeserializeOwned>(&self, address: &Address, name: &str, content: Content<'_>) -> Result<T, ClientError> {
        let url = format!("{}/admin/v1/{}/files/{name}", self.base, path_of(address));
        Call { method: Method::PUT, url, content }.send(self)
    }

    fn post<T: DeserializeOwned>(&self, path: &str, json: &[u8]) -> Result<T, ClientError> {
        let url = format!("{}/admin/v1/{path}", self.base);
        Call { method: Method::POST, url, content: Content::Json(json) }.send(self)
    }
}

/// Where the door takes a release or a model.
fn path_of(Address { kind, version }: &Address) -> String {
    format!("{kind}s/{version}")
}
