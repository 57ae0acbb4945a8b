//! What does an answer cost over HTTP and gRPC, beside servers that only return the same bytes?
//!
//! Data: a release of 579,121 made-up histories, 1,000 of them asked in turn, all present. Command: `cargo build --release` in the root
//! and here, then `serve` (or `serve --doors http,tails`). Baselines: bare hyper, axum and nginx `return` for HTTP, stock tonic for gRPC,
//! each with the same worker count and one of Segue's own replies as its bytes. Every round runs all of them one after the other;
//! figures are medians of rounds, ratios are medians of the ratios within a round. CPU is user and system time of the server's process.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use clap::{Parser, ValueEnum};
use segue_bench::contest::{self, CALL, Contender, Protocol};
use segue_bench::load::{Pace, Plan, Spread, grpc, http};
use segue_bench::process::{Server, free_address, keep_to_cores, on_cores, sibling};
use segue_bench::service::{Segue, Setup, default_program};
use segue_bench::workers::Flavor;
use segue_bench::{nginx, release};

const QUESTIONS: usize = 1_000;
const BATCH: usize = 100;
const FLAVORS: [Flavor; 2] = [Flavor::Shared, Flavor::PerCore];

/// Compares Segue with servers that only return its bytes.
#[derive(Parser)]
struct Cli {
    /// What to compare.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "http,grpc,batch,tails")]
    doors: Vec<Door>,
    /// Rounds.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Seconds of each run.
    #[arg(long, default_value_t = 1.5)]
    seconds: f64,
    /// Worker threads of every server.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Cores of the servers, as `taskset -c` names them.
    #[arg(long, default_value = "0,1")]
    server_cores: String,
    /// Cores of the load.
    #[arg(long, default_value = "2,3")]
    client_cores: String,
    /// Requests a second in the open loop of `tails`.
    #[arg(long, default_value_t = 20_000.0)]
    rate: f64,
    /// The service's program.
    #[arg(long, default_value_os_t = default_program())]
    segue: PathBuf,
    /// Store for the release; one left there is used again.
    #[arg(long, default_value = "/tmp/segue-bench-serve")]
    dir: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Door {
    /// `POST /next-clusters` at 64 connections.
    Http,
    /// Unary `NextClusters` at 2 connections of 32 streams.
    Grpc,
    /// `POST /next-clusters/batch` of 100 questions.
    Batch,
    /// Both doors in an open loop, connections even and uneven.
    Tails,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    keep_to_cores(&cli.client_cores)?;
    release::write(&cli.dir, release::usual_rows(), "usual")?;
    release::activate(&cli.dir, "usual")?;
    let services = FLAVORS.into_iter().map(|flavor| cli.start(flavor)).collect::<Result<Vec<_>>>()?;
    for door in &cli.doors {
        match door {
            Door::Http => http_door(&cli, &services)?,
            Door::Grpc => grpc_door(&cli, &services)?,
            Door::Batch => batches(&cli, &services)?,
            Door::Tails => tails(&cli, &services)?,
        }
    }
    Ok(())
}

fn http_door(cli: &Cli, services: &[Service]) -> Result<()> {
    let plan = cli.http_plan(http_questions());
    let (status, reply) = http::ask_once(services[0].segue.server.address, &plan.questions[0])?;
    ensure!(status == 200, "Segue's reply has status {status}: {}", String::from_utf8_lossy(&reply));
    println!("Segue's reply, {} bytes: {}", reply.len(), String::from_utf8_lossy(&reply));
    let body = cli.keep_reply("http", &reply)?;
    let baselines = [
        ("hyper, shared", cli.baseline("hyper_hello", Flavor::Shared, &body)?),
        ("hyper, per_core", cli.baseline("hyper_hello", Flavor::PerCore, &body)?),
        ("axum", cli.baseline("axum_hello", Flavor::Shared, &body)?),
        ("nginx", nginx::start(&cli.dir.join("nginx"), &cli.server_cores, cli.workers, std::str::from_utf8(&reply)?)?),
    ];
    let mut contenders: Vec<_> = services.iter().map(|service| service.contender(Protocol::Http, &plan)).collect();
    contenders.extend(baselines.iter().map(|(name, server)| baseline(name, server, Protocol::Http, &plan)));
    contest::run(&mut contenders, cli.rounds)?;
    contest::print("POST /next-clusters, 64 keep-alive connections, closed loop", &contenders);
    contest::print_ratios("segue", &contenders);
    Ok(())
}

fn grpc_door(cli: &Cli, services: &[Service]) -> Result<()> {
    let plan = cli.grpc_plan(2);
    let (status, reply) = grpc::ask_once(&Plan { address: services[0].segue.grpc, ..plan.clone() }, CALL)?;
    ensure!(status == 200, "Segue's reply has gRPC status {}", status - 200);
    println!("Segue's reply: a message of {} bytes", reply.len());
    let body = cli.keep_reply("grpc", &reply)?;
    let baselines = [
        ("tonic, shared", cli.baseline("tonic_echo", Flavor::Shared, &body)?),
        ("tonic, per_core", cli.baseline("tonic_echo", Flavor::PerCore, &body)?),
    ];
    let mut contenders: Vec<_> = services.iter().map(|service| service.contender(Protocol::Grpc, &plan)).collect();
    contenders.extend(baselines.iter().map(|(name, server)| baseline(name, server, Protocol::Grpc, &plan)));
    contest::run(&mut contenders, cli.rounds)?;
    contest::print("gRPC NextClusters, 2 connections of 32 streams, closed loop", &contenders);
    contest::print_ratios("segue", &contenders);
    Ok(())
}

fn batches(cli: &Cli, services: &[Service]) -> Result<()> {
    let histories = release::histories(release::usual_rows(), QUESTIONS * 10);
    let plan = Plan { connections: 16, ..cli.http_plan(release::http_batches(&histories, BATCH)) };
    let mut contenders: Vec<_> = services.iter().map(|service| service.contender(Protocol::Http, &plan)).collect();
    contest::run(&mut contenders, cli.rounds)?;
    contest::print("POST /next-clusters/batch of 100, 16 keep-alive connections, closed loop", &contenders);
    for contender in &contenders {
        let item = |figure: fn(&contest::Run) -> f64| contender.median(figure) / BATCH as f64;
        println!(
            "{}: {:.3} us of user CPU an item ({:.3} with system)",
            contender.name,
            item(|run| run.user_us),
            item(contest::Run::cpu_us)
        );
    }
    Ok(())
}

/// Two heavy connections of eight, or four of sixty-four, carry four fifths of the load.
fn tails(cli: &Cli, services: &[Service]) -> Result<()> {
    let pace = Pace::Open { per_second: cli.rate };
    let http_plan = Plan { pace, ..cli.http_plan(http_questions()) };
    let grpc_plan = Plan { pace, ..cli.grpc_plan(8) };
    for (protocol, plan, heavy) in [(Protocol::Http, http_plan, 4), (Protocol::Grpc, grpc_plan, 2)] {
        for spread in [Spread::Even, Spread::Uneven { heavy, share: 0.8 }] {
            let plan = Plan { spread, ..plan.clone() };
            let mut contenders: Vec<_> = services.iter().map(|service| service.contender(protocol, &plan)).collect();
            contest::run(&mut contenders, cli.rounds)?;
            contest::print(&format!("{protocol:?}, open loop at {} a second, {spread:?}", cli.rate), &contenders);
        }
    }
    Ok(())
}

/// Segue in one flavour.
struct Service {
    name: String,
    segue: Segue,
}

impl Service {
    fn contender(&self, protocol: Protocol, plan: &Plan) -> Contender {
        let address = match protocol {
            Protocol::Http => self.segue.server.address,
            Protocol::Grpc => self.segue.grpc,
        };
        Contender::new(&self.name, self.segue.server.pid(), protocol, Plan { address, ..plan.clone() })
    }
}

fn baseline(name: &str, server: &Server, protocol: Protocol, plan: &Plan) -> Contender {
    Contender::new(name, server.pid(), protocol, Plan { address: server.address, ..plan.clone() })
}

fn http_questions() -> Vec<Bytes> {
    release::http_questions(&release::histories(release::usual_rows(), QUESTIONS))
}

impl Cli {
    fn start(&self, flavor: Flavor) -> Result<Service> {
        let setup = Setup {
            program: self.segue.clone(),
            dir: self.dir.clone(),
            workers: self.workers,
            cores: self.server_cores.clone(),
            flavor,
        };
        Ok(Service { name: format!("segue, {}", flavor.names().0), segue: Segue::start(&setup)? })
    }

    fn baseline(&self, program: &str, flavor: Flavor, body: &Path) -> Result<Server> {
        let address = free_address()?;
        let mut command = on_cores(&self.server_cores, &sibling(program)?);
        command.args(["--listen", &address.to_string(), "--workers", &self.workers.to_string()]);
        command.args(["--flavor", flavor.names().1]).arg("--body").arg(body);
        Server::start(&mut command, address)
    }

    fn keep_reply(&self, name: &str, reply: &[u8]) -> Result<PathBuf> {
        let path = self.dir.join(format!("reply.{name}"));
        std::fs::write(&path, reply)?;
        Ok(path)
    }

    fn http_plan(&self, questions: Vec<Bytes>) -> Plan {
        Plan {
            address: ([127, 0, 0, 1], 0).into(),
            connections: 64,
            streams: 1,
            threads: 2,
            pace: Pace::Closed,
            spread: Spread::Even,
            duration: Duration::from_secs_f64(self.seconds),
            questions: Arc::new(questions),
        }
    }

    fn grpc_plan(&self, connections: usize) -> Plan {
        let questions = release::grpc_questions(&release::histories(release::usual_rows(), QUESTIONS));
        Plan { connections, streams: 32, ..self.http_plan(questions) }
    }
}
