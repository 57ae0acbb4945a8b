//! The flags of `evaluate`, and what they mean to the modules that do the work.

use std::path::PathBuf;

use clap::value_parser;
use segue::model::config::Size;

use crate::build::CountSettings;
use crate::cli::build::{ColumnArgs, RowArgs};
use crate::cli::{not_negative, positive};
use crate::evaluate::months::Bounds;
use crate::evaluate::{EvaluateSettings, Learning, evaluate, report};
use crate::examples::Counting;
use crate::measure::Bootstrap;
use crate::measure::bootstrap::DRAWS;
use crate::sequence::Mode;

/// Shown under `segue-pipeline evaluate --help`.
const NOTES: &str = "\
The log is replayed through time, month by month from its third on. A request is a user's last two clusters, and its answer the cluster that
came next; whoever answers knows only what came before the refresh that serves the request. Compared are counts (popularity, the last cluster,
the pair of last month, back-off, smoothed), a model that is never trained again (fixed mapping), one that is fine-tuned every month, one that is
shown what was retrieved once or at every refresh, and the blend of the last with smoothed counts.

The models are small and trained on the way, in memory: they show what freshness is worth on this log. `train` makes better ones.

OUT gets evaluate.html, which needs nothing beside it, evaluate.json with every figure, and every picture as SVG.";

/// Replay a log through time, and compare who would have known what came next
#[derive(Debug, clap::Args)]
#[command(after_long_help = NOTES)]
pub(super) struct Args {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    columns: ColumnArgs,
    #[command(flatten)]
    count: CountArgs,
    #[command(flatten)]
    compared: ComparedArgs,
    #[command(flatten)]
    model: ModelArgs,
    /// Where page, figures and pictures go
    #[arg(long, value_name = "DIR", default_value = "evaluation")]
    out: PathBuf,
    /// Print all figures as JSON for machines, in place of the table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Input")]
struct InputArgs {
    /// A log of events; give it again for more files
    #[arg(long, value_name = "SOURCE", required = true)]
    events: Vec<String>,
    /// The clusters: CSV with a header, a release's catalogue.jsonl, or a release's directory
    #[arg(long, value_name = "FILE|DIR")]
    catalogue: PathBuf,
    #[command(flatten)]
    rows: RowArgs,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Counting")]
struct CountArgs {
    /// Whether a cluster may come twice in a user's sequence; each is evaluated by itself
    #[arg(long, value_enum, value_delimiter = ',', default_value = "distinct,changes,raw")]
    modes: Vec<Mode>,
    /// A longer pause begins a new sequence [default: one sequence per user]
    #[arg(long, value_name = "DAYS", value_parser = positive)]
    gap_days: Option<f64>,
    /// Only this many days before a refresh count [default: all]
    #[arg(long, value_name = "DAYS", value_parser = positive)]
    window_days: Option<f64>,
    /// An event counts half after so many days; 0 for never
    #[arg(long, value_name = "DAYS", default_value_t = 60.0, value_parser = not_negative)]
    half_life_days: f64,
    /// How many events the shorter history's opinion is worth: for histories of 1 and of 2
    #[arg(long, value_name = "EVENTS", default_value = "50", value_delimiter = ',', value_parser = not_negative)]
    smoothing: Vec<f64>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Compared")]
struct ComparedArgs {
    /// Days between two refreshes that are tried
    #[arg(long, value_name = "DAYS", default_value = "1,2,4,7,30", value_delimiter = ',', value_parser = value_parser!(i32).range(1..))]
    refresh_days: Vec<i32>,
    /// Windows and half-lives that are tried, beside all history
    #[arg(long, value_name = "DAYS", default_value = "7,14,30,60,90,180", value_delimiter = ',', value_parser = value_parser!(i32).range(1..))]
    memory_days: Vec<i32>,
    /// Months with fewer requests are left out
    #[arg(long, value_name = "REQUESTS", default_value_t = 300)]
    requests_min: usize,
    /// Where a month has more requests, only those of some users are asked, the same users in all months
    #[arg(long, value_name = "REQUESTS", default_value_t = 200_000)]
    requests_max: usize,
    /// How often users are drawn again for the intervals
    #[arg(long, default_value_t = DRAWS)]
    draws: usize,
    /// The same seed gives the same weights and intervals
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Models")]
struct ModelArgs {
    /// Evaluate the counts alone, and train nothing
    #[arg(long)]
    counts_only: bool,
    /// Width of a token's vector
    #[arg(long, default_value_t = 64)]
    hidden: usize,
    /// Width of the feed-forward network's inner vector
    #[arg(long, default_value_t = 176)]
    intermediate: usize,
    /// Decoder blocks
    #[arg(long, default_value_t = 2)]
    layers: usize,
    /// Heads of attention
    #[arg(long, default_value_t = 4)]
    heads: usize,
    /// The most retrieved continuations that a model is shown: the best
    #[arg(long, value_name = "CLUSTERS", default_value_t = 8)]
    retrieved_max: usize,
    /// The most examples of one training: the latest stay
    #[arg(long, value_name = "EXAMPLES", default_value_t = 200_000)]
    examples_max: usize,
    /// How often the first model sees what came before the first month
    #[arg(long, default_value_t = 6)]
    epochs: u32,
    /// How often a later month's model sees the month before
    #[arg(long, value_name = "EPOCHS", default_value_t = 2)]
    epochs_monthly: u32,
    /// The first model's highest learning rate; a quarter of it later
    #[arg(long, default_value_t = 4e-3, value_parser = positive)]
    learning_rate: f64,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let evaluation = evaluate(&args.settings())?;
    let page = report::write(&evaluation, &args.out)?;
    if args.json {
        return super::print(&serde_json::to_string_pretty(&evaluation)?);
    }
    super::print(&format!("{evaluation}\n{}", page.display()))
}

impl Args {
    fn settings(&self) -> EvaluateSettings {
        let Self { input, compared, .. } = self;
        EvaluateSettings {
            log: self.columns.log(&input.events, input.rows.format),
            catalogue: input.catalogue.clone(),
            catalogue_columns: self.columns.catalogue(),
            policy: input.rows.policy(),
            memory_bytes: input.rows.memory_bytes(),
            counting: self.count.counting(),
            modes: self.count.modes.clone(),
            cadences: compared.refresh_days.clone(),
            ages: compared.memory_days.clone(),
            requests: Bounds { min: compared.requests_min, max: compared.requests_max },
            learning: (!self.model.counts_only).then(|| self.model.learning(compared.seed)),
            bootstrap: Bootstrap { draws: compared.draws, seed: compared.seed },
        }
    }
}

impl CountArgs {
    fn counting(&self) -> Counting {
        let count = CountSettings {
            mode: Mode::default(),
            gap_days: self.gap_days,
            window_days: self.window_days,
            half_life_days: Some(self.half_life_days).filter(|days| *days > 0.0),
            smoothing: self.smoothing.clone(),
            seen_min: 1,
            users_min: 1,
            user_day_max: None,
        };
        Counting { count, depth: 2, width: 15 }
    }
}

impl ModelArgs {
    fn learning(&self, seed: u64) -> Learning {
        let Self { hidden, intermediate, layers, heads, .. } = *self;
        Learning {
            size: Size { hidden, intermediate, layers, heads },
            retrieved_max: self.retrieved_max,
            examples_max: self.examples_max,
            epochs: self.epochs,
            epochs_monthly: self.epochs_monthly,
            learning_rate: self.learning_rate,
            seed,
        }
    }
}
