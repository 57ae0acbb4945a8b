//! Stands before every call that needs a role, and says who makes it; it looks at headers only, never at a body.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Request, header};
use axum::middleware::Next;
use axum::response::Response;
use tonic::Status;

use super::desk::{Desk, on_disk};
use super::problem::AdminError;
use crate::auth::{AuthError, Caller, Role};
use crate::listen::Peer;

/// Content types that a web page cannot send to another site before asking it, which this door never allows.
const UNSENDABLE: [&str; 3] = ["application/json", "application/octet-stream", "application/grpc"];
/// The calls over gRPC that change nothing.
const RPC_READS: [&str; 4] = ["List", "Get", "GetTrial", "Watch"];

/// Lets an operator's call pass that no web page can have sent. Behind it, the request has a [`Caller`] among its
/// extensions.
pub(super) async fn operator(
    State(desk): State<Arc<Desk>>,
    request: Request<Body>,
    next: Next,
) -> Result<Response, AdminError> {
    let (mut parts, body) = request.into_parts();
    pass_operator(desk, &mut parts).await?;
    Ok(next.run(Request::from_parts(parts, body)).await)
}

/// Lets a reader's call pass: anyone's, unless reads are asked for proof.
pub(super) async fn reader(
    State(desk): State<Arc<Desk>>,
    request: Request<Body>,
    next: Next,
) -> Result<Response, AdminError> {
    let (parts, body) = request.into_parts();
    pass_reader(desk, &parts).await?;
    Ok(next.run(Request::from_parts(parts, body)).await)
}

/// The same over gRPC, by what the call does.
pub(super) async fn rpc(State(desk): State<Arc<Desk>>, request: Request<Body>, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let call = parts.uri.path().rsplit('/').next().unwrap_or_default();
    let passed = match RPC_READS.contains(&call) {
        true => pass_reader(desk, &parts).await,
        false => pass_operator(desk, &mut parts).await,
    };
    match passed {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(error) => Status::from(error).into_http(),
    }
}

async fn pass_operator(desk: Arc<Desk>, parts: &mut Parts) -> Result<(), AdminError> {
    let asks = desk.auth.asks(Role::Operator);
    let caller = Shown::by(parts).check(desk, Role::Operator).await?;
    if !parts.headers.contains_key(header::AUTHORIZATION) {
        check_not_a_form(&parts.headers)?;
    }
    if !asks {
        check_host(parts)?;
    }
    parts.extensions.insert(caller);
    Ok(())
}

async fn pass_reader(desk: Arc<Desk>, parts: &Parts) -> Result<(), AdminError> {
    if desk.auth.asks(Role::Reader) {
        Shown::by(parts).check(desk, Role::Reader).await?;
    }
    Ok(())
}

/// What a request shows of who makes it.
pub(super) struct Shown {
    authorization: Option<Vec<u8>>,
    peer: Option<Peer>,
}

impl Shown {
    /// Takes it from a request of any protocol that came in by this door.
    pub(super) fn by(parts: &Parts) -> Self {
        let authorization = parts.headers.get(header::AUTHORIZATION).map(|value| value.as_bytes().to_vec());
        Self { authorization, peer: parts.extensions.get().cloned() }
    }

    /// Who that is, if they have the role.
    pub(super) async fn check(self, desk: Arc<Desk>, needed: Role) -> Result<Caller, AdminError> {
        let Self { authorization, peer } = self;
        let peer = peer.ok_or(AdminError::Internal)?;
        let address = peer.address;
        let checked = on_disk(move || desk.auth.check(needed, authorization.as_deref(), &peer)).await?;
        // Told here, where it is known who was refused.
        checked.inspect_err(|error| tell(error, address)).map_err(Into::into)
    }
}

fn tell(refused: &AuthError, peer: SocketAddr) {
    let cause = std::error::Error::source(refused).map(ToString::to_string);
    tracing::warn!(cause, %peer, "operator's call refused: {refused}");
}

/// Without a token, whoever reaches loopback may change what serves, and that is also every page in the browser of
/// someone who works on this machine; and a browser shows a client certificate for any page. It lets a page send forms
/// and plain text anywhere, but nothing with one of these content types unless the other site agrees first, which needs
/// an answer to `OPTIONS` that this door does not give. A token needs no such check: no browser adds it unasked.
fn check_not_a_form(headers: &HeaderMap) -> Result<(), AdminError> {
    let media_type = text(headers, &header::CONTENT_TYPE);
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let unsendable = UNSENDABLE.iter().any(|known| essence.eq_ignore_ascii_case(known));
    if unsendable { Ok(()) } else { Err(AdminError::MediaType { got: media_type.to_owned() }) }
}

/// A page whose own name was pointed at this address after it was loaded may send what it likes, but it carries that
/// name with it.
fn check_host(Parts { uri, headers, .. }: &Parts) -> Result<(), AdminError> {
    // HTTP/2 has it in the address.
    let host = uri.authority().map_or_else(|| text(headers, &header::HOST), Authority::as_str);
    if is_local(host) { Ok(()) } else { Err(AdminError::Host { got: host.to_owned() }) }
}

/// Whether a `Host` header is an address or this machine's own name: what no page elsewhere can be called.
fn is_local(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn only_addresses_and_localhost_are_local() {
        for host in ["localhost", "localhost:9090", "LOCALHOST:1", "127.0.0.1:9090", "10.0.0.1", "[::1]:9090"] {
            assert!(is_local(host), "{host}");
        }
        for host in ["", "evil.example", "evil.example:9090", "localhost.evil.example", "127.0.0.1.evil.example", ":80"]
        {
            assert!(!is_local(host), "{host}");
        }
    }
}
