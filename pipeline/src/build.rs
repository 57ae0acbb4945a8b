//! The `build` command: from a log, or from anyone's candidates, to a release.
//!
//! It only puts the parts in their order; each part is a module of its own.

use std::path::PathBuf;

use crate::clusters::CatalogueColumns;
use crate::read::{Columns, Format, TimeUnit};
use crate::refusals::Policy;
use crate::sequence::Mode;

pub mod from_candidates;
pub mod from_events;
pub mod log;
mod expected;
mod given;
pub(crate) mod items;
mod model;
mod output;

pub use from_candidates::build_from_candidates;
pub use from_events::build_from_events;

/// Bytes in the unit of `--memory-mb`.
pub const BYTES_PER_MB: usize = 1_000_000;

/// What every build needs, whatever it is made from.
#[derive(Clone, Debug)]
pub struct ReleaseSettings {
    /// The catalogue's file.
    pub catalogue: PathBuf,
    /// What its columns mean.
    pub catalogue_columns: CatalogueColumns,
    /// The store that the release goes to.
    pub out: PathBuf,
    /// The longest history.
    pub depth: u8,
    /// The most candidates of one history.
    pub width: u8,
    /// The release's name; `None` derives it from the content.
    pub version: Option<String>,
    /// When the release counts as made, in seconds since 1970; `None` takes the end of the data.
    pub created_unix_s: Option<u64>,
    /// The model that the candidates come from: its name, or its directory.
    pub model: Option<String>,
    /// Whom to cite for the data.
    pub citation: Option<String>,
    /// What to do with rows that cannot be used.
    pub policy: Policy,
    /// Whether the store's pointer is moved.
    pub pointer: Pointer,
    /// Bytes of rows held in memory before they are spilled.
    pub memory_bytes: usize,
}

/// What happens to the pointer of the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pointer {
    /// It stays.
    #[default]
    Keep,
    /// It moves to the new release.
    Move,
}

/// A log and how to read it.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// The events' sources, read in this order: files, directories, patterns, `s3://`, `gs://` and `az://` prefixes.
    pub events: Vec<String>,
    /// Their format; `None` tells it by each name.
    pub format: Option<Format>,
    /// What their columns mean.
    pub columns: Columns,
    /// The unit of their times.
    pub time_unit: TimeUnit,
    /// Events weighing less are left out; `None` without a weight column.
    pub weight_min: Option<f64>,
    /// The map from items to clusters, when the target column holds items.
    pub items: Option<ItemSettings>,
}

/// An item map and how to read it.
#[derive(Clone, Debug)]
pub struct ItemSettings {
    /// The file.
    pub path: PathBuf,
    /// What its columns mean.
    pub columns: crate::items::ItemColumns,
}

/// How a log is counted.
#[derive(Clone, Debug)]
pub struct CountSettings {
    /// Whether a cluster may come twice in a sequence.
    pub mode: Mode,
    /// A longer pause, in days, begins a new sequence.
    pub gap_days: Option<f64>,
    /// Only events of this many last days count.
    pub window_days: Option<f64>,
    /// After so many days an event counts half.
    pub half_life_days: Option<f64>,
    /// How many events the shorter history's opinion is worth, by length from 1; the last stands for all longer ones.
    pub smoothing: Vec<f64>,
    /// Histories that were followed by something less often than this are left out.
    pub seen_min: u64,
    /// What fewer different users have done is left out: k-anonymity. 1 leaves out nothing.
    pub users_min: u32,
    /// At most so many steps of one user and UTC day count, the first ones; `None` counts all.
    pub user_day_max: Option<u32>,
}
