//! The bytes of kept counts: the tables of a directory, their columns, and what `_counts.json` says of them.
//!
//! It must never know how counts came about: the embedded counter and a cluster write the same.
//!
//! ```text
//! counts/*.parquet    h1 INT32?, h2 INT32?, h3 INT32?, next INT32, day INT32, seen INT64
//! support/*.parquet   h1 INT32?, h2 INT32?, h3 INT32?, next INT32, day INT32?, users INT64, witnesses LIST<INT64>?
//! tails/*.parquet     h1 INT32?, h2 INT32?, h3 INT32?, users INT64
//! requests/*.parquet  user INT64, ts INT64, history LIST<INT32>, next INT32              (where they were asked for)
//! _counts.json        written last: a directory with it is complete
//! ```
//!
//! Clusters are ids of the catalogue. `h1` is the most recent of a history, and null where it is shorter: a row whose `h1` is null counts
//! every step (popularity). `day` is the UTC day of the step `next`, in days since 1970.
//!
//! `counts`: one row for each (history, next, day); `seen` is the number of steps. Histories have 0 to `depth` clusters of the step's own
//! sequence. Sequences of fewer than two steps are left out. Of one user and day at most `user_day_max` steps count, the first by time,
//! then by what decides [ties](Ties); those beyond are history, never `next`.
//!
//! `support`: how many different users stand behind a row of `counts`, and which, as hashes, ascending; `witnesses` is null where there
//! are `witness_max` users or more. Directories whose users were hashed alike merge exactly, for any span of days. A writer without hashes
//! may leave `witnesses` null, and `day` too: then `users` is of the whole directory, and exact as long as all of it is merged, alone.
//!
//! `tails`: where users are, at the end of their last sequence: its last `depth` clusters, and how many users are there. A directory that
//! continues another takes back where its users were with negative `users`, so that tails add up.
//!
//! `requests`: each counted step that has a history, with the last [`REQUEST_HISTORY_MAX`] clusters before it, oldest first; `ts` in
//! microseconds since 1970.

use std::path::Path;

use anyhow::{Context, ensure};
use segue::snapshot::manifest::Version;
use serde::{Deserialize, Serialize};

use crate::scan::Ties;

/// The only format that this build reads and writes.
pub const COUNTS_FORMAT: &str = "segue-counts 1";

/// Written last: a directory with it holds every row.
pub const MANIFEST: &str = "_counts.json";

/// The directory of each table.
pub const COUNTS: &str = "counts";
/// See [`COUNTS`].
pub const SUPPORT: &str = "support";
/// See [`COUNTS`].
pub const TAILS: &str = "tails";
/// See [`COUNTS`].
pub const REQUESTS: &str = "requests";

/// Clusters of a history that a request keeps: more than any model reads.
pub const REQUEST_HISTORY_MAX: usize = 16;

/// What `_counts.json` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CountsManifest {
    /// Always [`COUNTS_FORMAT`].
    pub format: String,
    /// The name of the [`Mode`](crate::sequence::Mode).
    pub mode: String,
    /// A longer pause than this ends a sequence; null never does.
    pub gap_days: Option<f64>,
    /// The name of the [`Ties`]; where it is missing, they were by cluster.
    #[serde(default = "by_cluster")]
    pub ties: String,
    /// The longest history.
    pub depth: u8,
    /// Steps of one user and day that count.
    pub user_day_max: u32,
    /// Users of one row from which on `witnesses` is null; 0 where there are none.
    #[serde(default)]
    pub witness_max: u32,
    /// The catalogue's name, as releases of it say: it changes exactly when the catalogue's bytes do.
    pub catalogue: Version,
    /// The first event's time in microseconds since 1970; null where there is none.
    pub from_us: Option<i64>,
    /// The last event's.
    pub to_us: Option<i64>,
    /// The earliest step's time: before the first event's where a user's first item, met in the directory before, counts only once a
    /// second one follows. Where it is missing, no step is earlier than the first event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps_from_us: Option<i64>,
    /// Users with an event.
    pub users: u64,
    /// Sequences of two steps or more that began here or became so long here.
    pub sequences: u64,
}

impl CountsManifest {
    /// What directories that go together have in common.
    pub fn rules(&self) -> (&str, Option<f64>, &str, u32) {
        (&self.mode, self.gap_days, &self.ties, self.user_day_max)
    }

    /// Reads the manifest of a directory.
    ///
    /// # Errors
    /// When it is missing, or is none of this format.
    pub fn read(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join(MANIFEST);
        let bytes = std::fs::read(&path)
            .with_context(|| format!("cannot read {}; give a directory that `count` finished", path.display()))?;
        let manifest: Self =
            serde_json::from_slice(&bytes).with_context(|| format!("{} is none of kept counts", path.display()))?;
        ensure!(
            manifest.format == COUNTS_FORMAT,
            "{} has the format {:?}, expected {COUNTS_FORMAT:?}; count again with this version",
            path.display(),
            manifest.format
        );
        Ok(manifest)
    }
}

fn by_cluster() -> String {
    Ties::ByCluster.name().to_owned()
}
