//! From an outcome to a response: status, headers and body, and the one place that counts it.

use std::time::Instant;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::{Either, Full};

use super::{Outcome, decode};
use crate::error::{Code, Error, RETRY_AFTER_S};
use crate::metrics::{Call, DoorMetrics};
use crate::wire::json::ProblemBody;

/// The body of every response: ours, or one of the router's.
pub(super) type Body = Either<Full<Bytes>, axum::body::Body>;

/// The media type of an answer.
pub(super) const JSON: &str = "application/json";
/// The media type of a refusal.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";
/// Caches may keep an answer but must ask whether it still holds: a swap has to show at once.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// What a call that succeeded replies.
#[derive(Debug)]
pub(super) struct Reply {
    code: Code,
    json: Vec<u8>,
    tag: Option<HeaderValue>,
}

impl Reply {
    /// A reply of JSON.
    pub(super) fn json(json: Vec<u8>) -> Self {
        Self { code: Code::Ok, json, tag: None }
    }

    /// A reply that caches may keep, from a release; nothing but its tag where the caller has it already. The tag
    /// follows from the bytes, so that a change of configuration changes it as a change of release does.
    pub(super) fn tagged(json: Vec<u8>, release: &str, asked: &HeaderMap) -> Self {
        let text = format!("\"{release}.{:08x}\"", crc32fast::hash(&json));
        let tag = HeaderValue::from_str(&text).expect("a version name and digits are visible ASCII");
        match decode::has_tag(asked, &tag) {
            true => Self { code: Code::NotModified, json: Vec::new(), tag: Some(tag) },
            false => Self { code: Code::Ok, json, tag: Some(tag) },
        }
    }
}

/// Counts a call's end and makes its response.
pub(super) fn finish(metrics: &DoorMetrics, call: Call, started: Instant, outcome: Outcome) -> Response<Body> {
    let code = outcome.as_ref().map_or_else(Error::code, |reply| reply.code);
    let response = match outcome {
        Ok(reply) => succeed(reply),
        Err(error) => refuse(metrics, call, &error),
    };
    metrics.finished(call, code, started.elapsed());
    response
}

fn succeed(Reply { code, json, tag }: Reply) -> Response<Body> {
    let mut response = response(code.http(), JSON, json);
    if code == Code::NotModified {
        // It would describe a body, and there is none.
        response.headers_mut().remove(header::CONTENT_TYPE);
    }
    if let Some(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag);
        response.headers_mut().insert(header::CACHE_CONTROL, REVALIDATE);
    }
    response
}

fn refuse(metrics: &DoorMetrics, call: Call, error: &Error) -> Response<Body> {
    let code = error.code();
    let mut response = response(code.http(), PROBLEM_JSON, ProblemBody::of(error).encode());
    match code {
        Code::Overloaded => metrics.shed(),
        Code::DeadlineExceeded => metrics.deadline_exceeded(),
        _ => {}
    }
    if matches!(code, Code::Overloaded | Code::Unavailable) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
    }
    if let (Code::MethodNotAllowed, Some(methods)) = (code, methods(call)) {
        response.headers_mut().insert(header::ALLOW, methods);
    }
    response
}

/// The methods of a call, where it is not the router's: that one tells them itself.
fn methods(call: Call) -> Option<HeaderValue> {
    match call {
        Call::NextClusters => Some(HeaderValue::from_static("GET,HEAD,POST")),
        Call::Batch => Some(HeaderValue::from_static("POST")),
        _ => None,
    }
}

fn response(status: StatusCode, media: &'static str, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(Bytes::from(body))));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response
}
