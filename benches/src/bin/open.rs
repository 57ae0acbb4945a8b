//! How long does a release take from its path to ready, and at what rate is a large table verified and written?
//!
//! Data: 579,121 made-up histories (every pair of 761 clusters), or as many as `--histories` says, ten candidates each. Command: `open` and
//! `open --histories 50000000`. Baseline of verifying: crc32fast over the same mapping, in the same rounds. Page cache warm.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use segue::snapshot::map::Mapping;
use segue::snapshot::release::Release;
use segue::snapshot::table::Table;
use segue_bench::figures::{median, range, table};
use segue_bench::release;
use segue_bench::rows::Rows;

/// Times opening, verifying, warming and checking a release.
#[derive(Parser)]
struct Cli {
    /// Histories of two clusters.
    #[arg(long, default_value_t = release::HISTORIES)]
    histories: u64,
    /// Rounds.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Store for the release; one left there is used again.
    #[arg(long, default_value = "/tmp/segue-bench-open")]
    dir: PathBuf,
}

/// One measured step: name, bytes it goes over, milliseconds of each round.
struct Step {
    name: &'static str,
    milliseconds: Vec<f64>,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let rows = Rows::new(cli.histories, 1.0);
    let version = format!("v{}", rows.possible());
    let written = release::write(&cli.dir, rows, &version)?;
    let path = cli.dir.join("releases").join(&version);
    let bytes = std::fs::metadata(path.join("table.segue"))?.len();
    println!("{} histories, {:.1} MB of table", rows.possible(), bytes as f64 / 1e6);
    if written.as_millis() > 10 {
        println!(
            "written in {:.2} s: {:.0} rows/s",
            written.as_secs_f64(),
            rows.possible() as f64 / written.as_secs_f64()
        );
    }
    let mut steps = ["open", "verify", "warm", "check", "all four", "table checksums", "crc32fast alone"]
        .map(|name| Step { name, milliseconds: Vec::new() });
    for _ in 0..cli.rounds {
        for (step, milliseconds) in steps.iter_mut().zip(round(&path)?) {
            step.milliseconds.push(milliseconds);
        }
    }
    print(&steps, bytes);
    Ok(())
}

/// The release's own steps, then the table's checksums beside the bare checksum.
fn round(path: &Path) -> Result<[f64; 7]> {
    let (open_ms, release) = timed(|| Release::open(path));
    let release = release?;
    let (verify_ms, verified) = timed(|| release.verify());
    let (warm_ms, warmed) = timed(|| release.warm());
    let (check_ms, checked) = timed(|| release.check());
    verified?;
    warmed?;
    checked?;
    let mapping = Mapping::open(&path.join("table.segue")).context("mapping the table")?;
    segue_bench::structures::touch_pages(mapping.as_ref());
    let (crc_ms, sum) = timed(|| crc32fast::hash(mapping.as_ref()));
    std::hint::black_box(sum);
    let table = Table::open(mapping)?;
    let (sums_ms, sums) = timed(|| table.verify());
    sums?;
    Ok([open_ms, verify_ms, warm_ms, check_ms, open_ms + verify_ms + warm_ms + check_ms, sums_ms, crc_ms])
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let started = Instant::now();
    let done = work();
    (started.elapsed().as_secs_f64() * 1e3, done)
}

fn print(steps: &[Step], bytes: u64) {
    let mut table = table(&["step", "median ms", "range ms", "GB/s"]);
    for step in steps {
        let ms = median(&step.milliseconds);
        let rate = format!("{:.2}", bytes as f64 / ms / 1e6);
        table.add_row([step.name.to_owned(), format!("{ms:.2}"), range(&step.milliseconds), rate]);
    }
    println!("{table}");
    let ratios: Vec<_> =
        steps[5].milliseconds.iter().zip(&steps[6].milliseconds).map(|(sums, crc)| crc / sums).collect();
    println!("the table's checksums run at {:.2}x the rate of the bare checksum (median of rounds)", median(&ratios));
}
