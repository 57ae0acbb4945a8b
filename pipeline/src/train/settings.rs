//! Everything that a training is told, and the names by which its record keeps it.
//!
//! What shapes the weights has a name in [`TrainSettings::named`]; what does not (threads, directories) must not be there, so that a run may be
//! resumed with more threads and a model's name does not depend on a machine.

use std::collections::BTreeMap;
use std::path::PathBuf;

use segue::model::config::Size;

use crate::build::LogSettings;
use crate::clusters::CatalogueColumns;
use crate::examples::{Balance, Counting, Refresh};
use crate::provenance::Settings;
use crate::refusals::Policy;
use crate::train::optimiser::AdamSettings;

/// What a training is told.
#[derive(Clone, Debug)]
pub struct TrainSettings {
    /// What it reads.
    pub input: InputSettings,
    /// The network that it trains.
    pub network: NetworkSettings,
    /// How the network learns.
    pub learning: LearningSettings,
    /// Where the model goes.
    pub output: OutputSettings,
}

/// What is read.
#[derive(Clone, Debug)]
pub struct InputSettings {
    /// The log.
    pub log: LogSettings,
    /// The catalogue's file.
    pub catalogue: PathBuf,
    /// What its columns mean.
    pub catalogue_columns: CatalogueColumns,
    /// What to do with rows that cannot be used.
    pub policy: Policy,
    /// Bytes of rows held in memory before they are spilled.
    pub memory_bytes: usize,
    /// How contexts are counted: as a build counts.
    pub counting: Counting,
    /// How contexts are refreshed.
    pub refresh: Refresh,
    /// Days between two refreshes.
    pub refresh_days: f64,
    /// Days before the test that choose when to stop.
    pub validation_days: f64,
    /// Days at the end that are reported on.
    pub test_days: f64,
}

/// The network.
#[derive(Clone, Debug)]
pub struct NetworkSettings {
    /// How large.
    pub size: Size,
    /// Most clusters of a history that are read.
    pub history_max: usize,
    /// Most retrieved continuations that are read.
    pub retrieved_max: usize,
    /// A model's directory whose weights are fine-tuned.
    pub init: Option<PathBuf>,
}

/// How it learns.
#[derive(Clone, Debug)]
pub struct LearningSettings {
    /// The same seed gives the same weights.
    pub seed: u64,
    /// Most times that every example is seen.
    pub epochs: u32,
    /// Examples of a step.
    pub batch: usize,
    /// The highest learning rate.
    pub learning_rate: f64,
    /// The share of all steps in which the rate rises.
    pub warmup: f64,
    /// AdamW's constants.
    pub adam: AdamSettings,
    /// The share of elements set to zero in embeddings and branches.
    pub dropout: f64,
    /// The share of examples whose context is emptied.
    pub context_dropout: f64,
    /// The share of examples that show only their last clusters, as many as counts know.
    pub recent_share: f64,
    /// The share of the others that show some more of the last clusters.
    pub suffix_share: f64,
    /// The share of the target that is spread evenly.
    pub label_smoothing: f64,
    /// How rare clusters weigh more.
    pub balance: Balance,
    /// What decides which weights are best.
    pub choose_by: ChooseBy,
    /// Epochs without a better figure after which it stops.
    pub patience: u32,
}

/// What decides which weights are best.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ChooseBy {
    /// The lowest loss on the validation's examples.
    #[default]
    Loss,
    /// The highest share of them with the answer among the first five.
    #[value(name = "hit5")]
    Hit5,
    /// Nothing: the last epoch's weights. For training once more, up to the log's end, with the epochs that a run before chose.
    Last,
}

/// Where the model goes, and how the work is done.
#[derive(Clone, Debug)]
pub struct OutputSettings {
    /// The store: the model goes to models/VERSION in it.
    pub out: PathBuf,
    /// Where checkpoint, journal, curve and report go.
    pub run_dir: PathBuf,
    /// The model's name; `None` derives it from the content.
    pub version: Option<String>,
    /// When the model counts as made; `None` takes the end of the data.
    pub created_unix_s: Option<u64>,
    /// Whom to cite for the data.
    pub citation: Option<String>,
    /// Threads that compute.
    pub threads: usize,
    /// Steps between two checkpoints.
    pub checkpoint_steps: u64,
    /// Whether a checkpoint that is there is gone on from.
    pub start: Start,
    /// What people see of it.
    pub show: Show,
}

/// What people see of a run on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// Every step.
    #[default]
    Steps,
    /// Nothing: it is a small part of other work.
    Nothing,
}

/// What becomes of a checkpoint that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// It is replaced.
    #[default]
    Anew,
    /// It is gone on from.
    Resume,
}

impl TrainSettings {
    /// Everything that shapes the weights, by name.
    pub fn named(&self) -> BTreeMap<String, String> {
        let learning = self.learning.named(self.input.named());
        let Size { hidden, intermediate, layers, heads } = self.network.size;
        learning
            .with("hidden", hidden)
            .with("intermediate", intermediate)
            .with("layers", layers)
            .with("heads", heads)
            .with("history_max", self.network.history_max)
            .with("retrieved_max", self.network.retrieved_max)
            .into_map()
    }
}

impl InputSettings {
    fn named(&self) -> Settings {
        let Counting { count, depth, width } = &self.counting;
        Settings::default()
            .with("depth", depth)
            .with("width", width)
            .with("mode", count.mode.name())
            .with("min_count", count.seen_min)
            .with("smoothing", count.smoothing.iter().map(f64::to_string).collect::<Vec<_>>().join(","))
            .with_given("gap_days", count.gap_days)
            .with_given("window_days", count.window_days)
            .with_given("half_life_days", count.half_life_days)
            .with("refresh_days", self.refresh_days)
            .with("validation_days", self.validation_days)
            .with("test_days", self.test_days)
    }
}

impl LearningSettings {
    fn named(&self, settings: Settings) -> Settings {
        settings
            .with("seed", self.seed)
            .with("epochs", self.epochs)
            .with("batch", self.batch)
            .with("learning_rate", self.learning_rate)
            .with("warmup", self.warmup)
            .with("weight_decay", self.adam.weight_decay)
            .with("gradient_norm_max", self.adam.gradient_norm_max)
            .with("dropout", self.dropout)
            .with("context_dropout", self.context_dropout)
            .with("recent_share", self.recent_share)
            .with("suffix_share", self.suffix_share)
            .with("label_smoothing", self.label_smoothing)
            .with("balance", self.balance.alpha)
            .with("choose_by", self.choose_by.name())
            .with("patience", self.patience)
    }
}

impl ChooseBy {
    const fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Hit5 => "hit5",
            Self::Last => "last",
        }
    }
}
