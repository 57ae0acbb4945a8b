//! What do histories that the table does not hold cost those that it does, and how soon does the model answer them?
//!
//! Data: the usual release with nine tenths of its pairs, and a network of the default size (width 256, 4 layers) with random weights; each
//! unseen history is eight clusters, asked once. Command: `unseen`; with `--unseen-rate 20000` it shows what a saturated model does. Baseline: the
//! same load of table hits with no unseen history beside it, in turns.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use candle_core::{Device, Tensor};
use clap::Parser;
use hdrhistogram::Histogram;
use memchr::memmem;
use segue::model::config::{Barred, ModelConfig, PromptConfig, Size};
use segue::model::weights::{self, Weights};
use segue::model::write::{ModelAbout, write_model};
use segue::snapshot::manifest::{Provenance, Version};
use segue::snapshot::release::read_manifest;
use segue::snapshot::store::Store;
use segue_bench::figures::{latencies, median, quantiles_us, table};
use segue_bench::load::{Pace, Plan, Reply, Sink, Spread, Tally, http};
use segue_bench::process::keep_to_cores;
use segue_bench::release::{self, cluster_id};
use segue_bench::rows::{Rows, mix};
use segue_bench::service::{Segue, Setup, default_program};
use segue_bench::workers::Flavor;

/// Histories that the table holds, asked in turn.
const QUESTIONS: usize = 1_000;
/// The share of all pairs that the table holds.
const SHARE: f64 = 0.9;
/// Clusters of an unseen history: some months of a user's.
const HISTORY: usize = 8;
/// The release without a model, from which the catalogue's name is known, and the one with it.
const VERSIONS: [&str; 2] = ["plain", "with-model"];

/// Asks for what the table holds, with and without asking for what it does not.
#[derive(Parser)]
struct Cli {
    /// Table hits a second, on a fixed schedule.
    #[arg(long, default_value_t = 20_000.0)]
    rate: f64,
    /// Unseen histories a second, on a schedule of their own.
    #[arg(long, default_value_t = 200.0)]
    unseen_rate: f64,
    /// Connections that ask for unseen histories.
    #[arg(long, default_value_t = 16)]
    unseen_connections: usize,
    /// Rounds of each kind that count; one more warms up.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Seconds of each.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Worker threads of the service.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Cores of the service, as `taskset -c` names them.
    #[arg(long, default_value = "0,1")]
    server_cores: String,
    /// Cores of the load.
    #[arg(long, default_value = "2,3")]
    client_cores: String,
    /// The service's program.
    #[arg(long, default_value_os_t = default_program())]
    segue: PathBuf,
    /// Store for the releases; those left there are used again.
    #[arg(long, default_value = "/tmp/segue-bench-unseen")]
    dir: PathBuf,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    keep_to_cores(&cli.client_cores)?;
    prepare(&cli.dir)?;
    let segue = Segue::start(&cli.setup())?;
    let mut alone = Round::default();
    let mut beside = Round::default();
    let mut ratios = Vec::new();
    for round in 0..=cli.rounds {
        let (without, with) = (cli.round(&segue, None)?, cli.round(&segue, Some(round))?);
        if round > 0 {
            ratios.push(p99_us(&with.table.latency) / p99_us(&without.table.latency));
            alone.absorb(&without);
            beside.absorb(&with);
        }
    }
    report(&alone, &beside);
    println!("p99 of table hits, with / without: {:.2}x (median of {} rounds)", median(&ratios), cli.rounds);
    Ok(())
}

/// What came back in rounds of one kind.
#[derive(Default)]
struct Round {
    table: Tally,
    unseen: Heard,
}

impl Round {
    fn absorb(&mut self, other: &Self) {
        self.table.absorb(&other.table);
        self.unseen.absorb(&other.unseen);
    }
}

/// Replies to unseen histories, by who answered.
struct Heard {
    model: Histogram<u64>,
    /// The next rung, with the reason why.
    degraded: Histogram<u64>,
    other: u64,
    failed: u64,
}

impl Default for Heard {
    fn default() -> Self {
        Self { model: latencies(), degraded: latencies(), other: 0, failed: 0 }
    }
}

impl Heard {
    fn absorb(&mut self, other: &Self) {
        self.model += &other.model;
        self.degraded += &other.degraded;
        self.other += other.other;
        self.failed += other.failed;
    }
}

impl Sink for Heard {
    fn reply(&mut self, reply: &Reply<'_>) {
        let has = |part: &[u8]| memmem::find(reply.body, part).is_some();
        let latency_ns = reply.latency.as_nanos() as u64;
        match reply.status {
            200 if has(b"\"degraded\":") => self.degraded.saturating_record(latency_ns),
            200 if has(b"],\"source\":\"model\"") => self.model.saturating_record(latency_ns),
            200 => self.other += 1,
            _ => self.failed += 1,
        }
    }

    fn failure(&mut self, _due: Duration) {
        self.failed += 1;
    }
}

impl Cli {
    fn setup(&self) -> Setup {
        Setup {
            program: self.segue.clone(),
            dir: self.dir.clone(),
            workers: self.workers,
            cores: self.server_cores.clone(),
            flavor: Flavor::PerCore,
        }
    }

