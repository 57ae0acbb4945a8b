//! The flags of `train`, and what they mean to the modules that do the work.

use std::path::PathBuf;

use clap::value_parser;
use segue::model::config::Size;

use crate::cli::build::{ColumnArgs, CountArgs, RowArgs};
use crate::cli::{not_negative, positive, within};
use crate::examples::{Balance, Counting, Refresh};
use crate::train::optimiser::AdamSettings;
use crate::train::settings::{
    ChooseBy, InputSettings, LearningSettings, NetworkSettings, OutputSettings, Show, Start, TrainSettings,
};
use crate::train::train;

/// Where checkpoints and the like go in the store, unless asked otherwise.
const RUN_DIR: &str = "training";

/// Shown under `segue-pipeline train --help`.
const NOTES: &str = "\
The run's directory (OUT/training unless --run-dir says otherwise) gets checkpoint.safetensors while it runs, steps.jsonl (a line for each step
and each validation), loss.svg and report.json. After a kill, the same command with --resume goes on from the last checkpoint and ends with the
very weights of a run that was not killed. The number of threads changes no bit of them.

With --init, clusters are matched by their ids. The embedding of a new one starts from its parent's; else from the mean of its parent's other
clusters; else from the five clusters that share the most telling words of name and keywords with it (TF-IDF, cosine), weighed by similarity;
else from the mean of all with a little noise. A release with the catalogue of the old model must lie in the model's store, unless the catalogue
is still the same.";

/// Train a model on a log of events, and report on held-out time
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
    network: NetworkArgs,
    #[command(flatten)]
    learning: LearningArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// Print the closing summary as JSON for machines
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Input")]
struct InputArgs {
    /// A log of events: files, directories, patterns or prefixes in a store, as `build` takes them; give it again for more
    #[arg(long, value_name = "FILE", required = true)]
    events: Vec<String>,
    /// The clusters: CSV with a header, a release's catalogue.jsonl, or a release's directory
    #[arg(long, value_name = "FILE|DIR")]
    catalogue: PathBuf,
    #[command(flatten)]
    rows: RowArgs,
    /// The longest history that contexts are counted for
    #[arg(long, value_name = "CLUSTERS", default_value_t = 2, value_parser = value_parser!(u8).range(1..=3))]
    depth: u8,
    /// The most continuations of one history: as the release that will be asked has them
    #[arg(long, value_name = "CANDIDATES", default_value_t = 15, value_parser = value_parser!(u8).range(1..=64))]
    width: u8,
    /// Days between two refreshes of the contexts
    #[arg(long, value_name = "DAYS", default_value_t = 7.0, value_parser = positive)]
    refresh_days: f64,
    /// Days before the test that say when to stop
    #[arg(long, value_name = "DAYS", default_value_t = 30.0, value_parser = positive)]
    validation_days: f64,
    /// Days at the end of the log that are only reported on; 0 for none
    #[arg(long, value_name = "DAYS", default_value_t = 30.0, value_parser = not_negative)]
    test_days: f64,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Network")]
struct NetworkArgs {
    /// A model's directory, models/VERSION of a store, whose weights are fine-tuned
    #[arg(long, value_name = "DIR", conflicts_with_all = ["hidden", "intermediate", "layers", "heads"])]
    init: Option<PathBuf>,
    /// Width of a token's vector
    #[arg(long, default_value_t = 256)]
    hidden: usize,
    /// Width of the feed-forward network's inner vector
    #[arg(long, default_value_t = 704)]
    intermediate: usize,
    /// Decoder blocks
    #[arg(long, default_value_t = 4)]
    layers: usize,
    /// Heads of attention
    #[arg(long, default_value_t = 4)]
    heads: usize,
    /// The most clusters of a history that are read: the most recent
    #[arg(long, value_name = "CLUSTERS", default_value_t = 16)]
    history_max: usize,
    /// The most retrieved continuations that are read: the best
    #[arg(long, value_name = "CLUSTERS", default_value_t = 8)]
    retrieved_max: usize,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Learning")]
struct LearningArgs {
    /// The same seed gives the same weights
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The most times that every example is seen
    #[arg(long, default_value_t = 8, value_parser = value_parser!(u32).range(1..))]
    epochs: u32,
    /// Examples of a step
    #[arg(long, default_value_t = 128, value_parser = value_parser!(u32).range(1..))]
    batch: u32,
    /// The highest learning rate
    #[arg(long, default_value_t = 1e-3, value_parser = positive)]
    learning_rate: f64,
    /// The share of all steps in which the rate rises
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = share)]
    warmup: f64,
    /// How much of a weight is taken away for each unit of learning rate; norms and embeddings are spared
    #[arg(long, default_value_t = 0.05, value_parser = not_negative)]
    weight_decay: f64,
    /// A gradient longer than this is shortened to it
    #[arg(long, value_name = "LENGTH", default_value_t = 1.0, value_parser = positive)]
    gradient_norm_max: f64,
    /// The share of elements set to zero in embeddings and in what each branch adds
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = share)]
    dropout: f64,
    /// The share of examples whose context is emptied, so that the model does not depend on it
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = share)]
    context_dropout: f64,
    /// The share of examples that show only their last --depth clusters, as a release's histories do
    #[arg(long, value_name = "SHARE", default_value_t = 0.3, value_parser = share)]
    recent_share: f64,
    /// The share of the other examples that show any number of clusters between --depth and --history-max
    #[arg(long, value_name = "SHARE", default_value_t = 0.3, value_parser = share)]
    suffix_share: f64,
    /// The share of the target that is spread evenly over all clusters
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    label_smoothing: f64,
    /// How far towards weighing all clusters alike, whatever their popularity: 0 not at all, 1 wholly
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = not_negative)]
    balance: f64,
    /// What decides which epoch's weights are kept
    #[arg(long, value_enum, default_value_t)]
    choose_by: ChooseBy,
    /// Epochs without a better figure after which training stops
    #[arg(long, value_name = "EPOCHS", default_value_t = 4, value_parser = value_parser!(u32).range(1..))]
    patience: u32,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
