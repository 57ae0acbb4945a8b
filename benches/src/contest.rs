//! Several servers measured in turn, round after round: what each request cost, and by what ratio.
//!
//! It must never measure one server for long and then the next: on a shared machine that compares the hours, not the servers.

use anyhow::{Result, ensure};

use crate::cpu::cpu_time;
use crate::figures::{median, quantiles_us, range, table};
use crate::load::{Plan, Tally, grpc, http};

/// The unary call that is measured.
pub const CALL: &str = "/segue.v1.NextClustersService/NextClusters";

/// How a contender is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http,
    /// Unary gRPC.
    Grpc,
}

/// A server in the comparison.
#[derive(Debug)]
pub struct Contender {
    /// What the table calls it.
    pub name: String,
    /// Its process.
    pub pid: u32,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// What it is asked.
    pub plan: Plan,
    /// What came of it, one for each round.
    pub runs: Vec<Run>,
}

/// One measured run.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// CPU time in user space, in microseconds per request.
    pub user_us: f64,
    /// CPU time in the kernel, in microseconds per request.
    pub system_us: f64,
    /// Good replies a second.
    pub per_second: f64,
    /// p50, p90, p99, p99.9 and largest latency, in microseconds.
    pub quantiles_us: [f64; 5],
}

impl Run {
    /// User and system CPU time, in microseconds per request.
    pub fn cpu_us(&self) -> f64 {
        self.user_us + self.system_us
    }
}

impl Contender {
    /// A contender without runs.
    pub fn new(name: &str, pid: u32, protocol: Protocol, plan: Plan) -> Self {
        Self { name: name.to_owned(), pid, protocol, plan, runs: Vec::new() }
    }

    fn measure(&mut self) -> Result<()> {
        let before = cpu_time(self.pid);
        let tallies = match self.protocol {
            Protocol::Http => http::run(&self.plan, Tally::default),
            Protocol::Grpc => grpc::run(&self.plan, CALL, Tally::default),
        };
        let used = cpu_time(self.pid).since(&before);
        let tally = Tally::total(tallies?);
        ensure!(tally.bad == 0, "{} failed {} of {} requests", self.name, tally.bad, tally.bad + tally.good);
        let per_request = |ns: f64| ns / 1e3 / tally.good as f64;
        self.runs.push(Run {
            user_us: per_request(used.user_ns),
            system_us: per_request(used.system_ns),
            per_second: tally.good as f64 / self.plan.duration.as_secs_f64(),
            quantiles_us: quantiles_us(&tally.latency),
        });
        Ok(())
    }

    /// The median of a figure over the rounds.
    pub fn median(&self, figure: impl Fn(&Run) -> f64) -> f64 {
        median(&self.each(figure))
    }

    fn each(&self, figure: impl Fn(&Run) -> f64) -> Vec<f64> {
        self.runs.iter().map(figure).collect()
    }
}

/// Measures every contender in every round; a first round warms up and is not counted.
pub fn run(contenders: &mut [Contender], rounds: usize) -> Result<()> {
    for contender in contenders.iter_mut() {
        contender.measure()?;
        contender.runs.clear();
    }
    for _ in 0..rounds {
        contenders.iter_mut().try_for_each(Contender::measure)?;
    }
    Ok(())
}

/// Prints the medians of all contenders.
pub fn print(title: &str, contenders: &[Contender]) {
    println!("\n## {title}\n");
    let mut table = table(&[
        "server",
        "CPU us/request",
        "range",
        "user",
        "system",
        "requests/s",
        "p50 / p90 / p99 / p99.9 / max us",
    ]);
    for contender in contenders {
        let cpu = contender.each(Run::cpu_us);
        let figure = |figure: fn(&Run) -> f64| format!("{:.2}", median(&contender.each(figure)));
        let quantile = |index: usize| format!("{:.0}", median(&contender.each(|run| run.quantiles_us[index])));
        table.add_row([
            contender.name.clone(),
            format!("{:.2}", median(&cpu)),
            range(&cpu),
            figure(|run| run.user_us),
            figure(|run| run.system_us),
            format!("{:.0}", median(&contender.each(|run| run.per_second))),
            (0..5).map(quantile).collect::<Vec<_>>().join(" / "),
        ]);
    }
    println!("{table}");
}

/// Prints how each contender whose name starts with `subject` compares with every other one.
pub fn print_ratios(subject: &str, contenders: &[Contender]) {
    let (ours, theirs): (Vec<_>, Vec<_>) = contenders.iter().partition(|one| one.name.starts_with(subject));
    for our in ours {
        for their in &theirs {
            let pairs = our.runs.iter().zip(&their.runs);
            let ratios: Vec<_> = pairs.map(|(our, their)| our.cpu_us() / their.cpu_us()).collect();
            let spread = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect::<Vec<_>>().join(" ");
            println!("{} / {}: {:.2}x (rounds: {spread})", our.name, their.name, median(&ratios));
        }
    }
}
