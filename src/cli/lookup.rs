//! `segue lookup`: the answer that a service would give to one history, from a release on disk; the answering itself
//! is the service's own code, never a copy.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::output::{self, Column, OutputArgs, Report, table};
use super::place;
use crate::answer::{Answer, Candidate, LADDER, climb};
use crate::ask::{AskLimits, Question};
use crate::config::defaults;
use crate::snapshot::catalogue::Catalogue;
use crate::snapshot::table::{SCORE_DECIMALS, Score};

/// Candidates that may be asked for: the highest that `request.limit_max` can be set to.
const LIMIT_MAX: usize = 1_000;

/// Answer one history from a release on disk.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The release: its directory, or a store for its current one
    release: PathBuf,
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
    let release = place::open(&args.release)?;
    let output = args.output;
    let ask = args.question().check(&limits())?;
    output::print(output, &Reply::of(&climb(&release, &LADDER, &ask)))
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
        format!(
            "source {}, matched {:?}{ignored}\nrelease {}, snapshot {}, model {model}, catalogue {}",
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
        deadline_default: Duration::MAX,
        deadline_max: Duration::MAX,
    }
}
