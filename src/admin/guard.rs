//! Stands before every call that changes something; it looks at headers only, never at a body.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use tonic::Status;

use super::desk::Desk;
use super::problem::AdminError;

/// Content types that a web page cannot send to another site before asking it, which this door never allows.
const UNSENDABLE: [&str; 3] = ["application/json", "application/octet-stream", "application/grpc"];
/// The calls over gRPC that change nothing.
const RPC_READS: [&str; 4] = ["List", "Get", "GetTrial", "Watch"];

/// Lets a call pass that carries the token, or, where none is configured, one that no web page can have sent.
pub(super) async fn guard(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Result<Response, AdminError> {
    check(&desk, request.uri(), request.headers()).await?;
    Ok(next.run(request).await)
}

/// The same over gRPC, for the calls that change something.
pub(super) async fn guard_rpc(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let call = request.uri().path().rsplit('/').next().unwrap_or_default();
    let checked = if RPC_READS.contains(&call) { Ok(()) } else { check(&desk, request.uri(), request.headers()).await };
    match checked {
        Ok(()) => next.run(request).await,
        Err(error) => Status::from(error).into_http(),
    }
}

async fn check(desk: &Arc<Desk>, uri: &Uri, headers: &HeaderMap) -> Result<(), AdminError> {
    if desk.auth.asks() {
        let presented = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes().to_vec());
        return Ok(desk.on_disk(move |desk| desk.auth.check(presented.as_deref())).await??);
    }
    check_not_a_page(uri, headers)
}

/// Without a token, whoever reaches loopback may change what serves, and that is also every page in the browser of
/// someone who works on this machine. A browser lets a page send forms and plain text anywhere, but nothing with one of
/// these content types unless the other site agrees first, which needs an answer to `OPTIONS` that this door does not
/// give. And a page whose own name was pointed at this address after it was loaded may send what it likes, but
/// it carries that name in `Host`. A token needs neither check: no browser adds it unasked.
fn check_not_a_page(uri: &Uri, headers: &HeaderMap) -> Result<(), AdminError> {
    let media_type = text(headers, &header::CONTENT_TYPE);
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !UNSENDABLE.iter().any(|known| essence.eq_ignore_ascii_case(known)) {
        return Err(AdminError::MediaType { got: media_type.to_owned() });
    }
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
