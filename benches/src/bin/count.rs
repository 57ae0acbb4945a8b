//! How long does counting a log take, beside only reading its columns, and beside DuckDB?
//!
//! Data: a made-up log in Parquet (`--events`, by default 100 million of 761 clusters and a million users), sorted by user or by time
//! (`--order`). Work: the ten most frequent clusters after every pair of clusters, repeats kept; ours counts different users, single
//! clusters and popularity besides. Baselines: decoding the three columns on all cores and nothing else; one SQL query in DuckDB, without
//! and with different users (`benches/count/duckdb_peer.py`).
//! Command: `count --python PYTHON` with duckdb installed for that Python. Each measurement is a process of its own, so that its peak of
//! memory is its own; rounds are interleaved, figures are medians, and every digest must be the same.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use segue_bench::cpu::{own_cpu_s, peak_resident_bytes};
use segue_bench::figures::{median, table};
use segue_pipeline::build::LogSettings;
use segue_pipeline::clusters::{CatalogueColumns, read_catalogue};
use segue_pipeline::count::{Counters, CountersSettings, Level, counters::Counted};
use segue_pipeline::decay::Decay;
use segue_pipeline::generate::write::{EventsWriter, LogFormat};
use segue_pipeline::generate::{GenerateSettings, LogEvent, generate};
use segue_pipeline::progress::Progress;
use segue_pipeline::read::{Columns, TimeUnit};
use segue_pipeline::refusals::Policy;
use segue_pipeline::scan::{Scan, Ties};
use segue_pipeline::sequence::{Mode, Rules};
use serde::{Deserialize, Serialize};

/// Clusters after a pair that count.
const TOP: usize = 10;
/// Bytes of an event: user, time and cluster.
const EVENT_BYTES: u64 = 20;
/// What a digest multiplies ids by; `duckdb_peer.py` has the same.
const DIGEST_BASE: i128 = 1_000_003;

/// Compares counting.
#[derive(Parser)]
struct Cli {
    /// Where the log is made, and kept for the next time.
    #[arg(long, default_value = "/tmp/segue-bench-count")]
    dir: PathBuf,
    /// How many events it has; several sizes, ascending, give the cost of each doubling.
    #[arg(long, value_delimiter = ',', default_value = "100000000")]
    events: Vec<u64>,
    /// How many clusters.
    #[arg(long, default_value_t = 761)]
    clusters: u32,
    /// A Python with duckdb; without it, our own figures alone.
    #[arg(long)]
    python: Option<PathBuf>,
    /// The peer's script.
    #[arg(long, default_value = "count/duckdb_peer.py")]
    peer: PathBuf,
    /// Interleaved rounds.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How the log is sorted.
    #[arg(long, value_enum, default_value = "user")]
    order: Order,
    /// Which repeats stay in a sequence; with another than raw DuckDB counts something else, and is left out.
    #[arg(long, value_enum, default_value = "raw")]
    mode: Mode,
    /// Measures one thing in this process and prints it: what the program starts itself as.
    #[arg(long, value_enum, hide = true)]
    only: Option<Only>,
    /// Megabytes of events and counts held in memory, for `--only count`.
    #[arg(long, hide = true, default_value_t = 100_000)]
    memory_mb: usize,
}

/// How a log is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Order {
    /// By user, then by time: as one exports it to count it.
    User,
    /// By time: as it is written.
    Time,
}

/// One thing to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Only {
    Read,
    Count,
}

/// What one process measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Figures {
    elapsed_s: f64,
    cpu_s: f64,
    peak_bytes: u64,
    rows: u64,
    digest: String,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    match cli.only {
        Some(only) => println!("{}", serde_json::to_string(&measure(&cli, only)?)?),
        None => cli.events.iter().try_for_each(|events| compare(&cli, *events))?,
    }
    Ok(())
}

/// Runs all in turns and prints their medians.
fn compare(cli: &Cli, events: u64) -> Result<()> {
    let dir = log(cli, events)?;
    let tenth_mb = (events * EVENT_BYTES / 10 / 1_000_000).max(1).to_string();
    let mut cases: Vec<(&str, Vec<String>)> = vec![("reading the columns only", ours(cli, &dir, "read", "100000"))];
    cases.push(("segue-pipeline", ours(cli, &dir, "count", "100000")));
    cases.push(("segue-pipeline, a tenth of the memory", ours(cli, &dir, "count", &tenth_mb)));
    if let Some(python) = cli.python.as_ref().filter(|_| cli.mode == Mode::Raw) {
        let words = [python, &cli.peer, &dir.join("events.parquet")].map(|word| word.display().to_string());
        cases.push(("DuckDB", words.to_vec()));
        cases.push(("DuckDB, different users too", [&words[..], &["users".to_owned()]].concat()));
    }
    let mut figures: Vec<Vec<Figures>> = vec![Vec::new(); cases.len()];
    for _ in 0..cli.rounds {
        for (figures, (_, words)) in figures.iter_mut().zip(&cases) {
            figures.push(run(words)?);
        }
    }
    print(events, &cases, &figures)
}

