//! `segue verify`: every check that the service makes before it serves a release, each with its time; it must never
//! call a release good without having read every byte of it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::HumanBytes;
use serde::Serialize;

use super::output::{self, Column, Damaged, Failure, OutputArgs, Report, table};
use super::place;
use crate::snapshot::release::{Release, ReleaseError};

/// Verify a release completely.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The release: its directory, or a store for its current one
    release: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Verification {
    path: PathBuf,
    good: bool,
    /// Bytes of all its files; 0 where it could not be opened.
    bytes: u64,
    seconds: f64,
    /// The checks made, in order; the first that fails is the last.
    checks: Vec<Outcome>,
}

/// One check made.
#[derive(Debug, Serialize)]
struct Outcome {
    check: &'static str,
    seconds: f64,
    /// What is wrong; none when nothing is.
    problem: Option<String>,
}

/// A check of an open release.
type Check = fn(&Release) -> Result<(), ReleaseError>;

/// The first check: manifest, catalogue, table header and golden questions are read, and belong together.
const OPEN: &str = "manifest, catalogue, header";

/// The checks after it, in the order in which each relies on those before.
const CHECKS: [(&str, Check); 3] =
    [("digests and checksums", Release::verify), ("every record", Release::warm), ("golden questions", golden)];

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let verification = verify(&place::find(&args.release)?)?;
    output::print(args.output, &verification)?;
    if verification.good { Ok(()) } else { Err(Damaged.into()) }
}

/// Stops at the first damage; an unreadable disk is an error and no damage.
fn verify(path: &Path) -> Result<Verification, ReleaseError> {
    let mut verification =
        Verification { path: path.to_owned(), good: true, bytes: 0, seconds: 0.0, checks: Vec::new() };
    if let Some(release) = verification.record(OPEN, || Release::open(path))? {
        verification.bytes = release.manifest().bytes();
        for (check, run) in CHECKS {
            if verification.record(check, || run(&release))?.is_none() {
                break;
            }
        }
    }
    Ok(verification)
}

/// A release without questions proves nothing, so it does not pass either.
fn golden(release: &Release) -> Result<(), ReleaseError> {
    if release.golden().is_empty() { Err(ReleaseError::GoldenMissing) } else { release.check() }
}

impl Verification {
    fn record<T>(
        &mut self,
        check: &'static str,
        run: impl FnOnce() -> Result<T, ReleaseError>,
    ) -> Result<Option<T>, ReleaseError> {
        let start = Instant::now();
        let result = run();
        let seconds = start.elapsed().as_secs_f64();
        if let Err(error) = &result
            && Failure::of_release(error) == Failure::Failed
        {
            return result.map(Some);
        }
        let problem = result.as_ref().err().map(ToString::to_string);
        self.good &= problem.is_none();
        self.seconds += seconds;
        self.checks.push(Outcome { check, seconds, problem });
        Ok(result.ok())
    }
}

impl Report for Verification {
    fn human(&self) -> String {
        let mut table = table(&[Column::Text("check"), Column::Number("ms"), Column::Text("outcome")]);
        for Outcome { check, seconds, problem } in &self.checks {
            let outcome = problem.as_deref().unwrap_or("good");
            table.add_row([*check, &format!("{:.3}", seconds * 1e3), outcome]);
        }
        let verdict = if self.good { "good" } else { "DAMAGED" };
        let (bytes, milliseconds) = (HumanBytes(self.bytes), self.seconds * 1e3);
        format!("{}\n{table}\n{verdict}: {bytes} in {milliseconds:.3} ms", self.path.display())
    }
}
