//! The flags of `drift`, and what they mean to the modules that do the work.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::value_parser;

use crate::cli::build::{ColumnArgs, CountArgs, RowArgs};
use crate::drift::live::{Live, LiveSettings, live};
use crate::drift::{DriftSettings, MonthsSettings, Period, drift};
use crate::examples::Counting;

/// The exit code of a drift above the bound of `--fail-above`.
pub(super) const ABOVE: u8 = 6;

/// Shown under `segue-pipeline drift --help`.
const NOTES: &str = "\
Drift is the mean overlap that the top successors of a history would have from one period to the next if users' periods were swapped, less the
overlap that they have. With --fail-above X the exit code is 6 when the lower end of the drift's 95 % interval is above X and chance gives so
low an overlap in at most 5 of 100 swaps; `--fail-above 0` says that there is drift at all. So a scheduler refreshes or trains when there is a
reason to:  segue-pipeline drift ... --recent 1 --fail-above 0 || [ $? -ne 6 ] || start-the-training

With --live, drift is the total variation distance between the shares of answers by source and those that the release expected, less the
distance that as many answers give by chance in 95 of 100 cases.";

/// Tell whether what follows what is changing, and how often to refresh
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
    compare: CompareArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Input")]
struct InputArgs {
    /// A log of events: CSV or JSON lines, plain or gzip, or Parquet; give it again for more files
    #[arg(long, value_name = "FILE", required_unless_present = "live")]
    events: Vec<String>,
    /// The clusters: CSV with a header, a release's catalogue.jsonl, or a release's directory; with --live, for their names
    #[arg(long, value_name = "FILE|DIR", required_unless_present = "live")]
    catalogue: Option<PathBuf>,
    /// A running service instead of a log: its operator's door, such as http://127.0.0.1:9090
    #[arg(long, value_name = "URL", conflicts_with = "events")]
    live: Option<String>,
    #[command(flatten)]
    rows: RowArgs,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Comparison")]
struct CompareArgs {
    /// What is compared with the next
    #[arg(long, value_enum, default_value_t)]
    period: Period,
    /// Clusters of a history
    #[arg(long, value_name = "CLUSTERS", default_value_t = 2, value_parser = value_parser!(u8).range(1..=3))]
    depth: u8,
    /// How many of a history's successors are compared
    #[arg(long, value_name = "CLUSTERS", default_value_t = 5, value_parser = value_parser!(u8).range(1..))]
    top: u8,
    /// Periods in which fewer histories were followed by anything are left out
    #[arg(long, value_name = "TRIPLES", default_value_t = 300)]
    min_triples: usize,
    /// How often each null is drawn
    #[arg(long, default_value_t = 200, value_parser = value_parser!(u32).range(20..=10_000))]
    shuffles: u32,
    /// How often users are drawn again for the intervals of hit rates
    #[arg(long, default_value_t = 1000, value_parser = value_parser!(u32).range(100..=100_000))]
    draws: u32,
    /// The same seed gives the same figures
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Days between two refreshes now: what a recommendation is compared with
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = value_parser!(u16).range(1..))]
    refresh_days: u16,
    /// Only the last so many comparisons decide about --fail-above [default: all]
    #[arg(long, value_name = "PERIODS", value_parser = value_parser!(u16).range(1..))]
    recent: Option<u16>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
struct OutputArgs {
    /// Write a report as one HTML file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Exit with code 6 when the drift is surely above this
    #[arg(long, value_name = "DRIFT", allow_negative_numbers = true)]
    fail_above: Option<f64>,
    /// Print JSON for machines
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.input.live {
        Some(url) => args.run_live(url),
        None => args.run_log(),
    }
}

impl Args {
    fn run_log(&self) -> anyhow::Result<ExitCode> {
        let (found, catalogue) = drift(&self.settings())?;
        if let Some(path) = &self.output.report {
            crate::drift::report::write(&found, &catalogue, path)?;
        }
        self.print(&found, &found)?;
        self.judged(|bound| Ok(found.is_above(bound)))
    }

    fn run_live(&self, url: &str) -> anyhow::Result<ExitCode> {
        let settings = LiveSettings {
            url: url.to_owned(),
            catalogue: self.input.catalogue.clone(),
            catalogue_columns: self.columns.catalogue(),
            draws: self.compare.draws as usize,
            seed: self.compare.seed,
        };
        let found: Live = live(&settings)?;
        if let Some(path) = &self.output.report {
            crate::drift::live::report::write(&found, path)?;
        }
        self.print(&found, &found)?;
        self.judged(|bound| found.is_above(bound))
    }

    fn print(&self, json: &impl serde::Serialize, text: &impl std::fmt::Display) -> anyhow::Result<()> {
        super::print(&if self.output.json { serde_json::to_string_pretty(json)? } else { text.to_string() })
    }

    fn judged(&self, is_above: impl Fn(f64) -> anyhow::Result<bool>) -> anyhow::Result<ExitCode> {
        let fails = self.output.fail_above.map(is_above).transpose()?.unwrap_or(false);
        Ok(if fails { ExitCode::from(ABOVE) } else { ExitCode::SUCCESS })
    }

    fn settings(&self) -> DriftSettings {
        let (input, compare) = (&self.input, &self.compare);
        DriftSettings {
            log: self.columns.log(&input.events, input.rows.format),
            // Given whenever --live is not.
            catalogue: input.catalogue.clone().unwrap_or_default(),
            catalogue_columns: self.columns.catalogue(),
            policy: input.rows.policy(),
            memory_bytes: input.rows.memory_bytes(),
            counting: Counting { count: self.count.settings(), depth: compare.depth, width: 15 },
            refresh_days: i32::from(compare.refresh_days),
            months: compare.months(),
            draws: compare.draws as usize,
        }
    }
}

impl CompareArgs {
    fn months(&self) -> MonthsSettings {
        MonthsSettings {
            period: self.period,
            depth: usize::from(self.depth),
            top: usize::from(self.top),
            triples_min: self.min_triples,
            shuffles: self.shuffles as usize,
            seed: self.seed,
            recent: self.recent.map(usize::from),
        }
    }
}