fn print(events: u64, cases: &[(&str, Vec<String>)], figures: &[Vec<Figures>]) -> Result<()> {
    let mut rows = table(&["", "s", "processor s", "peak, MB", "of reading", "of reading, processor", "result"]);
    let of = |figures: &[Figures], get: fn(&Figures) -> f64| median(&figures.iter().map(get).collect::<Vec<_>>());
    let read = (of(&figures[0], |one| one.elapsed_s), of(&figures[0], |one| one.cpu_s));
    for ((name, _), figures) in cases.iter().zip(figures) {
        let (elapsed_s, cpu_s) = (of(figures, |one| one.elapsed_s), of(figures, |one| one.cpu_s));
        rows.add_row([
            (*name).to_owned(),
            format!("{elapsed_s:.2}"),
            format!("{cpu_s:.1}"),
            format!("{:.0}", of(figures, |one| one.peak_bytes as f64) / 1e6),
            format!("{:.2}", elapsed_s / read.0),
            format!("{:.2}", cpu_s / read.1),
            format!("{} rows, {}", figures[0].rows, figures[0].digest),
        ]);
    }
    println!("{events} events\n{rows}");
    let mut counted = figures[1..].iter().flatten();
    let same = counted.all(|one| one.digest == figures[1][0].digest && one.rows == figures[1][0].rows);
    ensure!(same, "the results differ");
    Ok(())
}

/// The words that start this program for one measurement.
fn ours(cli: &Cli, dir: &Path, only: &str, memory_mb: &str) -> Vec<String> {
    let program = std::env::current_exe().map_or_else(|_| "count".to_owned(), |path| path.display().to_string());
    let mode = cli.mode.name();
    let dir = dir.display().to_string();
    [&program, "--dir", &dir, "--only", only, "--memory-mb", memory_mb, "--mode", mode].map(str::to_owned).to_vec()
}

fn run(words: &[String]) -> Result<Figures> {
    let output =
        Command::new(&words[0]).args(&words[1..]).output().with_context(|| format!("starting {}", words[0]))?;
    ensure!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).with_context(|| format!("what {words:?} printed"))
}

/// Makes the log where it is not there yet.
fn log(cli: &Cli, events: u64) -> Result<PathBuf> {
    let users = (events / 100).max(1);
    let settings = GenerateSettings { events, users, clusters: cli.clusters, months: 12, seed: 1 };
    let dir = cli.dir.join(format!("{events}-{}", cli.clusters));
    if !dir.join("clusters.csv").exists() {
        generate(&settings, LogFormat::Parquet, &dir)?;
    }
    match cli.order {
        Order::User => Ok(dir),
        Order::Time => by_time(&settings, &dir),
    }
}

/// The same log in order of time, beside it.
fn by_time(settings: &GenerateSettings, dir: &Path) -> Result<PathBuf> {
    let sorted = PathBuf::from(format!("{}-by-time", dir.display()));
    if sorted.join("clusters.csv").exists() {
        return Ok(sorted);
    }
    std::fs::create_dir_all(&sorted)?;
    let mut events: Vec<(u32, u32, u32, u32)> = Vec::with_capacity(settings.events as usize);
    settings.each_event(&mut |event| {
        // Seconds of this century fit, and so do the few users and items of a bench.
        events.push((event.ts as u32, event.user as u32, event.item as u32, event.cluster));
        Ok(())
    })?;
    events.sort_unstable();
    let mut writer = EventsWriter::create(&sorted, LogFormat::Parquet)?;
    for (ts, user, item, cluster) in events {
        writer.push(&LogEvent { user: user.into(), ts: ts.into(), item: item.into(), cluster })?;
    }
    writer.finish()?;
    std::fs::copy(dir.join("clusters.csv"), sorted.join("clusters.csv"))?;
    Ok(sorted)
}

fn measure(cli: &Cli, only: Only) -> Result<Figures> {
    let started = Instant::now();
    let (rows, digest) = match only {
        Only::Read => (read(&cli.dir.join("events.parquet"))?, String::new()),
        Only::Count => count(cli)?,
    };
    let elapsed_s = started.elapsed().as_secs_f64();
    let cpu_s = own_cpu_s();
    let peak_bytes = peak_resident_bytes(std::process::id());
    Ok(Figures { elapsed_s, cpu_s, peak_bytes, rows, digest })
}

