//! From a request to a question: body, query and headers. Whatever is wrong becomes an error that says so.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::ask::{Question, Unit};
use crate::error::Error;
use crate::wire::json::{BatchBody, Object, QuestionBody};

/// Seconds that the caller will wait, such as `0.050`.
const REQUEST_TIMEOUT: HeaderName = HeaderName::from_static("request-timeout");

/// Limits on reading a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyLimits {
    /// Most bytes.
    pub(super) bytes_max: usize,
    /// Longest time from the head to the last byte.
    pub(super) wait_max: Duration,
}

/// The question in a JSON body.
pub(super) async fn question(request: &mut Request<Incoming>, limits: BodyLimits) -> Result<Question, Error> {
    json::<QuestionBody>(request, limits).await.map(Question::from)
}

/// The batch in a JSON body.
pub(super) async fn batch(request: &mut Request<Incoming>, limits: BodyLimits) -> Result<BatchBody, Error> {
    json(request, limits).await
}

/// The question in a query string: lists are ids with commas between them.
pub(crate) fn query(query: &str) -> Result<Question, Error> {
    let fields: QueryFields = serde_urlencoded::from_str(query).map_err(|error| malformed(&error))?;
    Ok(Question {
        history: ids("history", &fields.history)?,
        limit: fields.limit,
        exclude: ids("exclude", &fields.exclude)?,
        exclude_history: fields.exclude_history,
        min_score: fields.min_score,
        names: fields.names,
        timeout_ms: fields.timeout_ms,
        unit: fields.unit.map(Unit::from),
    })
}

/// The `Request-Timeout` header, if there is one.
pub(super) fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Error> {
    let Some(value) = headers.get(REQUEST_TIMEOUT) else { return Ok(None) };
    let seconds = value.to_str().ok().and_then(|text| text.trim().parse::<f64>().ok());
    let timeout = seconds.filter(|&seconds| seconds > 0.0).and_then(|some| Duration::try_from_secs_f64(some).ok());
    timeout.map(Some).ok_or_else(|| Error::TimeoutInvalid { got: String::from_utf8_lossy(value.as_bytes()).into() })
}

/// Whether `If-None-Match` names a tag; weak ones match too, as RFC 9110 asks here.
pub(super) fn has_tag(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    known.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/").as_bytes() == tag)
}

/// The fields of a GET's query.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct QueryFields {
    #[serde(default)]
    history: String,
    limit: Option<u64>,
    #[serde(default)]
    exclude: String,
    #[serde(default)]
    exclude_history: bool,
    min_score: Option<f32>,
    #[serde(default)]
    names: bool,
    timeout_ms: Option<u64>,
    unit: Option<String>,
}

fn ids(field: &'static str, list: &str) -> Result<Vec<u32>, Error> {
    let read = |text: &str| {
        text.trim().parse().map_err(|_| Error::Malformed {
            reason: format!("`{field}` holds `{text}`, expected cluster ids with commas between them"),
        })
    };
    list.split(',').filter(|text| !text.is_empty()).map(read).collect()
}

async fn json<T: DeserializeOwned>(request: &mut Request<Incoming>, limits: BodyLimits) -> Result<T, Error> {
    check_media(request.headers())?;
    let bytes = body(request.body_mut(), limits).await?;
    serde_json::from_slice(&bytes).map(|Object(body)| body).map_err(|error| malformed(&error))
}

/// A body must be JSON where it says what it is; one that says nothing is read as JSON.
fn check_media(headers: &HeaderMap) -> Result<(), Error> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let media = value.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    if media.eq_ignore_ascii_case(b"application/json") || media.ends_with(b"+json") {
        return Ok(());
    }
    Err(Error::MediaUnsupported { got: String::from_utf8_lossy(media).into() })
}

async fn body(body: &mut Incoming, limits: BodyLimits) -> Result<Bytes, Error> {
    let BodyLimits { bytes_max, wait_max } = limits;
    if body.size_hint().lower() > bytes_max as u64 {
        // It says so itself: a caller that waits for `100 Continue` need not send it at all.
        return Err(Error::BodyTooLarge { max_bytes: bytes_max });
    }
    let mut whole = pin!(Limited::new(body, bytes_max).collect());
    // A small body came with its head: only one that has not needs a clock.
    let collected = match poll_fn(|context| Poll::Ready(whole.as_mut().poll(context))).await {
        Poll::Ready(collected) => collected,
        Poll::Pending => Box::pin(tokio::time::timeout(wait_max, whole)).await.map_err(|_| too_slow(wait_max))?,
    };
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Error::BodyTooLarge { max_bytes: bytes_max }),
        Err(_) => Err(Error::BodyBroken),
    }
}

fn too_slow(wait_max: Duration) -> Error {
    Error::BodyTooSlow { wait_ms_max: u64::try_from(wait_max.as_millis()).unwrap_or(u64::MAX) }
}

fn malformed(error: &impl std::fmt::Display) -> Error {
    Error::Malformed { reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::{HeaderMap, HeaderValue, REQUEST_TIMEOUT, header, query, timeout};
    use std::time::Duration;

    #[test]
    fn queries_are_read_whole_or_refused() {
        let question = query("history=22,9&limit=5&exclude=3&exclude_history=true&min_score=0.5&names=true");
        let question = question.expect("every field is right");
        assert_eq!((question.history, question.exclude), (vec![22, 9], vec![3]));
        assert_eq!((question.limit, question.min_score), (Some(5), Some(0.5)));
        assert!(question.names && question.exclude_history);
        assert_eq!(query("history=").expect("an empty list").history, Vec::<u32>::new());
        for refused in ["history=a", "history=1,,x", "history=-1", "limit=ten", "colour=red", "history=4294967296"] {
            assert!(query(refused).is_err(), "{refused} was accepted");
        }
    }

    #[test]
    fn timeouts_are_seconds_above_zero() {
        for (text, expected) in [("0.050", Some(50)), ("2", Some(2000)), ("0", None), ("-1", None), ("50ms", None)] {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_TIMEOUT, HeaderValue::from_static(text));
            let read = timeout(&headers).ok().flatten();
            assert_eq!(read, expected.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn entity_tags_match_in_lists_and_weak() {
        let tag = HeaderValue::from_static("\"a\"");
        for (known, expected) in [("\"a\"", true), ("\"b\", W/\"a\"", true), ("*", true), ("\"b\"", false), ("", false)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(known));
            assert_eq!(super::has_tag(&headers, &tag), expected, "{known}");
        }
    }
}
