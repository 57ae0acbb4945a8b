//! Stands before every call that needs a role, and says who makes it; it looks at headers only, never at a body.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Request, header};
use axum::middleware::Next;
use axum::response::Response;

use super::Desk;
use super::change::on_disk;
use super::problem::AdminError;
use crate::auth::{Caller, Role};
use crate::listen::Peer;

/// Content types that a web page cannot send to another site before asking it, which this door never allows.
const UNSENDABLE: [&str; 2] = ["application/json", "application/octet-stream"];

/// Lets an operator's call pass that no web page can have sent. Behind it, the request has a [`Caller`] among its
/// extensions.
pub(super) async fn operator(
    State(desk): State<Arc<Desk>>,
    mut request: Request<Body>,
    next: Next,
) -> Result<Response, AdminError> {
    let asks = desk.auth.asks(Role::Operator);
    let caller = Shown::by(&request).check(desk, Role::Operator).await?;
    if !request.headers().contains_key(header::AUTHORIZATION) {
        check_not_a_form(request.headers())?;
    }
    if !asks {
        check_host(request.headers())?;
    }
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// Lets a reader's call pass: anyone's, unless reads are asked for proof.
pub(super) async fn reader(
    State(desk): State<Arc<Desk>>,
    request: Request<Body>,
    next: Next,
) -> Result<Response, AdminError> {
    if desk.auth.asks(Role::Reader) {
        Shown::by(&request).check(desk, Role::Reader).await?;
    }
    Ok(next.run(request).await)
}

/// What a request shows of who makes it.
pub(super) struct Shown {
    authorization: Option<Vec<u8>>,
    peer: Option<Peer>,
}

impl Shown {
    /// Takes it from a request of any protocol that came in by this door.
    pub(super) fn by<B>(request: &Request<B>) -> Self {
        let authorization = request.headers().get(header::AUTHORIZATION).map(|value| value.as_bytes().to_vec());
        Self { authorization, peer: request.extensions().get().cloned() }
    }

    /// Who that is, if they have the role.
    pub(super) async fn check(self, desk: Arc<Desk>, needed: Role) -> Result<Caller, AdminError> {
        let Self { authorization, peer } = self;
        let peer = peer.ok_or(AdminError::Internal)?;
        Ok(on_disk(move || desk.auth.check(needed, authorization.as_deref(), &peer)).await??)
    }
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
/// name in `Host`.
fn check_host(headers: &HeaderMap) -> Result<(), AdminError> {
    let host = text(headers, &header::HOST);
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