    /// Table hits for a while, and unseen histories of their own beside them where a number says which.
    fn round(&self, segue: &Segue, unseen: Option<usize>) -> Result<Round> {
        let hits = release::http_questions(&release::histories(rows(), QUESTIONS));
        let table = self.plan(segue, hits, (64, self.rate));
        let count = (self.unseen_rate * self.seconds) as usize + self.unseen_connections;
        let unseen = unseen.map(|round| {
            let histories = unseen_histories(round * count..(round + 1) * count);
            let plan = self.plan(segue, histories, (self.unseen_connections, self.unseen_rate));
            thread::spawn(move || http::run(&plan, Heard::default))
        });
        let mut round = Round { table: Tally::total(http::run(&table, Tally::default)?), ..Round::default() };
        if let Some(unseen) = unseen {
            let heard = unseen.join().expect("the load's thread panicked")?;
            heard.iter().for_each(|heard| round.unseen.absorb(heard));
        }
        Ok(round)
    }

    fn plan(&self, segue: &Segue, questions: Vec<Bytes>, (connections, per_second): (usize, f64)) -> Plan {
        Plan {
            address: segue.server.address,
            connections,
            streams: 1,
            threads: 1,
            pace: Pace::Open { per_second },
            spread: Spread::Even,
            duration: Duration::from_secs_f64(self.seconds),
            questions: Arc::new(questions),
        }
    }
}

fn rows() -> Rows {
    Rows::new((release::HISTORIES as f64 * SHARE) as u64, SHARE)
}

/// Histories whose last pair the table does not hold, no two the same, as whole requests.
fn unseen_histories(numbers: std::ops::Range<usize>) -> Vec<Bytes> {
    let rows = rows();
    let absent = rows.draw(false, QUESTIONS);
    let history = |number: usize| {
        let [older, newer] = absent[number % absent.len()];
        let before = |place: usize| (mix((number * HISTORY + place) as u64) % u64::from(rows.clusters)) as u32;
        let clusters = (2..HISTORY).map(before).chain([older, newer]);
        clusters.map(|index| cluster_id(index).to_string()).collect::<Vec<_>>().join(",")
    };
    let post = |number| http::post("/next-clusters", &format!(r#"{{"history":[{}],"limit":10}}"#, history(number)));
    numbers.map(post).collect()
}

/// Writes release and model, unless the store has them, and points at them.
fn prepare(dir: &Path) -> Result<()> {
    release::write(dir, rows(), VERSIONS[0])?;
    let plain = read_manifest(&Store::open(dir).release_path(&VERSIONS[0].parse()?))?;
    if read_manifest(&Store::open(dir).release_path(&VERSIONS[1].parse()?)).is_err() {
        let model = write_random_model(dir, plain.catalogue)?;
        release::write_naming(dir, rows(), VERSIONS[1], model)?;
    }
    release::activate(dir, VERSIONS[1])
}

/// A network of the default size, whose arithmetic costs what a trained one's does.
fn write_random_model(dir: &Path, catalogue: Version) -> Result<Version> {
    let prompt = PromptConfig { clusters: rows().clusters, history_max: 16, retrieved_max: 8, barred: Barred::History };
    let size = Size { hidden: 256, intermediate: 704, layers: 4, heads: 4 };
    let config = ModelConfig::new(prompt, size)?;
    let about = ModelAbout {
        version: None,
        catalogue,
        parent: None,
        created_unix_s: None,
        provenance: Provenance::default(),
        figures: BTreeMap::new(),
    };
    let published = write_model(dir, about, &config, &random_weights(&config)?).context("writing the bench's model")?;
    Ok(published.manifest.version)
}

fn random_weights(config: &ModelConfig) -> Result<Weights> {
    let tensor = |(name, shape): (String, Vec<usize>)| {
        let (mean, spread) = if shape.len() == 1 { (1.0f32, 0.05) } else { (0.0, 0.06) };
        Ok((name, Tensor::randn(mean, spread, shape, &Device::Cpu)?))
    };
    weights::shapes(config).into_iter().map(tensor).collect()
}

fn p99_us(histogram: &Histogram<u64>) -> f64 {
    quantiles_us(histogram)[2]
}

fn report(alone: &Round, beside: &Round) {
    let mut table = table(&["questions", "replies", "p50 us", "p90", "p99", "p99.9", "max"]);
    for (name, histogram) in [
        ("table hits alone", &alone.table.latency),
        ("table hits beside unseen histories", &beside.table.latency),
        ("unseen, answered by the model", &beside.unseen.model),
        ("unseen, degraded", &beside.unseen.degraded),
    ] {
        let cells = quantiles_us(histogram).map(|value| format!("{value:.0}"));
        table.add_row([name.to_owned(), histogram.len().to_string()].into_iter().chain(cells));
    }
    println!("{table}");
    let bad = alone.table.bad + beside.table.bad + beside.unseen.failed;
    println!("failed {bad}; unseen that neither the model nor a degraded rung answered {}", beside.unseen.other);
}
