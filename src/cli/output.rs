//! What commands print, as tables for people or as JSON for machines, and the exit codes they fail with. Everything
//! that goes to standard output goes through here.

use std::io::ErrorKind::{self, InvalidData, UnexpectedEof};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use serde::Serialize;

use crate::config::ConfigError;
use crate::error::Error;
use crate::model::ModelError;
use crate::snapshot::release::ReleaseError;

/// One rule under the headers and nothing else: a table that can be cut and pasted.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// How to print a result.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct OutputArgs {
    /// Print JSON for machines instead of tables for people
    #[arg(long)]
    json: bool,
}

impl OutputArgs {
    /// Whether machines read it.
    pub(super) fn is_json(self) -> bool {
        self.json
    }
}

/// The result of a command: its serialised form is the `--json` output and is kept stable.
pub(super) trait Report: Serialize {
    /// The same for people.
    fn human(&self) -> String;
}

/// A column of a table for people, by its header.
#[derive(Clone, Copy, Debug)]
pub(super) enum Column {
    /// Flush left.
    Text(&'static str),
    /// Flush right, so that digits stand under digits.
    Number(&'static str),
}

/// Prints `report` in the form asked for.
pub(super) fn print(form: OutputArgs, report: &impl Report) -> anyhow::Result<()> {
    let text = if form.json { serde_json::to_string_pretty(report)? } else { report.human() };
    write_line(text.trim_end())
}

/// Writes `text` and a line feed to standard output; a reader that left early (`| head`) is no failure.
pub(super) fn write_line(text: &str) -> anyhow::Result<()> {
    write_open(text).map(drop)
}

/// The same for what goes on for ever: breaks once the reader has left.
pub(super) fn write_open(text: &str) -> anyhow::Result<ControlFlow<()>> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        other => Ok(other.map(ControlFlow::Continue)?),
    }
}

/// An empty table.
pub(super) fn table(columns: &[Column]) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(Column::header));
    for (drawn, column) in table.column_iter_mut().zip(columns) {
        drawn.set_cell_alignment(column.alignment());
    }
    table
}

/// A share as a percentage, `-` where there is none.
pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.2} %", share * 100.0))
}

/// Seconds since 1970 as a date and time in UTC.
pub(super) fn time(unix_s: u64) -> String {
    let instant = UNIX_EPOCH.checked_add(Duration::from_secs(unix_s));
    instant.map_or_else(|| format!("{unix_s} s"), |instant| humantime::format_rfc3339_seconds(instant).to_string())
}

impl Column {
    fn header(&self) -> &'static str {
        match self {
            Self::Text(header) | Self::Number(header) => header,
        }
    }

    fn alignment(&self) -> CellAlignment {
        match self {
            Self::Text(_) => CellAlignment::Left,
            Self::Number(_) => CellAlignment::Right,
        }
    }
}

/// An error with its causes, each told once: many of our errors tell their cause in their own text.
pub(super) fn explain(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |told, cause| match told.as_str() {
        "" => cause,
        told if told.contains(&cause) => told.to_owned(),
        told => format!("{told}: {cause}"),
    })
}

/// Why a command failed, as far as its exit code tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// A file, an address or a release could not be used.
    Failed,
    /// The configuration or a question is wrong; clap itself exits with the same code for a wrong command line.
    Usage,
    /// The release is damaged.
    Damaged,
}

/// Marks an error as a finding about the release's own bytes.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the release must not be served: build it anew or fetch it again")]
pub(super) struct Damaged;

impl Failure {
    /// The kind of an error that reached the top.
    pub(super) fn of(error: &anyhow::Error) -> Self {
        if error.is::<ConfigError>() || error.is::<Error>() {
            Self::Usage
        } else if error.is::<Damaged>() {
            Self::Damaged
        } else {
            error.downcast_ref().map_or(Self::Failed, Self::of_release)
        }
    }

    /// Whether an error is about the release's bytes, or only about getting at them. A line that is not JSON reaches
    /// us as the disk's error too, by its kind.
    pub(super) fn of_release(error: &ReleaseError) -> Self {
        match error {
            ReleaseError::Io { source, .. } | ReleaseError::Model(ModelError::Io { source, .. })
                if !matches!(source.kind(), InvalidData | UnexpectedEof) =>
            {
                Self::Failed
            }
            _ => Self::Damaged,
        }
    }
}

impl From<Failure> for ExitCode {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Failed => Self::from(1),
            Failure::Usage => Self::from(2),
            Failure::Damaged => Self::from(3),
        }
    }
}
