//! Logs, and the caller's trace they belong to; it must never read the environment nor make a request wait for a disk.
//!
//! At `info` a request logs nothing: one line for each start, stop, swap and failure is what an operator reads. At
//! `debug` each request gets a span, and the line that closes it names the caller's trace; that doubles what a request
//! costs, so it is for looking at one replica, not for running a fleet.

use std::io::IsTerminal;

use http::HeaderMap;
use tracing::{Level, Span, Subscriber, debug_span};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::Registry;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::fmt::{Layer as FmtLayer, MakeWriter};
use tracing_subscriber::layer::{Layer, SubscriberExt};

use crate::config::{LogFormat, LogLevel};

mod parent;
mod seldom;

pub use parent::{ParentError, TraceParent};
pub use seldom::Seldom;

/// Lines that wait for a slow reader of standard error. Above it lines are dropped: about 4 MB, and no request waits.
const WAITING_LINES_MAX: usize = 16_384;

/// Something else in this process logs already.
#[derive(Debug, thiserror::Error)]
#[error("logging: expected to be the first to start it; this process has a subscriber, so start it once, in main")]
pub struct AlreadyStarted;

/// Writes out what waits when it is dropped: hold it until the process ends.
#[must_use = "lines that wait are lost when this is dropped early"]
pub struct Logging {
    _writer: WorkerGuard,
}

/// Sends the process's logs to standard error, written by a thread of its own.
///
/// # Errors
/// When logging was started before.
pub fn start(format: LogFormat, level: LogLevel) -> Result<Logging, AlreadyStarted> {
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING_LINES_MAX)
        .thread_name("segue-log")
        .lossy(true)
        .finish(std::io::stderr());
    tracing::subscriber::set_global_default(subscriber(format, level, writer)).map_err(|_| AlreadyStarted)?;
    Ok(Logging { _writer: guard })
}

/// The span of one request: none unless `debug` is on, and only then is the caller's `traceparent` read. One that
/// cannot be read is ignored, as the standard asks.
pub fn request_span(call: &'static str, headers: &HeaderMap) -> Span {
    if !tracing::enabled!(Level::DEBUG) {
        return Span::none();
    }
    let traceparent = headers.get("traceparent").and_then(|value| value.to_str().ok());
    let parent = traceparent.and_then(|text| text.parse::<TraceParent>().ok());
    let (trace_id, parent_id) = (parent.map(|parent| parent.trace_id()), parent.map(|parent| parent.parent_id()));
    debug_span!("request", call, trace_id, parent_id)
}

fn subscriber<W>(format: LogFormat, level: LogLevel, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = FmtLayer::default().with_writer(writer).with_span_events(FmtSpan::CLOSE);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Human => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    Registry::default().with(lines.with_filter(filter(level)))
}

/// What is written at a level. Debugging this program is not drowned by its libraries; `trace` shows them too.
fn filter(level: LogLevel) -> Targets {
    let of = |all, own| Targets::new().with_default(all).with_target("segue", own);
    match level {
        LogLevel::Error => of(Level::ERROR, Level::ERROR),
        LogLevel::Warn => of(Level::WARN, Level::WARN),
        LogLevel::Info => of(Level::WARN, Level::INFO),
        LogLevel::Debug => of(Level::INFO, Level::DEBUG),
        LogLevel::Trace => of(Level::TRACE, Level::TRACE),
    }
}

#[cfg(test)]
mod tests;
