//! `segue serve` in a process of its own that pulls from a server; it must hold no test.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use segue::wire::json::VersionBody;
use serde_json::Value;

use crate::s3::S3;
use crate::support::caller::Caller;

/// A program that runs, killed by SIGKILL when it is dropped.
pub(crate) struct Program {
    child: Child,
    http: SocketAddr,
}

impl Program {
    /// Starts it on a store.
    pub(crate) fn start(s3: &S3, dir: &Path, flags: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
        s3.tell(command.env_clear()).args(["serve", "--log-format", "json"]);
        for door in ["http", "grpc", "admin"] {
            command.args([&format!("--{door}-listen"), "127.0.0.1:0"]);
        }
        let mut child =
            command.arg("--release-dir").arg(dir).args(flags).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines().map_while(Result::ok);
        let serving = lines.find_map(|line| {
            let fields: Value = serde_json::from_str(&line).ok()?;
            (fields["message"] == "serving").then(|| fields["http"].as_str()?.parse().ok())?
        });
        // What else it says is read, so that it can say it.
        thread::spawn(move || lines.for_each(drop));
        Self { child, http: serving.expect("it serves") }
    }

    /// The release that it answers from.
    pub(crate) fn release(&self) -> Option<String> {
        let reply = Caller::connect(self.http).get("/version");
        (reply.status == 200).then(|| reply.json::<VersionBody>(200).release)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
