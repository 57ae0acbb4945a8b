//! Lines as an operator sees them, and the span that is there only at `debug`.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::*;

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";

/// What was written, shared with the subscriber.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `log` writes at a level.
fn written(format: LogFormat, level: LogLevel, log: impl FnOnce()) -> String {
    let written = Written::default();
    let writer = written.clone();
    let subscriber = subscriber(format, level, move || writer.clone());
    tracing::subscriber::with_default(subscriber, log);
    String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
}

fn request() {
    let span = request_span("next_clusters", &carrying(TRACEPARENT));
    let _entered = span.enter();
}

/// Headers with a `traceparent`.
fn carrying(traceparent: &'static str) -> HeaderMap {
    [(http::header::HeaderName::from_static("traceparent"), http::HeaderValue::from_static(traceparent))]
        .into_iter()
        .collect()
}

#[test]
fn a_json_line_is_one_flat_object() {
    let line = written(LogFormat::Json, LogLevel::Info, || {
        tracing::info!(release = "march", elapsed_ms = 12, "release swapped in")
    });
    let object: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(object["message"], "release swapped in");
    assert_eq!(object["release"], "march");
    assert_eq!(object["elapsed_ms"], 12);
    assert_eq!(object["level"], "INFO");
}

#[test]
fn a_human_line_names_its_fields() {
    let line = written(LogFormat::Human, LogLevel::Info, || tracing::warn!(reason = "golden", "release refused"));
    for part in ["WARN", "release refused", "reason", "golden"] {
        assert!(line.contains(part), "expected {part} in {line}");
    }
}

#[test]
fn a_request_is_silent_at_info() {
    assert_eq!(written(LogFormat::Json, LogLevel::Info, request), "");
}

#[test]
fn a_request_names_its_callers_trace_at_debug() {
    let line = written(LogFormat::Json, LogLevel::Debug, request);
    let object: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(object["span"]["call"], "next_clusters");
    assert_eq!(object["span"]["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(object["span"]["parent_id"], "00f067aa0ba902b7");
}

#[test]
fn a_traceparent_that_cannot_be_read_is_left_out() {
    let line =
        written(LogFormat::Json, LogLevel::Debug, || request_span("batch", &carrying("nonsense")).in_scope(|| ()));
    assert!(line.contains("batch") && !line.contains("trace_id"), "{line}");
}

#[test]
fn only_trace_shows_what_libraries_debug() {
    let library = || tracing::debug!(target: "hyper::proto", "parsed 3 headers");
    for level in [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug] {
        assert_eq!(written(LogFormat::Json, level, library), "", "{level:?}");
    }
    assert!(written(LogFormat::Json, LogLevel::Trace, library).contains("hyper::proto"));
}
