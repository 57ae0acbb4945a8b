//! Does a swap show: in a failed request, a torn answer, the tail, or memory?
//!
//! Data: two releases of the same 579,121 histories with other candidates; each reply must say what the release it names says. Command:
//! `swap tails` (200 swaps under an open loop), `swap resident` (1,000 swaps), `swap unscraped` (ten minutes of load that nobody
//! scrapes). Baseline of the tail: the same run between its swaps, and what two halves of those differ by themselves.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Parser, Subcommand};
use hdrhistogram::Histogram;
use segue_bench::cpu::{resident_anonymous_bytes, resident_bytes};
use segue_bench::figures::{latencies, median, quantiles_us, table};
use segue_bench::load::{Pace, Plan, Spread, Tally, http};
use segue_bench::process::keep_to_cores;
use segue_bench::release;
use segue_bench::service::{Segue, Setup, default_program};
use segue_bench::witness::{Sample, Truth, Witness};
use segue_bench::workers::Flavor;

const VERSIONS: [&str; 2] = ["odd", "even"];
const QUESTIONS: usize = 1_000;
/// A swap's window ends so long after the service said that it was done: the old release is let go of meanwhile.
const AFTER_SWAP: Duration = Duration::from_millis(20);

/// Swaps releases under load.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    mode: Mode,
    /// Requests a second, on a fixed schedule.
    #[arg(long, global = true, default_value_t = 20_000.0)]
    rate: f64,
    /// How connections meet cores in the service.
    #[arg(long, global = true, value_enum, default_value = "per-core")]
    flavor: Flavor,
    /// Worker threads of the service.
    #[arg(long, global = true, default_value_t = 2)]
    workers: usize,
    /// Cores of the service, as `taskset -c` names them.
    #[arg(long, global = true, default_value = "0,1")]
    server_cores: String,
    /// Cores of the load.
    #[arg(long, global = true, default_value = "2,3")]
    client_cores: String,
    /// The service's program.
    #[arg(long, global = true, default_value_os_t = default_program())]
    segue: PathBuf,
    /// Store for the releases; those left there are used again.
    #[arg(long, global = true, default_value = "/tmp/segue-bench-swap")]
    dir: PathBuf,
}

#[derive(Clone, Subcommand)]
enum Mode {
    /// Checks every reply and compares the tail in swaps with the tail between them.
    Tails {
        /// Swaps.
        #[arg(long, default_value_t = 200)]
        swaps: usize,
        /// Milliseconds between the end of a swap and the next.
        #[arg(long, default_value_t = 250)]
        gap_ms: u64,
    },
    /// Compares resident memory after many swaps with that after ten.
    Resident {
        /// Swaps.
        #[arg(long, default_value_t = 1_000)]
        swaps: usize,
    },
    /// Watches resident memory under load while nobody reads the metrics.
    Unscraped {
        /// Seconds of load.
        #[arg(long, default_value_t = 600)]
        seconds: u64,
    },
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    keep_to_cores(&cli.client_cores)?;
    for (seed, version) in (1..).zip(VERSIONS) {
        release::write(&cli.dir, release::usual_rows().with_seed(seed), version)?;
    }
    release::activate(&cli.dir, VERSIONS[0])?;
    let segue = Segue::start(&cli.setup())?;
    match cli.mode {
        Mode::Tails { swaps, gap_ms } => tails(&cli, &segue, &Swapping { swaps, gap: Duration::from_millis(gap_ms) }),
        Mode::Resident { swaps } => resident(&segue, swaps),
        Mode::Unscraped { seconds } => unscraped(&cli, &segue, Duration::from_secs(seconds)),
    }
}

/// How to swap while load runs.
struct Swapping {
    swaps: usize,
    gap: Duration,
}

/// One swap, from asking for it until the service said that it was done.
struct Swap {
    asked: Instant,
    done: Instant,
}

fn tails(cli: &Cli, segue: &Segue, swapping: &Swapping) -> Result<()> {
    let swap_ms_expected = time_one_pair(segue)?.as_millis() as u64 / 2;
    let one = swapping.gap + AFTER_SWAP + Duration::from_millis(2 * swap_ms_expected);
    let truth = truth();
    let plan = cli.plan(segue, release::http_questions(&truth.histories), one * swapping.swaps as u32);
    let load = thread::spawn(move || http::run(&plan, || Witness::new(truth.clone())));
    let swaps = swap_many(segue, swapping)?;
    let witnesses = load.join().expect("the load's thread panicked")?;
    report_swaps(&swaps);
    report_truth(&witnesses);
    report_tails(&witnesses, &swaps);
    Ok(())
}

fn time_one_pair(segue: &Segue) -> Result<Duration> {
    let started = Instant::now();
    segue.activate(VERSIONS[1])?;
    segue.activate(VERSIONS[0])?;
    Ok(started.elapsed())
}

fn swap_many(segue: &Segue, swapping: &Swapping) -> Result<Vec<Swap>> {
    let one_swap = |turn: usize| {
        thread::sleep(swapping.gap);
        let asked = Instant::now();
        segue.activate(VERSIONS[(turn + 1) % 2])?;
        Ok(Swap { asked, done: Instant::now() })
    };
    (0..swapping.swaps).map(one_swap).collect()
}

fn truth() -> Arc<Truth> {
    let rows = release::usual_rows();
    let releases = (1..).zip(VERSIONS).map(|(seed, version)| (version.to_owned(), rows.with_seed(seed)));
    Arc::new(Truth { histories: release::histories(rows, QUESTIONS), releases: releases.collect() })
}