/// Decodes the columns on all cores.
fn read(path: &Path) -> Result<u64> {
    let file = std::fs::File::open(path)?;
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
    let names = ["user", "ts", "cluster"];
    let mask = ProjectionMask::columns(metadata.parquet_schema(), names);
    let (next, rows) = (AtomicUsize::new(0), AtomicU64::new(0));
    let work = || -> Result<()> {
        loop {
            let group = next.fetch_add(1, Ordering::Relaxed);
            if group >= metadata.metadata().num_row_groups() {
                return Ok(());
            }
            let file = std::fs::File::open(path)?;
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone());
            for batch in
                builder.with_projection(mask.clone()).with_row_groups(vec![group]).with_batch_size(64 * 1024).build()?
            {
                rows.fetch_add(std::hint::black_box(batch?).num_rows() as u64, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores()).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("a reading thread does not panic"))
    })?;
    Ok(rows.into_inner())
}

/// Counts as `build` does, and keeps the ten most frequent clusters after every pair.
fn count(cli: &Cli) -> Result<(u64, String)> {
    let name = |name: &str| name.to_owned();
    let columns = CatalogueColumns { id: name("cluster"), name: name("name"), keywords: None, parent: None };
    let catalogue = read_catalogue(&cli.dir.join("clusters.csv"), &columns)?;
    let log = LogSettings {
        events: vec![cli.dir.join("events.parquet").display().to_string()],
        format: None,
        columns: Columns { user: name("user"), time: name("ts"), target: name("cluster"), weight: None },
        time_unit: TimeUnit::Seconds,
        weight_min: None,
        items: None,
    };
    let memory_bytes = cli.memory_mb * 1_000_000 / 2;
    let scan = Scan {
        log: &log,
        catalogue: &catalogue,
        policy: Policy::Strict,
        ties: Ties::ByCluster,
        memory_bytes,
        spill_dir: &cli.dir,
        threads: 0,
        progress: &Progress::hidden(),
    };
    let started = Instant::now();
    let read = scan.read()?;
    let window_us = read.tally().window_us.context("the log is empty")?;
    let settings = CountersSettings {
        clusters: catalogue.len() as u32,
        depth: 2,
        decay: Decay::new(window_us.1, None),
        rules: Rules { mode: cli.mode, ..Rules::default() },
        user_day_max: None,
        window_us,
        events: read.tally().events,
        memory_bytes,
        spill_dir: &cli.dir,
        threads: scan.threads(),
    };
    say("read", started);
    let counters = Counters::new(settings)?;
    let scanned = read.visit(|| counters.counter())?;
    say("visited", started);
    let counted = counters.add_up(scanned.visitors)?;
    say("added up", started);
    let result = digest(counted, i128::from(settings.clusters))?;
    say("ranked", started);
    eprintln!("{} spills of events, {} of counts", scanned.spills, counters.spills());
    Ok(result)
}

fn say(what: &str, started: Instant) {
    eprintln!("{what} after {:.2} s, {:.1} s of processor", started.elapsed().as_secs_f64(), own_cpu_s());
}

fn digest(counted: Counted<'_>, clusters: i128) -> Result<(u64, String)> {
    let pairs = counted.pieces(|level| top(&level, clusters))?.pop().context("no level was counted")?;
    let (rows, digest) = pairs.into_iter().fold((0, 0), |sum, piece| (sum.0 + piece.0, sum.1 + piece.1));
    Ok((rows, digest.to_string()))
}

/// The first clusters after each history of a piece: how many, and what DuckDB's query adds up of them.
fn top(level: &Level, clusters: i128) -> (u64, i128) {
    let (mut rows, mut digest) = (0, 0);
    let mut ranked: Vec<(u32, u32)> = Vec::new();
    for row in 0..level.histories.len() {
        ranked.clear();
        ranked.extend(level.places(row).map(|at| (u32::MAX - level.cells[at].seen, level.nexts[at])));
        if ranked.len() > TOP {
            ranked.select_nth_unstable(TOP);
            ranked.truncate(TOP);
        }
        ranked.sort_unstable();
        let history = i128::from(level.histories[row]);
        let key = (history / clusters * DIGEST_BASE + history % clusters) * DIGEST_BASE;
        for (place, (seen, next)) in (1..).zip(&ranked) {
            rows += 1;
            digest += (key + i128::from(*next)) * place + i128::from(u32::MAX - seen);
        }
    }
    (rows, digest)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
