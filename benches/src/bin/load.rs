//! How fast does one server answer, and what does an answer cost it? Load on any address, by hand.
//!
//! Data: one JSON body (or gRPC message in hex) asked again and again. Command: `load http 127.0.0.1:8080 --pid $(pidof segue)`;
//! `--rate 20000` makes it an open loop, `--heavy 4` uneven. Baseline: the same command on `hyper_hello` or `tonic_echo`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use clap::{Args, Parser, Subcommand};
use segue_bench::cpu::cpu_time;
use segue_bench::figures::quantiles_us;
use segue_bench::load::{Pace, Plan, Spread, Tally, grpc, http};

/// Drives load on one server and reports what it did.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    door: Door,
}

#[derive(Subcommand)]
enum Door {
    /// HTTP/1.1 with keep-alive.
    Http {
        #[command(flatten)]
        shape: Shape,
        /// Path to post to.
        #[arg(long, default_value = "/next-clusters")]
        path: String,
        /// JSON body.
        #[arg(long, default_value = r#"{"history":[22,9],"limit":10}"#)]
        body: String,
    },
    /// Unary gRPC.
    Grpc {
        #[command(flatten)]
        shape: Shape,
        /// Path of the call.
        #[arg(long, default_value = "/segue.v1.NextClustersService/NextClusters")]
        path: String,
        /// The message, in hexadecimal.
        #[arg(long, default_value = "0a021609")]
        message: String,
    },
}

#[derive(Args, Clone)]
struct Shape {
    /// Server address.
    address: SocketAddr,
    /// Keep-alive connections.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Requests open at once on a connection (gRPC).
    #[arg(long, default_value_t = 32)]
    streams: usize,
    /// Client threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Seconds to ask.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Requests a second, on a fixed schedule; without it each connection asks again when it is answered.
    #[arg(long)]
    rate: Option<f64>,
    /// With --rate: this many connections carry 80 % of the load.
    #[arg(long)]
    heavy: Option<usize>,
    /// Process whose CPU time is divided by the requests.
    #[arg(long)]
    pid: Option<u32>,
}

fn main() -> Result<()> {
    match Cli::parse().door {
        Door::Http { shape, path, body } => {
            let plan = plan(&shape, http::post(&path, &body));
            report(&shape, || http::run(&plan, Tally::default))
        }
        Door::Grpc { shape, path, message } => {
            let plan = plan(&shape, grpc::frame(&from_hex(&message)?));
            report(&shape, || grpc::run(&plan, &path, Tally::default))
        }
    }
}

fn plan(shape: &Shape, question: Bytes) -> Plan {
    Plan {
        address: shape.address,
        connections: shape.connections,
        streams: shape.streams,
        threads: shape.threads,
        pace: shape.rate.map_or(Pace::Closed, |per_second| Pace::Open { per_second }),
        spread: shape.heavy.map_or(Spread::Even, |heavy| Spread::Uneven { heavy, share: 0.8 }),
        duration: Duration::from_secs_f64(shape.seconds),
        questions: Arc::new(vec![question]),
    }
}

fn report(shape: &Shape, run: impl FnOnce() -> Result<Vec<Tally>>) -> Result<()> {
    let before = shape.pid.map(cpu_time);
    let started = Instant::now();
    let tally = Tally::total(run()?);
    let seconds = started.elapsed().as_secs_f64();
    println!("replies {} ({:.0}/s), failures {}", tally.good, tally.good as f64 / seconds, tally.bad);
    let [p50, p90, p99, p999, max] = quantiles_us(&tally.latency);
    println!("latency us: p50 {p50:.0} p90 {p90:.0} p99 {p99:.0} p99.9 {p999:.0} max {max:.0}");
    if let (Some(pid), Some(before)) = (shape.pid, before) {
        let used = cpu_time(pid).since(&before);
        let per = |ns: f64| ns / 1_000.0 / (tally.good.max(1) as f64);
        let (user, system) = (per(used.user_ns), per(used.system_ns));
        println!("server CPU us per request: {:.2} (user {user:.2}, system {system:.2})", user + system);
    }
    Ok(())
}

fn from_hex(text: &str) -> Result<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair)?, 16).context("--message is not hexadecimal"))
        .collect()
}
