//! The flags of `infer`, and what they mean to the module that does the work.

use std::path::PathBuf;

use clap::{ValueEnum, value_parser};
use segue::model::engine::Precision;

use crate::infer::plan::PART_ROWS;
use crate::infer::shard::Shard;
use crate::infer::{InferSettings, infer};

/// Run a model over every history there can be, on a release of fresh counts.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The model's directory, models/VERSION in a store
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// The directory of a release that was built from fresh counts: what it holds of a history, or of the longest part of
    /// it, is the context that the model reads
    #[arg(long, value_name = "DIR")]
    release: PathBuf,
    /// Where the candidates go, for `build --candidates DIR`; run it again to go on after an interruption
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The longest history [default: the release's]
    #[arg(long, value_name = "CLUSTERS", value_parser = value_parser!(u8).range(1..=3))]
    depth: Option<u8>,
    /// The most candidates of one history
    #[arg(long, value_name = "CANDIDATES", default_value_t = 15, value_parser = value_parser!(u8).range(1..=64))]
    width: u8,
    /// Threads, each on a core of its own [default: one a core]
    #[arg(long, value_name = "THREADS", value_parser = value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Histories that a thread computes at once; it changes the speed and nothing else
    #[arg(long, value_name = "HISTORIES", default_value_t = 16, value_parser = value_parser!(u16).range(1..=4096))]
    batch: u16,
    /// Histories in a part: what an interruption costs each thread at most
    #[arg(long, value_name = "HISTORIES", default_value_t = PART_ROWS, value_parser = value_parser!(u32).range(1..))]
    part_rows: u32,
    /// Compute only this shard, INDEX/OF from 0/OF on, into an --out of its own; the shards' directories in one directory
    /// are one job, and `build --candidates` takes that
    #[arg(long, value_name = "INDEX/OF")]
    shard: Option<Shard>,
    /// The arithmetic of the weights
    #[arg(long, value_enum, default_value_t = PrecisionArg::Full)]
    precision: PrecisionArg,
    /// Print the closing summary as JSON for machines
    #[arg(long)]
    json: bool,
}

/// The words of [`Precision`].
#[derive(Clone, Copy, Debug, ValueEnum)]
enum PrecisionArg {
    /// 32-bit floats, as trained
    Full,
    /// 8-bit integers: faster, and as good
    Quantised,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let threads = match args.threads {
        Some(threads) => usize::from(threads),
        None => std::thread::available_parallelism()?.get(),
    };
    let summary = infer(&InferSettings {
        model: args.model.clone(),
        release: args.release.clone(),
        out: args.out.clone(),
        depth: args.depth,
        width: args.width,
        threads,
        batch: usize::from(args.batch),
        part_rows: args.part_rows,
        shard: args.shard,
        precision: args.precision.into(),
    })?;
    super::print(&if args.json { serde_json::to_string_pretty(&summary)? } else { summary.to_string() })
}

impl From<PrecisionArg> for Precision {
    fn from(word: PrecisionArg) -> Self {
        match word {
            PrecisionArg::Full => Self::Full,
            PrecisionArg::Quantised => Self::Quantised,
        }
    }
}
