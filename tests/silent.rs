//! Commands against what takes a call and then says nothing, or no more: each ends in the time that it was given, and
//! says who was silent for how long.

use std::io::{Read, Write};
use std::iter;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use tempfile::TempDir;

#[path = "support/admin.rs"]
mod support;

use support::{publish, segue};

/// What a half-silent service says to requests that begin so; it says nothing to others.
type Says = &'static [(&'static str, &'static str)];

/// The time that is given, as it is written: enough for what is answered, on a busy machine.
const TIME: &str = "400ms";
const LIVES: (&str, &str) = ("GET /livez ", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");

/// Somebody who takes every connection and every byte, and answers some requests.
struct HalfSilent {
    url: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl HalfSilent {
    fn start(says: Says) -> Self {
        let heard = Arc::<Mutex<Vec<String>>>::default();
        Self { url: format!("http://{}", half_silent(says, heard.clone())), heard }
    }

    /// How often something was said to it that begins so.
    fn heard(&self, begins: &str) -> usize {
        let heard = self.heard.lock().expect("nobody panics while holding it");
        heard.iter().filter(|said| said.starts_with(begins)).count()
    }
}

fn half_silent(says: Says, heard: Arc<Mutex<Vec<String>>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        listener.incoming().map_while(Result::ok).for_each(|stream| {
            let heard = heard.clone();
            thread::spawn(move || answer(stream, says, &heard));
        });
    });
    address
}

/// Reads until the caller hangs up. A head comes whole or not at all, over one machine.
fn answer(mut stream: TcpStream, says: Says, heard: &Mutex<Vec<String>>) {
    let mut bytes = [0; 1 << 16];
    while let Ok(read @ 1..) = stream.read(&mut bytes) {
        let asked = String::from_utf8_lossy(&bytes[..read]).into_owned();
        let reply = says.iter().find(|(begins, _)| asked.starts_with(begins));
        heard.lock().expect("nobody panics while holding it").push(asked.clone());
        if reply.is_some_and(|(_, reply)| stream.write_all(reply.as_bytes()).is_err()) {
            return;
        }
    }
}

fn start(words: &[&str]) -> Child {
    let mut command: Command = segue();
    command.args(words).args(["--timeout", TIME]).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("it starts")
}

/// Each row: a command, and what it says of whom. They all wait at the same time.
#[track_caller]
fn check(rows: &[(Vec<&str>, String)]) {
    let children: Vec<Child> = rows.iter().map(|(words, _)| start(words)).collect();
    for ((words, expected), child) in rows.iter().zip(children) {
        let Output { status, stderr, .. } = child.wait_with_output().expect("it ends");
        let told = String::from_utf8_lossy(&stderr);
        assert_eq!(status.code(), Some(1), "{words:?}: {told}");
        assert!(told.contains(expected), "{words:?}: expected {expected}, got {told}");
    }
}

fn release(dir: &Path) -> String {
    publish(dir, "new", 0.25);
    dir.join("releases/new").to_string_lossy().into_owned()
}

#[test]
fn no_command_waits_for_ever() {
    // Connections are taken by the system, and nobody ever reads from them.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (url, dir) = (format!("http://{}", listener.local_addr().expect("it is bound")), TempDir::new().expect("one"));
    let (encrypted, new) = (url.replace("http", "https"), release(dir.path()));
    let silent = |path: &str| format!("{url}{path} did not answer within {TIME} (timeout: ");
    let probe = format!("{url}/readyz");
    let rows = [
        (vec!["status", "--from", &url], silent("/admin/v1/releases")),
        (vec!["status", "--watch", "--from", &url], silent("/admin/v1/watch")),
        (vec!["status", "--from", &encrypted], format!("{encrypted}/admin/v1/releases did not answer within {TIME}")),
        (vec!["stage", "new", "--to", &url], silent("/livez")),
        (vec!["activate", "new", "--to", &url], silent("/livez")),
        (vec!["promote", "--to", &url], silent("/admin/v1/releases")),
        (vec!["shadow", "5%", "--to", &url], silent("/admin/v1/releases")),
        (vec!["canary", "5%", "--to", &url], silent("/admin/v1/releases")),
        (vec!["rollback", "--to", &url], silent("/admin/v1/releases")),
        (vec!["pin", "--to", &url], silent("/admin/v1/releases")),
        (vec!["unpin", "--to", &url], silent("/livez")),
        (vec!["quarantine", "new", "--reason", "x", "--to", &url], silent("/livez")),
        (vec!["push", &new, "--to", &url], silent("/livez")),
        (vec!["unseen", "export", "--to", &url], silent("/admin/v1/unseen")),
        (vec!["health", "--url", &probe], format!("{probe} does not answer; it was waited for {TIME} at most")),
    ];
    check(&rows);
    // Whoever says how long to wait does not mean several times.
    listener.set_nonblocking(true).expect("it is open");
    assert_eq!(iter::from_fn(|| listener.accept().ok()).count(), rows.len());
}

#[test]
fn nor_for_one_that_begins_and_says_no_more() {
    let dir = TempDir::new().expect("a temporary directory");
    let new = release(dir.path());
    // It lives, and its disk hangs.
    let hangs = HalfSilent::start(&[LIVES]);
    let begins = HalfSilent::start(&[("GET ", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"sequence\":")]);
    let takes = HalfSilent::start(&[
        LIVES,
        (
            "PUT /admin/v1/releases/new/files/manifest.json ",
            "HTTP/1.1 200 OK\r\ncontent-length: 58\r\n\r\n\
             {\"published\":false,\"missing\":[\"table.segue\"],\"offsets\":{}}",
        ),
    ]);
    let silent =
        |who: &HalfSilent, path: &str| format!("{}/admin/v1/{path} did not answer within {TIME} (timeout: ", who.url);
    let rows = [
        (vec!["status", "--from", &hangs.url], silent(&hangs, "releases")),
        (vec!["activate", "new", "--to", &hangs.url], silent(&hangs, "activate")),
        (vec!["push", &new, "--to", &hangs.url], silent(&hangs, "releases/new/files/manifest.json")),
        (vec!["status", "--from", &begins.url], silent(&begins, "releases")),
        (vec!["unseen", "export", "--to", &begins.url], silent(&begins, "unseen")),
        (vec!["push", &new, "--to", &takes.url], silent(&takes, "releases/new/files/table.segue?offset=0")),
    ];
    check(&rows);
    // What was taken whole, though no word came to go on, is not sent again.
    assert_eq!(takes.heard("SEGUETBL"), 1);
    assert_eq!(takes.heard("PUT /admin/v1/releases/new/files/table.segue"), 1);
}

#[test]
fn a_time_is_one() {
    for time in ["0s", "5", "soon", "2days"] {
        let output = segue().args(["status", "--timeout", time]).output().expect("it starts");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{time}: {told}");
        assert!(told.contains("expected a time above zero, at most a day, such as 5s or 2m"), "{time}: {told}");
    }
}
