//! `segue verify`: every check that the service makes before it serves a release, each with its time; it must never
//! call a release good without having read every byte of it and of its model.

use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::HumanBytes;
use serde::Serialize;

use super::output::{self, Column, Damaged, Failure, OutputArgs, Report, table};
use super::place;
use crate::model::Model;
use crate::model::engine::Precision;
use crate::snapshot::manifest::MANIFEST;
use crate::snapshot::pair::check_pair;
use crate::snapshot::release::{Release, ReleaseError};
use crate::snapshot::signature::{PublicKey, check_signed};

/// Verify a release completely.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The release: its directory, or a store for its current one
    release: PathBuf,
    /// The release's model: its directory; by default it is looked for in the store around the release
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// A public key that must have signed the release and its model; several may be given, of which one must have
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
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

/// The checks of its model after those, one for each arithmetic that a service may be told to use.
const MODEL_CHECKS: [(&str, Precision); 2] =
    [("model, in full", Precision::Full), ("model, quantised", Precision::Quantised)];

/// The checks that keys are given for.
const SIGNATURE: &str = "signature";
const MODEL_SIGNATURE: &str = "model, signature";

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let keys = args.key.iter().map(|path| PublicKey::read(path)).collect::<Result<Vec<_>, _>>()?;
    let verification = verify(&place::find(&args.release)?, args.model.as_deref(), &keys)?;
    output::print(args.output, &verification)?;
    if verification.good { Ok(()) } else { Err(Damaged.into()) }
}

/// Stops at the first damage; an unreadable disk is an error and no damage.
fn verify(path: &Path, model: Option<&Path>, keys: &[PublicKey]) -> anyhow::Result<Verification> {
    let mut verification =
        Verification { path: path.to_owned(), good: true, bytes: 0, seconds: 0.0, checks: Vec::new() };
    let Some(release) = verification.record(OPEN, || Release::open(path))? else { return Ok(verification) };
    verification.bytes = release.manifest().bytes();
    for (check, run) in CHECKS {
        verification.record(check, || run(&release))?;
    }
    if !keys.is_empty() {
        verification.record(SIGNATURE, || Ok(check_signed(path, keys)?))?;
    }
    if let Some(model) = place::model(&release, model)? {
        for (check, precision) in MODEL_CHECKS {
            verification.record(check, || verify_model(&release, &model, precision))?;
        }
        if !keys.is_empty() {
            verification.record(MODEL_SIGNATURE, || Ok(check_signed(&model, keys)?))?;
        }
    }
    Ok(verification)
}

/// Loads a release's model as a service does.
fn verify_model(release: &Release, path: &Path, precision: Precision) -> Result<(), ReleaseError> {
    if let Some(model) = release.manifest().model.clone().filter(|_| !path.join(MANIFEST).exists()) {
        return Err(ReleaseError::ModelMissing { model, path: path.to_owned() });
    }
    let model = Model::load(path, precision)?;
    Ok(check_pair(release.manifest(), model.manifest(), model.config())?)
}

/// A release without questions proves nothing, so it does not pass either.
fn golden(release: &Release) -> Result<(), ReleaseError> {
    if release.golden().is_empty() { Err(ReleaseError::GoldenMissing) } else { release.check() }
}

impl Verification {
    /// Makes a check, unless one before it failed.
    fn record<T>(
        &mut self,
        check: &'static str,
        run: impl FnOnce() -> Result<T, ReleaseError>,
    ) -> Result<Option<T>, ReleaseError> {
        if !self.good {
            return Ok(None);
        }
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
