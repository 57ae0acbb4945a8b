//! The flags of `count`, and what they mean to the module that does the work.

use std::path::PathBuf;

use clap::value_parser;

use crate::cli::build::{ColumnArgs, RowArgs};
use crate::cli::{positive, share};
use crate::clusters::read_catalogue;
use crate::kept::{Counting, KeptReport, KeptSettings, WITNESS_MAX, count, count_once, pending};
use crate::progress::Progress;
use crate::scan::Ties;
use crate::sequence::Mode;
use crate::source::{Partition, list};

/// Shown under `segue-pipeline count --help`.
const NOTES: &str = "\
--state keeps where each user's sequence stands, so that the next run reads only new partitions; a partition is known by its name, and one
that changed after it was counted is refused. Events that come before their user's last one are late: left out, and counted in the report.
What is kept says who did what only by hashes of users; it is for the operator, not for publishing.";

/// Count a log, once or partition by partition.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(super) struct Args {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    columns: ColumnArgs,
    #[command(flatten)]
    keep: KeepArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Input")]
struct InputArgs {
    /// A log of events: files, directories, patterns, s3://, gs:// or az:// prefixes; give it again for more
    #[arg(long, value_name = "SOURCE", required = true)]
    events: Vec<String>,
    /// The clusters: CSV with a header, or a release's catalogue.jsonl
    #[arg(long, value_name = "FILE")]
    catalogue: PathBuf,
    #[command(flatten)]
    rows: RowArgs,
    /// Threads [default: one a core]
    #[arg(long, value_parser = value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Counting")]
struct KeepArgs {
    /// Whether a cluster may come twice in a user's sequence
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    /// A longer pause begins a new sequence [default: one sequence per user]
    #[arg(long, value_name = "DAYS", value_parser = positive)]
    gap_days: Option<f64>,
    /// What decides between events of one user and one time
    #[arg(long, value_enum, default_value_t)]
    ties: Ties,
    /// The longest history
    #[arg(long, value_name = "CLUSTERS", default_value_t = 2, value_parser = value_parser!(u8).range(1..=3))]
    depth: u8,
    /// At most so many steps of one user and UTC day count, the first ones [default: all]
    #[arg(long, value_name = "STEPS", value_parser = value_parser!(u32).range(1..))]
    max_user_day: Option<u32>,
    /// The largest minimum of different users that merging can ask for exactly
    #[arg(long, value_name = "USERS", default_value_t = WITNESS_MAX, value_parser = value_parser!(u32).range(2..))]
    witnesses: u32,
    /// The share of users whose steps are kept as requests to be predicted
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share)]
    request_users: f64,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
struct OutputArgs {
    /// A new directory: everything is counted at once
    #[arg(long, value_name = "DIR", required_unless_present = "state")]
    out: Option<PathBuf>,
    /// A directory that is kept: what was counted there before is not read again
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    state: Option<PathBuf>,
    /// Print the closing summary as JSON for machines
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let report = args.count()?;
    super::print(&if args.output.json { serde_json::to_string_pretty(&report)? } else { report.to_string() })
}

impl Args {
    fn count(&self) -> anyhow::Result<KeptReport> {
        let input = &self.input;
        let log = self.columns.log(&input.events, input.rows.format);
        let catalogue = read_catalogue(&input.catalogue, &self.columns.catalogue())?;
        let partitions = list(&log)?;
        let counting = |progress| Counting {
            log: &log,
            catalogue: &catalogue,
            policy: input.rows.policy(),
            memory_bytes: input.rows.memory_bytes(),
            threads: input.threads.map_or(0, usize::from),
            progress,
        };
        let settings = self.keep.settings();
        match (&self.output.state, &self.output.out) {
            (Some(state), _) => {
                let progress = progress(&pending(&partitions, state)?);
                count(&partitions, state, &settings, &counting(&progress))
            }
            (None, out) => {
                let out = out.as_deref().ok_or_else(|| anyhow::anyhow!("expected --out or --state"))?;
                count_once(&partitions, out, &settings, &counting(&progress(&partitions)))
            }
        }
    }
}

impl KeepArgs {
    fn settings(&self) -> KeptSettings {
        KeptSettings {
            mode: self.mode,
            gap_days: self.gap_days,
            ties: self.ties,
            depth: self.depth,
            user_day_max: self.max_user_day.unwrap_or(u32::MAX),
            witness_max: self.witnesses,
            request_users_share: self.request_users,
        }
    }
}

fn progress(partitions: &[Partition]) -> Progress {
    Progress::reading_bytes(partitions.iter().map(|partition| partition.bytes).sum())
}
