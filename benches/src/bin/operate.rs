//! Does operating the service show: in a failed request, a torn answer, or the tail?
//!
//! Data: releases of the same histories (579,121, or `--histories`) with other candidates; each reply must say what the release it names says. Command:
//! `operate changes` (100 pushes, 100 activations, 50 rollbacks, and a canary that goes up and is aborted, under an open loop at 60 % of
//! the capacity measured before it), `operate shadow` (turns with and without a shadow on 10 % of the questions). Baseline: the same run
//! between the changes; the turns without a shadow.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use clap::{Parser, Subcommand};
use segue::admin::client::Client;
use segue::snapshot::parcel::Address;
use segue_bench::change::{Change, WARM_UP, report, report_turns};
use segue_bench::load::{Pace, Plan, Spread, Tally, http};
use segue_bench::process::{keep_thread_to_cores, keep_to_cores};
use segue_bench::release;
use segue_bench::rows::Rows;
use segue_bench::service::{Segue, Setup, default_program};
use segue_bench::witness::{Truth, Witness};
use segue_bench::workers::Flavor;

/// Releases with content of their own; each pushed release has the content of one of them.
const SEEDS: u64 = 4;
/// The release that the canary tries: it lacks most histories, so that its answers come from shorter ones.
const THIN: &str = "thin";
const THIN_SHARE: f64 = 0.1;
/// Without these gates, which refuse it, no canary would see it.
const FLAGS: [&str; 2] = ["--gates-coverage=false", "--gates-size=false"];
/// The release that serves at first.
const FIRST: &str = "first";
const QUESTIONS: usize = 1_000;
/// Shares of the traffic that the canary gets, one after the other.
const CANARY_SHARES: [f64; 3] = [0.05, 0.2, 0.5];
/// What a change takes with the usual table, about: the load lasts for as many as there will be.
const CHANGE_EXPECTED: Duration = Duration::from_millis(300);
/// How long the canary may take until it is aborted.
const ABORT_WAIT: Duration = Duration::from_secs(120);

/// Operates a service under load.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    mode: Mode,
    /// Requests a second, on a fixed schedule; by default a share of the capacity, which is measured first.
    #[arg(long, global = true)]
    rate: Option<f64>,
    /// That share.
    #[arg(long, global = true, default_value_t = 0.6)]
    of_capacity: f64,
    /// Worker threads of the service.
    #[arg(long, global = true, default_value_t = 2)]
    workers: usize,
    /// Cores of the service, as `taskset -c` names them.
    #[arg(long, global = true, default_value = "0,1")]
    server_cores: String,
    /// Core of the load, which the operator's work must not hold up: its stalls would count as the service's.
    #[arg(long, global = true, default_value = "3")]
    load_core: String,
    /// Core of the operator.
    #[arg(long, global = true, default_value = "2")]
    operator_core: String,
    /// The service's program.
    #[arg(long, global = true, default_value_os_t = default_program())]
    segue: PathBuf,
    /// Histories of each release, about.
    #[arg(long, global = true, default_value_t = release::HISTORIES)]
    histories: u64,
    /// A flag for the service as well, `--memory-huge-pages=true` for one; may be given again.
    #[arg(long, global = true)]
    flag: Vec<String>,
    /// Directory for the stores; emptied at the end.
    #[arg(long, global = true, default_value = "/tmp/segue-bench-operate")]
    dir: PathBuf,
}

#[derive(Clone, Subcommand)]
enum Mode {
    /// Pushes, activates, rolls back and tries a canary; checks every reply.
    Changes {
        /// Pushes, and as many activations; half as many rollbacks.
        #[arg(long, default_value_t = 100)]
        pushes: usize,
        /// Milliseconds between the end of a change and the next.
        #[arg(long, default_value_t = 250)]
        gap_ms: u64,
    },
    /// Compares the tail with and without a shadow.
    Shadow {
        /// Pairs of turns.
        #[arg(long, default_value_t = 20)]
        pairs: usize,
        /// Seconds of a turn.
        #[arg(long, default_value_t = 3)]
        seconds: u64,
        /// Share of the questions that the shadow answers too.
        #[arg(long, default_value_t = 0.1)]
        share: f64,
    },
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    keep_to_cores(&cli.operator_core)?;
    let site = Site::prepare(&cli)?;
    match cli.mode {
        Mode::Changes { pushes, gap_ms } => site.changes(&Changing { pushes, gap: Duration::from_millis(gap_ms) }),
        Mode::Shadow { pairs, seconds, share } => {
            site.shadow(&Shadowing { pairs, turn: Duration::from_secs(seconds), share })
        }
    }
}

