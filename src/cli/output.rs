//! What commands print, as tables for people or as JSON for machines, and the exit codes they fail with. Everything
//! that goes to standard output goes through here.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use serde::Serialize;

use crate::config::ConfigError;

/// How to print a result.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct OutputArgs {
    /// Print JSON for machines instead of tables for people
    #[arg(long)]
    json: bool,
}

/// The result of a command: its serialised form is the `--json` output and is kept stable.
pub(super) trait Report: Serialize {
    /// The same for people.
    fn human(&self) -> String;
}

/// Prints `report` in the form asked for.
pub(super) fn print(form: OutputArgs, report: &impl Report) -> anyhow::Result<()> {
    let text = if form.json { serde_json::to_string_pretty(report)? } else { report.human() };
    write_line(text.trim_end())
}

/// Writes `text` and a line feed to standard output; a reader that left early (`| head`) is no failure.
pub(super) fn write_line(text: &str) -> anyhow::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Why a command failed, as far as its exit code tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// A file, an address or a release could not be used.
    Failed,
    /// The configuration is wrong (clap itself exits with the same code for a wrong command line).
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
        if error.is::<ConfigError>() {
            Self::Usage
        } else if error.is::<Damaged>() {
            Self::Damaged
        } else {
            Self::Failed
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
