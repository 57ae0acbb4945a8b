//! A table that must be locked in memory and cannot be: the program itself, under a limit that holds for root as well.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use rustix::process::getuid;
use segue::admin::documents::HealthBody;
use segue::admin::documents::releases::EntryBody;
use segue::config::Locking;
use segue::snapshot::lifecycle::Standing;
use segue::snapshot::manifest::TABLE;
use serde_json::Value;

use crate::made::{Made, Plan};
use crate::support::caller::Caller;
use crate::support::release::version;
use crate::support::service::until;

/// Runs what follows with so many KiB that may be locked.
const LIMITED: &str = "ulimit -l \"$0\" && exec \"$@\"";
/// Whoever holds it is not limited.
const CAP_IPC_LOCK: u64 = 1 << 14;

/// `segue serve` under a limit, killed when it is dropped.
struct Program {
    child: Child,
    admin: SocketAddr,
}

impl Program {
    fn start(dir: &Path, limit_kib: u64, lock: Locking) -> Self {
        let mut command = limited(limit_kib);
        command.arg(env!("CARGO_BIN_EXE_segue")).args(["serve", "--log-format", "json", "--memory-lock", lock.word()]);
        for door in ["http", "grpc", "admin"] {
            command.args([&format!("--{door}-listen"), "127.0.0.1:0"]);
        }
        let mut child = command.arg("--release-dir").arg(dir).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let admin = lines.find_map(|line| {
            let fields: Value = serde_json::from_str(&line).ok()?;
            (fields["message"] == "serving").then(|| fields["admin"].as_str()?.parse().ok())?
        });
        // What else it says is read, so that it can say it.
        thread::spawn(move || lines.for_each(drop));
        Self { child, admin: admin.expect("it starts") }
    }

    fn health(&self) -> HealthBody {
        Caller::connect(self.admin).get("/healthz").json(200)
    }

    fn entry(&self, name: &str) -> EntryBody {
        Caller::connect(self.admin).get(&format!("/admin/v1/releases/{name}")).json(200)
    }

    /// Whether a scrape shows a line.
    fn shows(&self, line: &str) -> bool {
        let text = Caller::connect(self.admin).get("/metrics").body;
        String::from_utf8_lossy(&text).lines().any(|shown| shown == line)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that runs another under a limit. Root holds the right to lock as much as it likes, and gives it up first.
fn limited(kib: u64) -> Command {
    let mut command = Command::new(if getuid().is_root() { "setpriv" } else { "sh" });
    if getuid().is_root() {
        command.args(["--bounding-set", "-ipc_lock", "--inh-caps", "-ipc_lock", "sh"]);
    }
    command.env_clear().env("PATH", "/usr/bin:/bin").args(["-c", LIMITED]).arg(kib.to_string());
    command
}

/// Why the limit would not hold here, if it would not.
fn unlimited(kib: u64) -> Option<String> {
    let output = match limited(kib).args(["cat", "/proc/self/status"]).output() {
        Ok(output) if output.status.success() => output,
        other => return Some(format!("{other:?}")),
    };
    let status = String::from_utf8(output.stdout).unwrap();
    let held = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap().trim();
    let held = u64::from_str_radix(held, 16).unwrap();
    (held & CAP_IPC_LOCK != 0).then(|| "whoever runs this test may lock as much as it likes".to_owned())
}

#[test]
fn a_table_that_must_be_locked_and_cannot_be_is_refused() {
    // Each row: whether the table must be locked, how many of its bytes may be, and whether it serves.
    let rows = [(Locking::Required, 0.5, false), (Locking::Try, 0.5, true), (Locking::Required, 2.0, true)];
    let made = Made::new(&Plan::default());
    made.store.activate(&version("current")).unwrap();
    let bytes = fs::metadata(made.store.release_path(&version("current")).join(TABLE)).unwrap().len();
    for (lock, share, serves) in rows {
        let limit_kib = (bytes as f64 * share) as u64 / 1024;
        if let Some(why) = unlimited(limit_kib) {
            println!("not tried: {why}");
            return;
        }
        let program = Program::start(made.dir.path(), limit_kib, lock);
        until("the release was looked at", || {
            let health = program.health();
            health.ready || health.failure.is_some()
        });
        assert_eq!(program.health().ready, serves, "{lock:?} {share}");
        let reason = program.entry("current").reason;
        let Some(failure) = program.health().failure else { continue };
        assert_eq!(program.entry("current").standing, Some(Standing::Failed));
        assert_eq!(reason.expect("it failed").text, failure.text);
        assert_eq!(failure.reason, "memory");
        let told = format!("the table's {bytes} bytes cannot be locked in memory");
        assert!(failure.text.starts_with(&told) && failure.text.contains("`ulimit -l`"), "{}", failure.text);
        assert!(program.shows("segue_gate_refusals_total{gate=\"memory\"} 1"));
        assert!(program.shows("segue_memory_locked_bytes 0"));
    }
}
