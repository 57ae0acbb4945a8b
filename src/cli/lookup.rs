//! `segue lookup`: the answer that a service would give to one history, from a release and its model on disk; the
//! answering itself is the service's own code, never a copy.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::output::{self, Column, OutputArgs, Report, table};
use super::place;
use crate::ask::{AskLimits, Question};
use crate::config::{Rung, defaults};
use crate::lookup::{Found, Lookup, look_up};
use crate::model::Model;
use crate::model::engine::Precision;
use crate::snapshot::release::{Release, ReleaseError};
use crate::snapshot::table::SCORE_DECIMALS;

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

pub(super) fn run(args: Args) -> anyhow::Result<()> {
    let release = complete(place::open(&args.release)?, &args)?;
    let output = args.output;
    let ask = args.question().check(&limits())?;
    output::print(output, &look_up(&release, &rungs(), &ask))
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

impl Report for Lookup {
    fn human(&self) -> String {
        use Column::{Number, Text};
        let mut table = table(&[Number("cluster"), Number("score"), Text("source"), Text("name")]);
        for Found { cluster, score, source, name } in &self.candidates {
            let score = format!("{score:.*}", SCORE_DECIMALS as usize);
            table.add_row([cluster.to_string(), score, source.clone(), name.clone()]);
        }
        format!("{}\n{table}", head(self))
    }
}

fn head(answer: &Lookup) -> String {
    let Lookup { source, matched, release, snapshot, catalogue, .. } = answer;
    let model = answer.model.as_deref().unwrap_or("none");
    let ignored = if answer.ignored.is_empty() { String::new() } else { format!(", ignored {:?}", answer.ignored) };
    let degraded = answer.degraded.as_ref().map_or_else(String::new, |reason| format!(", degraded {reason}"));
    format!(
        "source {source}, matched {matched:?}{ignored}{degraded}\n\
         release {release}, snapshot {snapshot}, model {model}, catalogue {catalogue}"
    )
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
