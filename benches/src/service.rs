//! Starting Segue itself for a measurement: free ports, chosen cores, quiet logs.
//!
//! It must never read the service's insides: everything goes over its doors, as it does for its users.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::load::http;
use crate::process::{Server, free_address, on_cores};
use crate::workers::Flavor;

/// How long the service may take until it is ready.
const READY_WAIT: Duration = Duration::from_secs(120);

/// How to start it.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The program.
    pub program: PathBuf,
    /// The store it serves from.
    pub dir: PathBuf,
    /// Worker threads.
    pub workers: usize,
    /// Cores it may use, as `taskset -c` names them.
    pub cores: String,
    /// How connections meet cores.
    pub flavor: Flavor,
}

/// The running service.
#[derive(Debug)]
pub struct Segue {
    /// Its process, addressed at the HTTP door.
    pub server: Server,
    /// The gRPC door.
    pub grpc: SocketAddr,
    /// The admin door.
    pub admin: SocketAddr,
}

impl Segue {
    /// Starts it and waits until it is ready.
    pub fn start(setup: &Setup) -> Result<Self> {
        Self::start_with(setup, &[])
    }

    /// The same with further flags.
    pub fn start_with(setup: &Setup, flags: &[&str]) -> Result<Self> {
        let (http, grpc, admin) = (free_address()?, free_address()?, free_address()?);
        let mut command = on_cores(&setup.cores, &setup.program);
        command.arg("serve").arg("--release-dir").arg(&setup.dir);
        command.args(["--runtime-flavor", setup.flavor.names().0, "--runtime-workers", &setup.workers.to_string()]);
        command.args(["--http-listen", &http.to_string(), "--grpc-listen", &grpc.to_string()]);
        command
            .args(["--admin-listen", &admin.to_string(), "--log-level", "warn", "--drain-lame-duck-ms", "0"])
            .args(flags);
        let segue = Self { server: Server::start(&mut command, http)?, grpc, admin };
        segue.wait_until_ready()?;
        Ok(segue)
    }

    /// Switches to a release over the admin door and returns when the service says that it did.
    pub fn activate(&self, version: &str) -> Result<()> {
        let request = http::post("/admin/v1/activate", &format!(r#"{{"version":"{version}"}}"#));
        let (status, body) = http::ask_once(self.admin, &request)?;
        ensure!(status == 200, "activating {version} got {status}: {}", String::from_utf8_lossy(&body));
        Ok(())
    }

    /// Ready is what a user sees: a question gets an answer.
    fn wait_until_ready(&self) -> Result<()> {
        let question = http::post("/next-clusters", r#"{"history":[]}"#);
        let started = Instant::now();
        while !matches!(http::ask_once(self.server.address, &question), Ok((200, _))) {
            ensure!(started.elapsed() < READY_WAIT, "the service gave no answer within {READY_WAIT:?}");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

/// Where `cargo build --release` in the root puts the service, seen from the bench's own target directory.
pub fn default_program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/segue")
}
