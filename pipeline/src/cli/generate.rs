//! The flags of `generate`.

use std::path::PathBuf;

use crate::generate::write::LogFormat;
use crate::generate::{GenerateSettings, generate};

/// Make a seeded log of any size, to try things on.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many events, exactly
    #[arg(long, default_value_t = 1_000_000)]
    events_count: u64,
    /// How many users share them; the busy have many times the events of the others
    #[arg(long, default_value_t = 10_000)]
    users: u64,
    /// How many clusters the catalogue has; their popularity follows Zipf's law
    #[arg(long, default_value_t = 200)]
    clusters: u32,
    /// How many months the log spans; interests drift from one to the next
    #[arg(long, default_value_t = 12)]
    months: u32,
    /// What everything is drawn from: the same seed gives the same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The format of the events file
    #[arg(long, value_enum, default_value_t)]
    format: LogFormat,
    /// The directory for the events file and clusters.csv
    #[arg(long)]
    out: PathBuf,
    /// Print JSON for machines
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let settings = GenerateSettings {
        events: args.events_count,
        users: args.users,
        clusters: args.clusters,
        months: args.months,
        seed: args.seed,
    };
    let made = generate(&settings, args.format, &args.out)?;
    if args.json {
        return super::print(&serde_json::to_string_pretty(&made)?);
    }
    let (events, catalogue) = (made.events_file.display(), made.catalogue_file.display());
    super::print(&format!("{} events in {events} ({} bytes), their clusters in {catalogue}", made.events, made.bytes))
}
