//! The flags of `build`, and what they mean to the modules that do the work.

use std::path::PathBuf;

use clap::value_parser;

use crate::build::from_candidates::{CandidateSettings, Origin};
use crate::build::{
    BYTES_PER_MB, CountSettings, ItemSettings, LogSettings, Pointer, ReleaseSettings, build_from_candidates,
    build_from_events,
};
use crate::cli::{not_negative, positive};
use crate::clusters::CatalogueColumns;
use crate::items::ItemColumns;
use crate::read::{Columns, Format, TimeUnit};
use crate::refusals::Policy;
use crate::sequence::Mode;

/// Make a release from a log of events, or from a file of candidates.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    columns: ColumnArgs,
    #[command(flatten)]
    count: CountArgs,
    #[command(flatten)]
    release: ReleaseArgs,
    /// Print the closing summary as JSON for machines
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Input")]
struct InputArgs {
    /// A log of events: CSV or JSON lines, plain or gzip, or Parquet. A file, a directory, a pattern in quotes such as
    /// 'log/*.parquet', or a prefix in a store: s3://, gs://, az://; give it again for more
    #[arg(long, value_name = "SOURCE", required_unless_present = "candidates")]
    events: Vec<String>,
    /// Candidates instead of a log: Parquet or JSON lines of `history` (cluster ids, oldest first) and `candidates` (of
    /// `cluster` and `score`), in any order; the row with an empty history is the popular list. Or the directory that
    /// `infer` filled
    #[arg(long, value_name = "PATH", conflicts_with = "events")]
    candidates: Option<PathBuf>,
    /// The clusters: CSV with a header, or a release's catalogue.jsonl
    #[arg(long, value_name = "FILE")]
    catalogue: PathBuf,
    #[command(flatten)]
    rows: RowArgs,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Input")]
pub(super) struct RowArgs {
    /// The format of the events or candidates, where the name does not say it
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,
    /// Stop at the first row that cannot be used, instead of counting it
    #[arg(long)]
    strict: bool,
    /// How many megabytes of rows and counts are held before they are spilled to temporary files, beside what is made
    #[arg(long, default_value_t = 1024, value_parser = value_parser!(u32).range(1..))]
    memory_mb: u32,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Columns")]
pub(super) struct ColumnArgs {
    /// Whose event it is
    #[arg(long, value_name = "NAME", default_value = "user")]
    user_column: String,
    /// When it happened
    #[arg(long, value_name = "NAME", default_value = "ts")]
    time_column: String,
    /// The unit of times that are bare numbers
    #[arg(long, value_enum, default_value_t)]
    time_unit: TimeUnit,
    /// The id of the cluster that it was about
    #[arg(long, value_name = "NAME", default_value = "cluster")]
    cluster_column: String,
    /// The item that it was about, in place of the cluster
    #[arg(long, value_name = "NAME", requires = "item_map", conflicts_with = "cluster_column")]
    item_column: Option<String>,
    /// Which cluster each item belongs to: CSV
    #[arg(long, value_name = "FILE", requires = "item_column")]
    item_map: Option<PathBuf>,
    /// The item, in the item map
    #[arg(long, value_name = "NAME", default_value = "item")]
    item_map_item_column: String,
    /// The id of its cluster, in the item map
    #[arg(long, value_name = "NAME", default_value = "cluster")]
    item_map_cluster_column: String,
    /// How strong the engagement was: a number, or true or false as 1 or 0
    #[arg(long, value_name = "NAME")]
    weight_column: Option<String>,
    /// Events that weigh less are left out: only positive engagement counts
    #[arg(long, value_name = "WEIGHT", default_value = "1", requires = "weight_column")]
    min_weight: f64,
    /// The cluster's id, in the catalogue
    #[arg(long, value_name = "NAME", default_value = "cluster")]
    catalogue_id_column: String,
    /// The cluster's name, in the catalogue
    #[arg(long, value_name = "NAME", default_value = "name")]
    catalogue_name_column: String,
    /// The cluster's keywords, in the catalogue, separated by ", " [default: the name]
    #[arg(long, value_name = "NAME")]
    catalogue_keywords_column: Option<String>,
    /// The id of the cluster's parent, in the catalogue [default: none]
    #[arg(long, value_name = "NAME")]
    catalogue_parent_column: Option<String>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Counting")]
pub(super) struct CountArgs {
    /// Whether a cluster may come twice in a user's sequence
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    /// A longer pause begins a new sequence [default: one sequence per user]
    #[arg(long, value_name = "DAYS", value_parser = positive)]
    gap_days: Option<f64>,
    /// Only this many days before the last event count [default: all]
    #[arg(long, value_name = "DAYS", value_parser = positive)]
    window_days: Option<f64>,
    /// An event counts half after so many days [default: all alike]
    #[arg(long, value_name = "DAYS", value_parser = positive)]
    half_life_days: Option<f64>,
    /// How many events the shorter history's opinion is worth: for histories of 1, of 2 and of 3, the last one given
    /// standing for all longer ones
    #[arg(long, value_name = "EVENTS", default_value = "50", value_delimiter = ',', value_parser = not_negative)]
    smoothing: Vec<f64>,
    /// Histories that were followed by something less often than this are left out
    #[arg(long, value_name = "EVENTS", default_value_t = 1)]
    min_count: u64,
    /// What fewer different users have done is left out
    #[arg(long, value_name = "USERS", default_value_t = 1)]
    min_users: u32,
    /// At most so many steps of one user and UTC day count, the first ones [default: all]
    #[arg(long, value_name = "STEPS", value_parser = value_parser!(u32).range(1..))]
    max_user_day: Option<u32>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Release")]
struct ReleaseArgs {
    /// The store: the release goes to releases/VERSION in it, the candidates to candidates.parquet
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The longest history
    #[arg(long, value_name = "CLUSTERS", default_value_t = 2, value_parser = value_parser!(u8).range(1..=3))]
    depth: u8,
    /// The most candidates of one history; 15 fill one cache line, so that a lookup reads one
    #[arg(long, value_name = "CANDIDATES", default_value_t = 15, value_parser = value_parser!(u8).range(1..=64))]
    width: u8,
    /// The release's name [default: derived from its content]
    #[arg(long = "version", value_name = "NAME")]
    release_version: Option<String>,
    /// When the release counts as made, in seconds since 1970 [default: the end of the log]
    #[arg(long, value_name = "UNIX_S")]
    created: Option<u64>,
    /// The model that the candidates come from: its directory, which is then checked to be of this catalogue, or its
    /// name [default: the one that `infer` ran]
    #[arg(long, value_name = "DIR|NAME")]
    model: Option<String>,
    /// Whom to cite for the data
    #[arg(long, value_name = "TEXT")]
    citation: Option<String>,
    /// Point the store at the new release
    #[arg(long)]
    activate: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let release = args.release();
    let summary = match &args.input.candidates {
        Some(path) => {
            let (path, format, origin) = (path.clone(), args.input.rows.format, Origin::default());
            build_from_candidates(&CandidateSettings { path, format, origin }, &release)?
        }
        None => {
            let log = args.columns.log(&args.input.events, args.input.rows.format);
            build_from_events(&log, &args.count.settings(), &release)?
        }
    };
    super::print(&if args.json { serde_json::to_string_pretty(&summary)? } else { summary.to_string() })
}

impl Args {
    fn release(&self) -> ReleaseSettings {
        let release = &self.release;
        ReleaseSettings {
            catalogue: self.input.catalogue.clone(),
            catalogue_columns: self.columns.catalogue(),
            out: release.out.clone(),
            depth: release.depth,
            width: release.width,
            version: release.release_version.clone(),
            created_unix_s: release.created,
            model: release.model.clone(),
            citation: release.citation.clone(),
            policy: self.input.rows.policy(),
            pointer: if release.activate { Pointer::Move } else { Pointer::Keep },
            memory_bytes: self.input.rows.memory_bytes(),
        }
    }
}

impl RowArgs {
    /// What is done with rows that cannot be used.
    pub(super) fn policy(&self) -> Policy {
        if self.strict { Policy::Strict } else { Policy::Count }
    }