/// How to change what serves while load runs.
struct Changing {
    pushes: usize,
    gap: Duration,
}

/// How to shadow while load runs.
struct Shadowing {
    pairs: usize,
    turn: Duration,
    share: f64,
}

/// The running service, the releases to push to it, and the load.
struct Site {
    segue: Segue,
    operator: Client,
    /// The store from which releases are pushed.
    ours: PathBuf,
    load_core: String,
    rate: f64,
    rows: Rows,
}

/// The load, under way.
type Load = JoinHandle<Result<Vec<Witness>>>;

impl Site {
    fn prepare(cli: &Cli) -> Result<Self> {
        let (ours, theirs) = (cli.dir.join(format!("ours-{}", cli.histories)), cli.dir.join("theirs"));
        std::fs::remove_dir_all(&theirs).ok();
        let rows = Rows::new(cli.histories, 1.0);
        for seed in 0..SEEDS {
            release::write(&ours, rows.with_seed(seed), &base(seed))?;
        }
        release::write(&ours, rows.thinned(THIN_SHARE), THIN)?;
        release::write(&theirs, rows, FIRST)?;
        release::activate(&theirs, FIRST)?;
        let flags: Vec<_> = FLAGS.into_iter().chain(cli.flag.iter().map(String::as_str)).collect();
        let segue = Segue::start_with(&cli.setup(theirs), &flags)?;
        let operator = Client::new(&format!("http://{}", segue.admin), None)?;
        let mut site = Self { segue, operator, ours, load_core: cli.load_core.clone(), rate: 0.0, rows };
        site.rate = cli.rate.map_or_else(|| Ok(cli.of_capacity * site.capacity()?), Ok::<_, anyhow::Error>)?;
        println!("{:.0} requests a second", site.rate);
        Ok(site)
    }

    /// Replies a second of a closed loop.
    fn capacity(&self) -> Result<f64> {
        const SECONDS: u64 = 5;
        let questions = release::http_questions(&release::histories(self.rows, QUESTIONS));
        let plan = Plan { pace: Pace::Closed, ..self.plan(questions, Duration::from_secs(SECONDS)) };
        let core = self.load_core.clone();
        let load = thread::spawn(move || keep_thread_to_cores(&core).and_then(|()| http::run(&plan, Tally::default)));
        let tally = Tally::total(load.join().expect("the load's thread panicked")?);
        println!("capacity: {} replies a second", tally.good / SECONDS);
        Ok(tally.good as f64 / SECONDS as f64)
    }

    fn changes(&self, changing: &Changing) -> Result<()> {
        let names: Vec<_> = (0..changing.pushes).map(|turn| format!("pushed-{turn:03}")).collect();
        for (turn, name) in (0..).zip(&names) {
            release::rename(&self.ours, &base(turn % SEEDS), name)?;
        }
        let of = |(turn, name): (u64, &String)| (name.clone(), self.rows.with_seed(turn % SEEDS));
        let known = [(FIRST.to_owned(), self.rows), (THIN.to_owned(), self.rows.thinned(THIN_SHARE))];
        let truth = self.truth((0..).zip(&names).map(of).chain(known));
        let expected = CHANGE_EXPECTED * (self.rows.possible() / release::HISTORIES).max(1) as u32;
        let span = Duration::from_secs(20) + (changing.gap + expected) * 5 * names.len() as u32 / 2;
        let load = self.load(&truth, span);
        thread::sleep(WARM_UP);
        let mut changes = Vec::new();
        for (turn, name) in names.iter().enumerate() {
            changes.extend(self.turn(turn, name, changing.gap)?);
        }
        changes.push(self.canary()?);
        thread::sleep(changing.gap);
        report(&ended(load)?, &changes);
        Ok(())
    }

    /// A push, its activation, and after every second a rollback.
    fn turn(&self, turn: usize, name: &str, gap: Duration) -> Result<Vec<Change>> {
        let after_gap = |kind, change: &dyn Fn() -> Result<()>| {
            thread::sleep(gap);
            Change::timed(kind, change)
        };
        let mut changes =
            vec![after_gap("push", &|| self.push(name))?, after_gap("activate", &|| self.segue.activate(name))?];
        if turn % 2 == 1 {
            changes.push(after_gap("rollback", &|| self.post("rollback", "{}").map(drop))?);
        }
        Ok(changes)
    }

