//! `segue demo` as a newcomer meets it: the program runs, the questions that it prints are asked, and nothing is left.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

const FLAGS: [&str; 3] = ["--http-listen", "--grpc-listen", "--admin-listen"];

/// A demo that runs, killed at the latest when dropped.
struct Demo {
    child: Child,
    /// Every line up to the last question.
    shown: Vec<String>,
    temporary: TempDir,
}

/// A question as `curl` would ask it.
#[derive(Debug, PartialEq)]
struct Asked {
    address: String,
    path: String,
    body: Option<String>,
}

impl Demo {
    fn start() -> Self {
        let temporary = TempDir::new().expect("a temporary directory");
        let mut child = demo(&["127.0.0.1:0"; 3], temporary.path()).spawn().expect("the program starts");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut questions = 0;
        let mut shown = Vec::new();
        for line in output.lines() {
            let line = line.expect("the program writes UTF-8");
            questions += usize::from(line.starts_with("curl "));
            shown.push(line);
            if questions == 4 {
                break;
            }
        }
        Self { child, shown, temporary }
    }

    fn questions(&self) -> Vec<Asked> {
        self.shown.iter().filter(|line| line.starts_with("curl ")).map(|line| Asked::read(line)).collect()
    }

    /// Interrupts it, as Ctrl-C does.
    fn interrupt(&mut self) -> ExitStatus {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::INT).expect("it runs");
        self.child.wait().expect("it is ours")
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Fails where it has ended, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Asked {
    /// Reads the subset of the shell and of `curl` that the demo prints.
    fn read(line: &str) -> Self {
        let quoted = |(place, part): (usize, &str)| match place % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        };
        let words: Vec<String> = line.split('\'').enumerate().flat_map(quoted).collect();
        let url = words.iter().find_map(|word| word.strip_prefix("http://")).expect("a question has a URL");
        let (address, path) = url.split_once('/').expect("a URL has a path");
        let body = words.iter().position(|word| word == "-d").map(|place| words[place + 1].clone());
        if body.is_some() {
            assert!(words.contains(&"content-type: application/json".to_owned()), "{line}");
        }
        Self { address: address.to_owned(), path: format!("/{path}"), body }
    }

    fn answer(&self) -> Value {
        let Self { address, path, body } = self;
        let mut stream = TcpStream::connect(address).expect("the demo listens");
        let head = "Host: demo\r\nConnection: close\r\nContent-Type: application/json";
        let request = match body {
            None => format!("GET {path} HTTP/1.1\r\n{head}\r\n\r\n"),
            Some(body) => format!("POST {path} HTTP/1.1\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
        };
        stream.write_all(request.as_bytes()).expect("the demo reads");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("the demo answers in UTF-8");
        let (head, body) = reply.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 200 "), "{self:?}: {reply}");
        serde_json::from_str(body).expect("JSON")
    }
}

/// The demo on these addresses for HTTP, gRPC and the operator, with nothing of this process's environment.
fn demo(listen: &[&str; 3], temporary: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
    command.arg("demo").env_clear().env("TMPDIR", temporary).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (flag, address) in FLAGS.iter().zip(listen) {
        command.args([flag, address]);
    }
    // However busy the machine is that tests this, the model is waited for.
    command.args(["--model-timeout-ms", "60000", "--request-deadline-default-ms", "120000"]);
    command.args(["--request-deadline-max-ms", "120000"]);
    command
}

fn left_in(dir: &Path) -> usize {
    fs::read_dir(dir).expect("it is a directory").count()
}

#[test]
fn the_printed_questions_get_answers_and_nothing_is_left_behind() {
    let mut demo = Demo::start();
    let shown = demo.shown.join("\n");
    for expected in ["online-retail-k100", "8,838", "100 clusters", "Chen, D.", "CC BY 4.0", "HTTP ", "gRPC ", "admin "]
    {
        assert!(shown.contains(expected), "{expected} is not in\n{shown}");
    }
    let questions = demo.questions();
    let [post, get, batch, unseen] = &questions[..] else { panic!("expected four questions in\n{shown}") };
    assert!(post.body.is_some() && get.body.is_none() && batch.path.ends_with("/batch"), "{questions:?}");
    let named = post.answer();
    assert_eq!((&named["source"], &named["release"]), (&json!("table"), &json!("online-retail-k100")));
    assert!(named["candidates"].as_array().is_some_and(|all| all.len() == 5 && all[0]["name"].is_string()), "{named}");
    assert_eq!(get.answer()["source"], "table");
    let results = batch.answer()["results"].clone();
    let sources: Vec<_> = results.as_array().expect("a list").iter().map(|one| &one["answer"]["source"]).collect();
    assert_eq!(sources, ["table", "table", "popular"]);
    let unseen = unseen.answer();
    assert_eq!((&unseen["source"], &unseen["model"]), (&json!("model"), &json!("online-retail-k100")), "{unseen}");
    assert!(unseen.get("degraded").is_none(), "{unseen}");
    assert_eq!(left_in(demo.temporary.path()), 1, "the release lies in a store of its own");
    assert!(demo.interrupt().success());
    assert_eq!(left_in(demo.temporary.path()), 0);
}

#[test]
fn a_taken_port_is_told_with_the_flag_that_chooses_another() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let temporary = TempDir::new().expect("a temporary directory");
    for (place, flag) in FLAGS.into_iter().enumerate() {
        let mut listen = ["127.0.0.1:0"; 3];
        listen[place] = &address;
        let output = demo(&listen, temporary.path()).output().expect("the program starts");
        let told = String::from_utf8(output.stderr).expect("the program writes UTF-8");
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(&address) && told.contains(flag), "{told}");
        assert_eq!(left_in(temporary.path()), 0);
    }
}

#[test]
fn nothing_of_the_operators_is_served() {
    let store = TempDir::new().expect("a temporary directory");
    let temporary = TempDir::new().expect("a temporary directory");
    let mut command = demo(&["127.0.0.1:0"; 3], temporary.path());
    let mut child = command.env("SEGUE_RELEASE_DIR", store.path()).spawn().expect("the program starts");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut first).expect("UTF-8");
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
    assert!(child.wait().expect("it is ours").success());
    assert!(first.contains("demo release"), "{first}");
    assert_eq!(left_in(store.path()), 0);
}
