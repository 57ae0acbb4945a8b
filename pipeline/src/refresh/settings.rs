//! What a refresh is told, checked: everything that `refresh.toml` can say, in the types of those who do the work.

use std::path::PathBuf;

use segue::model::engine::Precision;
use segue::snapshot::manifest::Version;

use crate::build::LogSettings;
use crate::clusters::CatalogueColumns;
use crate::gate::Gates;
use crate::privacy::Privacy;
use crate::refusals::Policy;
use crate::scan::Ties;
use crate::sequence::Mode;

/// One refresh, whenever it is run.
#[derive(Clone, Debug)]
pub struct RefreshSettings {
    /// Where everything lies that is kept between runs: counts, what a run was at, reports.
    pub state: PathBuf,
    /// Runs whose reports are kept; of older ones nothing is.
    pub runs_kept: usize,
    /// What is read.
    pub input: InputSettings,
    /// How the log is counted; other settings than those of the kept counts make them anew.
    pub count: CountingSettings,
    /// How kept counts become probabilities.
    pub weigh: WeighSettings,
    /// What the release gives away of any one user.
    pub privacy: PrivacySettings,
    /// The model; `None` makes releases of counts alone.
    pub model: Option<ModelSettings>,
    /// How the answer is measured.
    pub quality: QualitySettings,
    /// What keeps a release from being published.
    pub gates: Gates,
    /// The release.
    pub release: OutputSettings,
    /// Where it goes.
    pub publish: PublishSettings,
}

/// What is read.
#[derive(Clone, Debug)]
pub struct InputSettings {
    /// The log, and how to read it. Without sources, `--counts` gives the counts.
    pub log: LogSettings,
    /// The clusters.
    pub catalogue: PathBuf,
    /// What its columns mean.
    pub catalogue_columns: CatalogueColumns,
    /// What to do with rows that cannot be used.
    pub policy: Policy,
    /// Bytes of rows held in memory before they are spilled.
    pub memory_bytes: usize,
    /// Threads of every stage.
    pub threads: usize,
}

/// How a log becomes kept counts.
#[derive(Clone, Debug, PartialEq)]
pub struct CountingSettings {
    /// Whether a cluster may come twice in a sequence.
    pub mode: Mode,
    /// A longer pause, in days, begins a new sequence.
    pub gap_days: Option<f64>,
    /// What decides between events of one user and one time.
    pub ties: Ties,
    /// The longest history.
    pub depth: u8,
    /// The most steps of one user and UTC day that count.
    pub user_day_max: u32,
    /// The share of users whose steps are kept as questions to measure with.
    pub request_users_share: f64,
}

/// How kept counts are added up and smoothed.
#[derive(Clone, Debug, PartialEq)]
pub struct WeighSettings {
    /// Only this many last days of the log count.
    pub window_days: Option<u32>,
    /// An event counts half after so many days.
    pub half_life_days: Option<f64>,
    /// How many events the shorter history's opinion is worth, by length from 1.
    pub smoothing: Vec<f64>,
    /// Histories that were followed by something less often than this are left out.
    pub seen_min: u64,
}

/// What a release may give away.
#[derive(Clone, Debug, PartialEq)]
pub struct PrivacySettings {
    /// The fewest users behind a history and its next cluster.
    pub users_min: u32,
    /// The noise, if any.
    pub noise: Option<Privacy>,
}

/// The model and how it is run.
#[derive(Clone, Debug)]
pub struct ModelSettings {
    /// A model's directory, or one of several models, of which the newest of the catalogue is taken.
    pub dir: PathBuf,
    /// The arithmetic of the weights.
    pub precision: Precision,
    /// Histories that a thread computes at once.
    pub batch: usize,
    /// Histories in a part.
    pub part_rows: u32,
    /// The share of the model in the blend with the counts; `None` chooses it on held-out requests.
    pub weight: Option<f64>,
}

/// How an answer is measured before it is published.
#[derive(Clone, Debug, PartialEq)]
pub struct QualitySettings {
    /// The last days of the log, which the measured answer has not seen; 0 measures nothing.
    pub holdout_days: u32,
}

/// What the release is like.
#[derive(Clone, Debug)]
pub struct OutputSettings {
    /// The most candidates of one history.
    pub width: u8,
    /// Its name; `None` derives it from the content.
    pub version: Option<Version>,
    /// When it counts as made, in seconds since 1970; `None` takes the end of the data.
    pub created_unix_s: Option<u64>,
    /// Whom to cite for the data.
    pub citation: Option<String>,
}

/// Where the release goes.
#[derive(Clone, Debug)]
pub struct PublishSettings {
    /// A directory, or the URL of an object store.
    pub to: String,
    /// The pointer that is moved: `channels/NAME.json`.
    pub channel: Version,
    /// Whether a directory's `state.json` is moved too, which a running service follows.
    pub activate: bool,
}