struct OutputArgs {
    /// The store: the model goes to models/VERSION in it
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Where checkpoint, journal, curve and report go [default: OUT/training]
    #[arg(long, value_name = "DIR")]
    run_dir: Option<PathBuf>,
    /// Go on from the checkpoint in the run's directory, where there is one
    #[arg(long)]
    resume: bool,
    /// Steps between two checkpoints
    #[arg(long, value_name = "STEPS", default_value_t = 500, value_parser = value_parser!(u64).range(1..))]
    checkpoint_steps: u64,
    /// Threads that compute [default: one a processor]
    #[arg(long, value_parser = value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// The model's name [default: derived from its content]
    #[arg(long = "version", value_name = "NAME")]
    model_version: Option<String>,
    /// When the model counts as made, in seconds since 1970 [default: the end of the log]
    #[arg(long, value_name = "UNIX_S")]
    created: Option<u64>,
    /// Whom to cite for the data
    #[arg(long, value_name = "TEXT")]
    citation: Option<String>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let summary = train(&args.settings())?;
    super::print(&if args.json { serde_json::to_string_pretty(&summary)? } else { summary.to_string() })
}

impl Args {
    fn settings(&self) -> TrainSettings {
        TrainSettings {
            input: self.input(),
            network: self.network.settings(),
            learning: self.learning.settings(),
            output: self.output.settings(),
        }
    }

    fn input(&self) -> InputSettings {
        let input = &self.input;
        InputSettings {
            log: self.columns.log(&input.events, input.rows.format),
            catalogue: input.catalogue.clone(),
            catalogue_columns: self.columns.catalogue(),
            policy: input.rows.policy(),
            memory_bytes: input.rows.memory_bytes(),
            counting: Counting { count: self.count.settings(), depth: input.depth, width: input.width },
            refresh: Refresh::every_days(input.refresh_days),
            refresh_days: input.refresh_days,
            validation_days: input.validation_days,
            test_days: input.test_days,
        }
    }
}

impl NetworkArgs {
    fn settings(&self) -> NetworkSettings {
        let Self { hidden, intermediate, layers, heads, .. } = *self;
        NetworkSettings {
            size: Size { hidden, intermediate, layers, heads },
            history_max: self.history_max,
            retrieved_max: self.retrieved_max,
            init: self.init.clone(),
        }
    }
}

impl LearningArgs {
    fn settings(&self) -> LearningSettings {
        let adam = AdamSettings {
            beta1: 0.9,
            beta2: 0.98,
            eps: 1e-8,
            weight_decay: self.weight_decay,
            gradient_norm_max: self.gradient_norm_max,
        };
        LearningSettings {
            seed: self.seed,
            epochs: self.epochs,
            batch: self.batch as usize,
            learning_rate: self.learning_rate,
            warmup: self.warmup,
            adam,
            dropout: self.dropout,
            context_dropout: self.context_dropout,
            recent_share: self.recent_share,
            suffix_share: self.suffix_share,
            label_smoothing: self.label_smoothing,
            balance: Balance { alpha: self.balance, ..Balance::default() },
            choose_by: self.choose_by,
            patience: self.patience,
        }
    }
}

impl OutputArgs {
    fn settings(&self) -> OutputSettings {
        let threads = self.threads.map(usize::from);
        OutputSettings {
            out: self.out.clone(),
            run_dir: self.run_dir.clone().unwrap_or_else(|| self.out.join(RUN_DIR)),
            version: self.model_version.clone(),
            created_unix_s: self.created,
            citation: self.citation.clone(),
            threads: threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
            checkpoint_steps: self.checkpoint_steps,
            start: if self.resume { Start::Resume } else { Start::Anew },
            show: Show::Steps,
        }
    }
}

/// A share below 1.
fn share(text: &str) -> Result<f64, String> {
    within(text, |value| (0.0..1.0).contains(&value), "a share from 0 to below 1")
}
