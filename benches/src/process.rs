//! Starting a server as a process of its own, on its own cores, and stopping exactly that one.
//!
//! It must never leave a process behind: a server that goes out of scope is killed and waited for.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cpu::{CpuTime, cpu_time};

/// How long a server may take to accept its first connection.
const START_WAIT: Duration = Duration::from_secs(60);
/// How long a server may take to leave after it was asked to.
const STOP_WAIT: Duration = Duration::from_secs(3);

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it answers.
    pub address: SocketAddr,
}

impl Server {
    /// Starts `command` and waits until `address` accepts.
    pub fn start(command: &mut Command, address: SocketAddr) -> Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let child = child.with_context(|| format!("starting {command:?}"))?;
        let mut server = Self { child, address };
        server.wait_until_up()?;
        Ok(server)
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// CPU time used so far, children included.
    pub fn cpu(&self) -> CpuTime {
        cpu_time(self.pid())
    }

    fn wait_until_up(&mut self) -> Result<()> {
        let started = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server left with {status} before it accepted on {}", self.address);
            }
            if started.elapsed() > START_WAIT {
                bail!("the server did not accept on {} within {START_WAIT:?}", self.address);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Server {
    /// Asks first (a master process must take its workers with it), then kills.
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.pid().to_string()).status();
        let asked = Instant::now();
        while asked.elapsed() < STOP_WAIT {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that runs `program` on the cores in `cores` (as `taskset -c` names them).
pub fn on_cores(cores: &str, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", cores]).arg(program);
    command
}

/// Keeps this process, and the threads it starts from now on, to these cores.
pub fn keep_to_cores(cores: &str) -> Result<()> {
    let pid = std::process::id().to_string();
    let done = Command::new("taskset").args(["-cp", cores, &pid]).stdout(Stdio::null()).status()?;
    anyhow::ensure!(done.success(), "taskset refused the cores {cores}; name cores that this machine has");
    Ok(())
}

/// Keeps this thread alone, and the threads that it starts from now on, to these cores.
pub fn keep_thread_to_cores(cores: &str) -> Result<()> {
    let thread = std::fs::read_link("/proc/thread-self")?;
    let id = thread.file_name().context("/proc/thread-self names a thread")?.to_string_lossy().into_owned();
    let done = Command::new("taskset").args(["-cp", cores, &id]).stdout(Stdio::null()).status()?;
    anyhow::ensure!(done.success(), "taskset refused the cores {cores}; name cores that this machine has");
    Ok(())
}

/// A loopback address that was free a moment ago.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// A program built beside the running one.
pub fn sibling(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    anyhow::ensure!(path.exists(), "{} is missing: run `cargo build --release` in benches/ first", path.display());
    Ok(path)
}