    /// Bytes of rows held in memory.
    pub(super) fn memory_bytes(&self) -> usize {
        self.memory_mb as usize * BYTES_PER_MB
    }
}

impl CountArgs {
    /// How the log is counted.
    pub(super) fn settings(&self) -> CountSettings {
        CountSettings {
            mode: self.mode,
            gap_days: self.gap_days,
            window_days: self.window_days,
            half_life_days: self.half_life_days,
            smoothing: self.smoothing.clone(),
            seen_min: self.min_count,
            users_min: self.min_users,
            user_day_max: self.max_user_day,
        }
    }
}

impl ColumnArgs {
    /// A log of these files.
    pub(super) fn log(&self, events: &[String], format: Option<Format>) -> LogSettings {
        LogSettings {
            events: events.to_vec(),
            format,
            columns: self.events(),
            time_unit: self.time_unit,
            weight_min: self.weight_column.as_ref().map(|_| self.min_weight),
            items: self.items(),
        }
    }

    fn events(&self) -> Columns {
        Columns {
            user: self.user_column.clone(),
            time: self.time_column.clone(),
            target: self.item_column.as_ref().unwrap_or(&self.cluster_column).clone(),
            weight: self.weight_column.clone(),
        }
    }

    fn items(&self) -> Option<ItemSettings> {
        let columns =
            ItemColumns { item: self.item_map_item_column.clone(), cluster: self.item_map_cluster_column.clone() };
        self.item_map.clone().map(|path| ItemSettings { path, columns })
    }

    /// What the catalogue's columns mean.
    pub(super) fn catalogue(&self) -> CatalogueColumns {
        CatalogueColumns {
            id: self.catalogue_id_column.clone(),
            name: self.catalogue_name_column.clone(),
            keywords: self.catalogue_keywords_column.clone(),
            parent: self.catalogue_parent_column.clone(),
        }
    }
}
