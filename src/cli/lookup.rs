//! `segue lookup`: the answer that a service would give to one history, from a release and its model on disk; the
//! answering itself is the service's own code, never a copy.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::output::{self, Column, OutputArgs, Report, table};
use super::place;
use crate::answer::{Answer, Candidate, Degraded, Told, climb_with, needs_model};
use crate::ask::{AskLimits, Question};
use crate::config::{Rung, defaults};
use crate::fallback::ask_here;
use crate::model::Model;
use crate::model::engine::Precision;
use crate::snapshot::catalogue::Catalogue;
use crate::snapshot::release::{Release, ReleaseError};
use crate::snapshot::table::{SCORE_DECIMALS, Score};

/// Candidates that may be asked for: the highest that `request.limit_max` can be set to.
const LIMIT_MAX: usize = 1_000;

/// Answer one history from a release on disk.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The release: its directory, or a store for its current one
    release: PathBuf,
    /// The release's model: its directory; by default it is looked for in the store around the release
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// The model's arithmetic: full or quantised
    #[arg(long, value_name = "WORD", default_value = defaults::MODEL_PRECISION, value_parser = precision)]
    precision: Precision,
    /// Cluster ids, oldest first, such as 22,9; none asks for the popular list
    #[arg(value_delimiter = ',')]
    history: Vec<u32>,
    /// Candidates to give at most
    #[arg(long, default_value_t = defaults::REQUEST_LIMIT_DEFAULT)]
    limit: u64,
    /// Cluster ids that must not come back
    #[arg(long, value_delimiter = ',')]
    exclude: Vec<u32>,
    /// Give novel clusters only: none of the history's own
    #[arg(long)]
    exclude_history: bool,
    /// Lowest score to give, 0 to 1
    #[arg(long)]
    min_score: Option<f32>,
    #[command(flatten)]
    output: OutputArgs,
}

/// What `--json` prints: the fields of the service's reply.
#[derive(Debug, Serialize)]
struct Reply {
    candidates: Vec<Row>,
    source: &'static str,
    matched: Vec<u32>,
    ignored: Vec<u32>,
    /// Why the answer is less than it could have been.
    degraded: Option<&'static str>,
    release: String,
    snapshot: String,
    model: Option<String>,
    catalogue: String,
}

/// A candidate with its name.
#[derive(Debug, Serialize)]
struct Row {
    cluster: u32,
    score: f64,
    source: &'static str,
    name: String,
}

pub(super) fn run(args: Args) -> anyhow::Result<()> {
    let release = complete(place::open(&args.release)?, &args)?;
    let output = args.output;
    let ask = args.question().check(&limits())?;
    let rungs = rungs();
    let told = match release.model() {
        Some(_) if !needs_model(&release, &rungs, &ask) => Told::Nothing,
        _ => ask_here(&release, &ask.history),
    };
    output::print(output, &Reply::of(&climb_with(&release, &rungs, &ask, &told)))
}

/// Gives a release its model, where that is here.
fn complete(release: Release, args: &Args) -> anyhow::Result<Release> {
    match place::model(&release, args.model.as_deref())?.filter(|path| path.exists()) {
        Some(path) => {
            let model = Model::load(&path, args.precision).map_err(ReleaseError::from)?;
            Ok(release.with_model(Arc::new(model))?)
        }
        None => Ok(release),
    }
}

/// The rungs as a service has them that is not configured otherwise.
fn rungs() -> Vec<Rung> {
    defaults::ANSWER_RUNGS.iter().filter_map(|word| Rung::from_word(word)).collect()
}

fn precision(word: &str) -> Result<Precision, String> {
    Precision::from_word(word).ok_or_else(|| format!("expected one of {}", Precision::WORDS.join(", ")))
}

impl Args {
    fn question(self) -> Question {
        Question {
            history: self.history,
            limit: Some(self.limit),
            exclude: self.exclude,
            exclude_history: self.exclude_history,
            min_score: self.min_score,
            ..Question::default()
        }
    }
}

impl Reply {
    fn of(answer: &Answer<'_>) -> Self {
        let manifest = answer.release.manifest();
        let catalogue = answer.release.catalogue();
        Self {
            candidates: answer.candidates.iter().map(|candidate| Row::of(candidate, catalogue)).collect(),
            source: answer.source.label(),
            matched: answer.matched.as_slice().to_vec(),
            ignored: answer.ignored.clone(),
            degraded: answer.degraded.map(Degraded::label),
            release: manifest.version.to_string(),
            snapshot: manifest.snapshot.to_string(),
            model: manifest.model.as_ref().map(ToString::to_string),
            catalogue: manifest.catalogue.to_string(),
        }
    }
}

impl Row {
    fn of(candidate: &Candidate, catalogue: &Catalogue) -> Self {
        Self {
            cluster: candidate.cluster,
            score: decimal(candidate.score),
            source: candidate.source.label(),
            name: catalogue.at(candidate.index).map(|cluster| cluster.name.clone()).unwrap_or_default(),
        }
    }
}

impl Report for Reply {
    fn human(&self) -> String {
        use Column::{Number, Text};
        let mut table = table(&[Number("cluster"), Number("score"), Text("source"), Text("name")]);
        for Row { cluster, score, source, name } in &self.candidates {
            let score = format!("{score:.*}", SCORE_DECIMALS as usize);
            table.add_row([cluster.to_string(), score, (*source).to_owned(), name.clone()]);
        }
        format!("{}\n{table}", self.head())
    }
}

impl Reply {
    fn head(&self) -> String {
        let model = self.model.as_deref().unwrap_or("none");
        let ignored = if self.ignored.is_empty() { String::new() } else { format!(", ignored {:?}", self.ignored) };
        let degraded = self.degraded.map_or_else(String::new, |reason| format!(", degraded {reason}"));
        format!(
            "source {}, matched {:?}{ignored}{degraded}\nrelease {}, snapshot {}, model {model}, catalogue {}",
            self.source, self.matched, self.release, self.snapshot, self.catalogue
        )
    }
}

/// The score in decimal, as the service writes it: through `f32` it would show digits that it does not have.
fn decimal(score: Score) -> f64 {
    f64::from(score.decimal()) / f64::from(10_u32.pow(SCORE_DECIMALS))
}

/// The lists come from a command line, whose length bounds them.
fn limits() -> AskLimits {
    AskLimits {
        history_max: usize::MAX,
        exclude_max: usize::MAX,
        limit_default: 1,
        limit_max: LIMIT_MAX,
        batch_max: 1,
        unit_bytes_max: usize::MAX,
        deadline_default: Duration::MAX,
        deadline_max: Duration::MAX,
    }
}
