//! Logs, and the caller's trace they belong to; it must never read the environment nor make a request wait for a disk.
//!
//! At `info` a request logs nothing: one line for each start, stop, swap and failure is what an operator reads. At
//! `debug` each request gets a span, and the line that closes it names the caller's trace; that doubles what a request
//! costs, so it is for looking at one replica, not for running a fleet.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Span, Subscriber, debug_span};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::fmt::{Layer as FmtLayer, MakeWriter};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::{EnvFilter, Registry};

mod parent;

pub use parent::{ParentError, TraceParent};

/// Lines that wait for a slow reader of standard error. Above it lines are dropped: about 4 MB, and no request waits.
const WAITING_LINES_MAX: usize = 16_384;

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For a terminal.
    #[default]
    Human,
    /// One JSON object a line, for a collector.
    Json,
}

/// Why logging could not start.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The level is not one that can be read.
    #[error(
        "log level: expected a level such as info, or directives such as segue=debug,info; got {got:?} ({source}); \
         correct log.level"
    )]
    Level {
        /// The text as it was configured.
        got: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Something else in this process logs already.
    #[error("logging: expected to be the first to start it; another subscriber is set in this process")]
    AlreadyStarted,
}

/// Writes out what waits when it is dropped: hold it until the process ends.
#[must_use = "lines that wait are lost when this is dropped early"]
pub struct Logging {
    _writer: WorkerGuard,
}

/// Sends the process's logs to standard error, written by a thread of its own.
///
/// # Errors
/// When `level` cannot be read, or logging was started before.
pub fn start(format: Format, level: &str) -> Result<Logging, TraceError> {
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING_LINES_MAX)
        .thread_name("segue-log")
        .lossy(true)
        .finish(std::io::stderr());
    let subscriber = subscriber(format, level, writer)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| TraceError::AlreadyStarted)?;
    Ok(Logging { _writer: guard })
}

/// Reads a level without starting anything, for checking a configuration.
///
/// # Errors
/// When `level` cannot be read.
pub fn check_level(level: &str) -> Result<(), TraceError> {
    filter(level).map(drop)
}

/// The span of one request: none unless `debug` is on, and only then is the caller's `traceparent` read. One that
/// cannot be read is ignored, as the standard asks.
pub fn request_span(call: &'static str, traceparent: Option<&str>) -> Span {
    if !tracing::enabled!(Level::DEBUG) {
        return Span::none();
    }
    let parent = traceparent.and_then(|text| text.parse::<TraceParent>().ok());
    let (trace_id, parent_id) = (parent.map(|parent| parent.trace_id()), parent.map(|parent| parent.parent_id()));
    debug_span!("request", call, trace_id, parent_id)
}

fn subscriber<W>(format: Format, level: &str, writer: W) -> Result<impl Subscriber + Send + Sync, TraceError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = FmtLayer::default().with_writer(writer).with_span_events(FmtSpan::CLOSE);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        Format::Human => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        Format::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    Ok(Registry::default().with(lines.with_filter(filter(level)?)))
}

fn filter(level: &str) -> Result<EnvFilter, TraceError> {
    let builder = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into());
    builder.parse(level).map_err(|source| TraceError::Level { got: level.to_owned(), source })
}

#[cfg(test)]
mod tests;