    fn push(&self, name: &str) -> Result<()> {
        let dir = self.ours.join("releases").join(name);
        self.operator.push(&Address::release(name.parse()?), &dir, &|_, _| ())?;
        Ok(())
    }

    /// Tries the thin release on ever more of the traffic, until the service takes it away.
    fn canary(&self) -> Result<Change> {
        self.push(THIN)?;
        self.post("stage", &format!(r#"{{"version":"{THIN}"}}"#))?;
        Change::timed("canary", || {
            for share in CANARY_SHARES {
                let body = format!(r#"{{"version":"{THIN}","share":{share}}}"#);
                if self.post("canary", &body).is_err() {
                    break;
                }
                thread::sleep(Duration::from_millis(500));
            }
            self.wait_for_abort()
        })
    }

    fn wait_for_abort(&self) -> Result<()> {
        let started = Instant::now();
        loop {
            let request = http::get(&format!("/admin/v1/releases/{THIN}"));
            let (_, body) = http::ask_once(self.segue.admin, &request)?;
            let body = String::from_utf8_lossy(&body).into_owned();
            if body.contains("quarantined") {
                println!("canary: {body}");
                return Ok(());
            }
            ensure!(started.elapsed() < ABORT_WAIT, "the canary was not aborted within {ABORT_WAIT:?}: {body}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn shadow(&self, shadowing: &Shadowing) -> Result<()> {
        let (name, rows) = (base(1), self.rows.with_seed(1));
        self.push(&name)?;
        self.post("stage", &format!(r#"{{"version":"{name}"}}"#))?;
        let truth = self.truth([(FIRST.to_owned(), self.rows), (name.clone(), rows)]);
        let load = self.load(&truth, shadowing.turn * (2 * shadowing.pairs + 2) as u32);
        let share = |share| self.post("shadow", &format!(r#"{{"version":"{name}","share":{share}}}"#)).map(drop);
        share(0.0)?;
        thread::sleep(shadowing.turn);
        let mut turns = Vec::new();
        for _ in 0..shadowing.pairs {
            for (kind, on) in [("without", 0.0), ("with", shadowing.share)] {
                share(on)?;
                turns.push(Change::timed(kind, || {
                    thread::sleep(shadowing.turn);
                    Ok(())
                })?);
            }
        }
        println!("{}", self.get("/admin/v1/trial")?);
        report_turns(&ended(load)?, &turns);
        Ok(())
    }

    fn post(&self, call: &str, body: &str) -> Result<String> {
        let (status, body) = http::ask_once(self.segue.admin, &http::post(&format!("/admin/v1/{call}"), body))?;
        let body = String::from_utf8_lossy(&body).into_owned();
        ensure!(status == 200, "{call} got {status}: {body}");
        Ok(body)
    }

    fn get(&self, path: &str) -> Result<String> {
        let (_, body) = http::ask_once(self.segue.admin, &http::get(path))?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    fn truth(&self, releases: impl IntoIterator<Item = (String, Rows)>) -> Arc<Truth> {
        let histories = release::histories(self.rows, QUESTIONS);
        Arc::new(Truth { histories, releases: releases.into_iter().collect() })
    }

    fn load(&self, truth: &Arc<Truth>, span: Duration) -> Load {
        let plan = self.plan(release::http_questions(&truth.histories), span);
        let (truth, core) = (truth.clone(), self.load_core.clone());
        thread::spawn(move || {
            keep_thread_to_cores(&core).and_then(|()| http::run(&plan, || Witness::new(truth.clone())))
        })
    }

    fn plan(&self, questions: Vec<Bytes>, duration: Duration) -> Plan {
        Plan {
            address: self.segue.server.address,
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

/// The name of a release whose content others have too.
fn base(seed: u64) -> String {
    format!("base-{seed}")
}

fn ended(load: Load) -> Result<Vec<Witness>> {
    load.join().expect("the load's thread panicked")
}

impl Cli {
    fn setup(&self, dir: PathBuf) -> Setup {
        Setup {
            program: self.segue.clone(),
            dir,
            workers: self.workers,
            cores: self.server_cores.clone(),
            flavor: Flavor::PerCore,
        }
    }
}
