//! The flags of `replay`, and what they mean to the modules that do the work.

use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use clap::value_parser;

use crate::build::BYTES_PER_MB;
use crate::cli::build::ColumnArgs;
use crate::cli::positive;
use crate::decay::US_PER_DAY;
use crate::event::US_PER_S;
use crate::examples::HISTORY_MAX;
use crate::read::Format;
use crate::replay::{ReplaySettings, replay};
use crate::sequence::{Mode, Rules};

/// Ask a running service what a log's users went on to, and report how often it was right
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A log of events; give it again for more files. What came before --from is needed too: it is the histories
    #[arg(long, value_name = "FILE", required = true)]
    events: Vec<String>,
    /// The clusters: CSV with a header, or a release's catalogue.jsonl
    #[arg(long, value_name = "FILE")]
    catalogue: PathBuf,
    /// The format of the events, where the name does not say it
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    columns: ColumnArgs,
    /// The service's HTTP door
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    to: String,
    /// Ask from this day (UTC, such as 2026-11-01) or second since 1970 on [default: the log's begin]
    #[arg(long, value_name = "TIME", value_parser = time_us)]
    from: Option<i64>,
    /// Ask until before this day or second [default: the log's end]
    #[arg(long, value_name = "TIME", value_parser = time_us)]
    until: Option<i64>,
    /// Whether a cluster may come twice in a user's sequence: as the release was counted
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    /// A longer pause begins a new sequence [default: one sequence per user]
    #[arg(long, value_name = "DAYS", value_parser = positive)]
    gap_days: Option<f64>,
    /// The most clusters of a history that are shown
    #[arg(long, value_name = "CLUSTERS", default_value_t = HISTORY_MAX, value_parser = value_parser!(u8).range(1..))]
    history_max: u8,
    /// Candidates asked for
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u8).range(1..=64))]
    limit: u8,
    /// Questions sent together; more than the model's queue holds are answered without it
    #[arg(long, value_name = "QUESTIONS", default_value_t = 16, value_parser = value_parser!(u16).range(1..=256))]
    batch: u16,
    /// How many megabytes of rows are held before they are spilled to temporary files
    #[arg(long, default_value_t = 1024, value_parser = value_parser!(u32).range(1..))]
    memory_mb: u32,
    /// The same seed gives the same intervals
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print the closing summary as JSON for machines
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let report = replay(&args.settings())?;
    super::print(&if args.json { serde_json::to_string_pretty(&report)? } else { report.to_string() })
}

impl Args {
    fn settings(&self) -> ReplaySettings {
        let gap_us = self.gap_days.map(|days| (days * US_PER_DAY) as i64);
        ReplaySettings {
            log: self.columns.log(&self.events, self.format),
            catalogue: self.catalogue.clone(),
            catalogue_columns: self.columns.catalogue(),
            rules: Rules { mode: self.mode, gap_us, since_us: None },
            span_us: (self.from.unwrap_or(i64::MIN), self.until.unwrap_or(i64::MAX)),
            history_max: self.history_max,
            to: self.to.clone(),
            limit: self.limit,
            batch: usize::from(self.batch),
            memory_bytes: self.memory_mb as usize * BYTES_PER_MB,
            seed: self.seed,
        }
    }
}

/// A day or a second since 1970, in microseconds.
fn time_us(text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(seconds.saturating_mul(US_PER_S));
    }
    let midnight = if text.len() == "2026-11-01".len() { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let since = humantime::parse_rfc3339(&midnight).ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let us = since.and_then(|since| i64::try_from(since.as_micros()).ok());
    us.ok_or_else(|| {
        "expected a day such as 2026-11-01, a time such as 2026-11-01T12:00:00Z, or seconds since 1970".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::time_us;

    #[test]
    fn days_times_and_seconds_are_times() {
        for (text, expected) in [("1970-01-02", 86_400), ("1970-01-01T00:01:00Z", 60), ("12", 12), ("-1", -1)] {
            assert_eq!(time_us(text), Ok(expected * 1_000_000), "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "2026-1-1"] {
            assert!(time_us(text).unwrap_err().contains("expected a day"), "{text}");
        }
    }
}
