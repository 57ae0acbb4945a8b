//! The flags of `refresh`, and what they mean to the module that does the work.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::refresh::{Intent, Order, config, refresh};

/// Count what is new, make a release of it, judge it and publish it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to refresh from, and where to: deploy/refresh.toml shows every key
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Directories of counts that Spark or `count` made, in place of the events; give it again for more
    #[arg(long, value_name = "DIR")]
    counts: Vec<PathBuf>,
    /// Only tell what would be done; changes nothing
    #[arg(long, conflicts_with = "force")]
    dry_run: bool,
    /// Make and publish the release even if the last run published it; what an interrupted run did is done again
    #[arg(long)]
    force: bool,
    /// Print the report as JSON for machines
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let settings = config::read(&args.config)?;
    let report = refresh(&settings, &Order { counts: args.counts.clone(), intent: args.intent() })?;
    super::print(&if args.json { serde_json::to_string_pretty(&report)? } else { report.to_string() })?;
    Ok(report.outcome.into())
}

impl Args {
    fn intent(&self) -> Intent {
        match (self.dry_run, self.force) {
            (true, _) => Intent::Tell,
            (_, true) => Intent::Force,
            _ => Intent::Run,
        }
    }
}
