//! The program itself: what it says when it starts, and the signals that it obeys.

mod support;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use segue::wire::json::VersionBody;
use serde_json::Value;
use support::caller::{Caller, PATIENCE};
use support::release::{CLUSTERS, ROWS, VERSION, publish, store, version};
use support::service::until;
use tempfile::TempDir;

/// A running `segue serve`, killed when it is dropped.
struct Program {
    child: Child,
    /// Its lines, read by a thread, so that a wait for one can end.
    log: Receiver<String>,
    http: SocketAddr,
}

impl Program {
    /// Starts it on a store, with a grace and a lame-duck time that no test lives to see the end of, unless told else.
    fn start(dir: &Path, flags: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
        command.env_clear().args(["serve", "--log-format", "json", "--release-poll-ms", "3600000"]);
        // The releases here name a model that nobody trained.
        command.args(["--model-missing", "serve"]);
        // However busy the machine is that tests this, every question is answered.
        command.args(["--request-deadline-default-ms", "120000", "--request-deadline-max-ms", "120000"]);
        command.args(["--http-body-read-timeout-ms", "120000"]);
        for door in ["http", "grpc", "admin"] {
            command.args([&format!("--{door}-listen"), "127.0.0.1:0"]);
        }
        let mut child =
            command.arg("--release-dir").arg(dir).args(flags).stderr(Stdio::piped()).spawn().expect("it starts");
        let log = lines(child.stderr.take().expect("it is piped"));
        let mut program = Self { child, log, http: ([127, 0, 0, 1], 0).into() };
        let serving = program.wait_for("serving");
        program.http = serving["http"].as_str().and_then(|address| address.parse().ok()).expect("an address");
        program
    }

    /// Reads the log until a line says `message`.
    fn wait_for(&self, message: &str) -> Value {
        loop {
            let line = self.log.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it never said `{message}`"));
            let fields: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            if fields["message"] == message {
                return fields;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(pid, signal).expect("it runs");
    }

    /// Reads the log to its end, and waits for the end of the program.
    fn wait(&mut self) -> (ExitStatus, Vec<String>) {
        let mut log = Vec::new();
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) => log.push(line),
                Err(RecvTimeoutError::Disconnected) => return (self.child.wait().expect("it is ours"), log),
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {log:?}"),
            }
        }
    }

    fn release(&self) -> Option<String> {
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

fn lines(stderr: ChildStderr) -> Receiver<String> {
    let (found, lines) = mpsc::channel();
    // Ends with the program, or with the test.
    thread::spawn(move || BufReader::new(stderr).lines().map_while(Result::ok).try_for_each(|line| found.send(line)));
    lines
}

fn with_store(flags: &[&str]) -> (Program, TempDir) {
    let dir = TempDir::new().expect("a temporary directory");
    store(dir.path());
    let program = Program::start(dir.path(), flags);
    until("the first release is loaded", || program.release().is_some());
    (program, dir)
}

/// The pointer is looked at once an hour here: only the signal can be what moved it.
#[test]
fn a_hangup_reloads() {
    let (program, dir) = with_store(&[]);
    assert_eq!(program.release().as_deref(), Some(VERSION));
    publish(dir.path(), "vectors-2", CLUSTERS, ROWS);
    segue::snapshot::store::Store::open(dir.path()).activate(&version("vectors-2")).expect("it is complete");
    assert_eq!(program.release().as_deref(), Some(VERSION));
    program.signal(Signal::HUP);
    until("the new release serves", || program.release().as_deref() == Some("vectors-2"));
}

/// It may come as early as it likes.
#[test]
fn a_hangup_at_once_is_obeyed() {
    let dir = TempDir::new().expect("a temporary directory");
    store(dir.path());
    let program = Program::start(dir.path(), &[]);
    program.signal(Signal::HUP);
    until("the release serves", || program.release().is_some());
}

#[test]
fn a_first_signal_drains() {
    for signal in [Signal::TERM, Signal::INT] {
        let (mut program, _dir) = with_store(&["--drain-lame-duck-ms", "0"]);
        let mut slow = Caller::connect(program.http);
        slow.send("POST /next-clusters HTTP/1.1\r\nhost: segue\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n");
        assert_eq!(slow.receive().status, 100, "it waits for the body now");
        program.signal(signal);
        program.wait_for("stopping: doors closed, finishing");
        slow.send("{}");
        assert_eq!(slow.receive().status, 200, "what was in flight is answered");
        slow.wait_closed();
        let (status, log) = program.wait();
        assert_eq!(status.code(), Some(0));
        assert!(log.last().is_some_and(|line| line.contains("\"stopped\"")), "{log:?}");
    }
}

#[test]
fn a_second_signal_ends_it_without_the_drain() {
    let (mut program, _dir) = with_store(&["--drain-lame-duck-ms", "3600000"]);
    program.signal(Signal::TERM);
    program.wait_for("stopping: un-ready, serving on");
    assert!(program.release().is_some(), "a lame duck serves on");
    program.signal(Signal::TERM);
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(0));
    assert!(log.iter().any(|line| line.contains("told to stop twice")), "{log:?}");
}

#[test]
fn a_taken_port_is_an_error_that_names_the_key() {
    let dir = TempDir::new().expect("a temporary directory");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_segue"))
        .env_clear()
        .args(["serve", "--http-listen", &address, "--grpc-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .arg("--release-dir")
        .arg(dir.path())
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains(&format!("cannot listen on {address} for http")) && said.contains("http.listen"), "{said}");
}