fn report_swaps(swaps: &[Swap]) {
    let times: Vec<_> = swaps.iter().map(|swap| (swap.done - swap.asked).as_secs_f64() * 1e3).collect();
    let longest = times.iter().copied().fold(0.0, f64::max);
    println!(
        "{} swaps, each asked for and waited for: median {:.1} ms, longest {longest:.1} ms",
        swaps.len(),
        median(&times)
    );
}

fn report_truth(witnesses: &[Witness]) {
    let sum = |figure: fn(&Witness) -> u64| witnesses.iter().map(figure).sum::<u64>();
    println!(
        "replies {} (odd {}, even {}), failed {}, not what their release says {}",
        sum(|witness| witness.samples.len() as u64),
        sum(|witness| witness.by_release[0]),
        sum(|witness| witness.by_release[1]),
        sum(|witness| witness.failures.len() as u64),
        sum(|witness| witness.torn),
    );
    witnesses
        .iter()
        .filter_map(|witness| witness.first_wrong.as_ref())
        .for_each(|wrong| println!("first wrong: {wrong}"));
}

/// Latency by where its due time falls.
struct Windows {
    swap: Histogram<u64>,
    /// Between swaps, after even and after odd ones: their ratio is the noise of this run.
    between: [Histogram<u64>; 2],
}

fn report_tails(witnesses: &[Witness], swaps: &[Swap]) {
    let mut windows = Windows { swap: latencies(), between: [latencies(), latencies()] };
    for witness in witnesses {
        let Some(epoch) = witness.epoch else { continue };
        witness.samples.iter().for_each(|sample| windows.sort_in(sample, epoch, swaps));
    }
    windows.print();
}

impl Windows {
    /// A sample belongs to a swap if any part of its wait does.
    fn sort_in(&mut self, sample: &Sample, epoch: Instant, swaps: &[Swap]) {
        let due = epoch + sample.due;
        let number = swaps.partition_point(|swap| swap.done + AFTER_SWAP < due);
        let inside = swaps.get(number).is_some_and(|swap| due + sample.latency >= swap.asked);
        let window = if inside { &mut self.swap } else { &mut self.between[number % 2] };
        window.saturating_record(sample.latency.as_nanos() as u64);
    }

    fn print(&self) {
        let mut both = self.between[0].clone();
        both += &self.between[1];
        let mut table = table(&["window", "replies", "p50 us", "p90", "p99", "p99.9", "max"]);
        for (name, histogram) in [("swaps", &self.swap), ("between", &both)] {
            let cells = quantiles_us(histogram).map(|value| format!("{value:.0}"));
            table.add_row([name.to_owned(), histogram.len().to_string()].into_iter().chain(cells));
        }
        println!("{table}");
        let tail = |histogram: &Histogram<u64>| quantiles_us(histogram)[3];
        let noise = tail(&self.between[0]) / tail(&self.between[1]);
        println!(
            "p99.9 in swaps / between: {:.2}x (two halves of between: {noise:.2}x)",
            tail(&self.swap) / tail(&both)
        );
    }
}

fn resident(segue: &Segue, swaps: usize) -> Result<()> {
    let mut after_ten = None;
    for turn in 1..=swaps {
        segue.activate(VERSIONS[turn % 2])?;
        if [10, 100].contains(&turn) || turn % 250 == 0 || turn == swaps {
            let now = settled(segue.server.pid());
            println!(
                "after {turn} swaps: resident {:.1} MB, of which not mapped files {:.1} MB",
                now.0 / 1e6,
                now.1 / 1e6
            );
            let ten = *after_ten.get_or_insert(now);
            println!(
                "    {:+.2} % and {:+.2} % against ten swaps",
                100.0 * (now.0 / ten.0 - 1.0),
                100.0 * (now.1 / ten.1 - 1.0)
            );
        }
    }
    Ok(())
}

/// Resident and anonymous bytes once the old release is let go of.
fn settled(pid: u32) -> (f64, f64) {
    thread::sleep(Duration::from_secs(2));
    (resident_bytes(pid) as f64, resident_anonymous_bytes(pid) as f64)
}

fn unscraped(cli: &Cli, segue: &Segue, duration: Duration) -> Result<()> {
    let plan = cli.plan(segue, release::http_questions(&truth().histories), duration);
    let finished = Arc::new(AtomicBool::new(false));
    let flag = finished.clone();
    let load = thread::spawn(move || {
        let tallies = http::run(&plan, Tally::default);
        flag.store(true, Ordering::Relaxed);
        tallies
    });
    let started = Instant::now();
    while !finished.load(Ordering::Relaxed) {
        let pid = segue.server.pid();
        let megabytes = [resident_bytes(pid), resident_anonymous_bytes(pid)].map(|bytes| bytes as f64 / 1e6);
        println!(
            "{:4.0} s: resident {:.1} MB, of which not mapped files {:.1} MB",
            started.elapsed().as_secs_f64(),
            megabytes[0],
            megabytes[1]
        );
        thread::sleep(Duration::from_secs(10));
    }
    let tally = Tally::total(load.join().expect("the load's thread panicked")?);
    println!("replies {}, failures {}", tally.good, tally.bad);
    Ok(())
}

impl Cli {
    fn setup(&self) -> Setup {
        Setup {
            program: self.segue.clone(),
            dir: self.dir.clone(),
            workers: self.workers,
            cores: self.server_cores.clone(),
            flavor: self.flavor,
        }
    }

    fn plan(&self, segue: &Segue, questions: Vec<bytes::Bytes>, duration: Duration) -> Plan {
        Plan {
            address: segue.server.address,
            connections: 64,
            streams: 1,
            threads: 1,
            pace: Pace::Open { per_second: self.rate },
            spread: Spread::Even,
            duration,
            questions: Arc::new(questions),
        }
    }
}
