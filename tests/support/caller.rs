//! A caller that can send whatever bytes it likes over HTTP/1.1, and reads what comes back; it must hold no test.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use segue::wire::json::ProblemBody;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How long a test waits for what must come: long, so that only a fault can reach it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// One connection.
#[derive(Debug)]
pub(crate) struct Caller {
    stream: TcpStream,
    /// What came and is not read yet.
    came: Vec<u8>,
}

/// A reply.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Caller {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the door is open");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time above zero");
        stream.set_nodelay(true).expect("a TCP socket");
        Self { stream, came: Vec::new() }
    }

    /// Asks without a body.
    pub(crate) fn get(&mut self, path: &str) -> Reply {
        self.call("GET", path, "")
    }

    /// Asks with JSON.
    pub(crate) fn post(&mut self, path: &str, body: &impl Serialize) -> Reply {
        self.call("POST", path, &serde_json::to_string(body).expect("it has a JSON form"))
    }

    /// Asks by any method, with whatever text.
    pub(crate) fn call(&mut self, method: &str, path: &str, text: &str) -> Reply {
        self.send(request(method, path, text));
        if method == "HEAD" { self.receive_head().0 } else { self.receive() }
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).expect("the connection is open");
    }

    /// The same, where the other side may have hung up.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Says that nothing more is sent.
    pub(crate) fn finish_sending(&self) {
        self.stream.shutdown(Shutdown::Write).expect("the connection is open");
    }

    /// Waits for a reply and its body.
    pub(crate) fn receive(&mut self) -> Reply {
        let (mut reply, length) = self.receive_head();
        while self.came.len() < length {
            assert!(self.read_more(PATIENCE), "the body ends early: {reply:?}");
        }
        reply.body = self.came.drain(..length).collect();
        reply
    }

    /// Asks without a body where the other side may hang up before it has heard all; `None` where it did.
    pub(crate) fn try_get(&mut self, path: &str) -> Option<Reply> {
        self.try_send(request("GET", path, "")).ok()?;
        while !self.came.windows(4).any(|window| window == b"\r\n\r\n") {
            if !self.read_more(PATIENCE) {
                return None;
            }
        }
        Some(self.receive())
    }

    /// Waits for a reply that has no body; gives the length that its head states, too.
    pub(crate) fn receive_head(&mut self) -> (Reply, usize) {
        let end = loop {
            match self.came.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(end) => break end,
                None => assert!(self.read_more(PATIENCE), "no reply: {:?}", String::from_utf8_lossy(&self.came)),
            }
        };
        let head: Vec<u8> = self.came.drain(..end + 4).collect();
        let head = String::from_utf8(head).expect("a head is ASCII");
        let mut lines = head.trim_end().lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let headers = lines.map(|line| header(line).expect("a name and a value")).collect();
        let reply = Reply { status: status.expect("a status"), headers, body: Vec::new() };
        let length = reply.header("content-length").map_or(0, |length| length.parse().expect("a number"));
        (reply, length)
    }

    /// Waits until the other side hangs up; nothing may come before.
    pub(crate) fn wait_closed(&mut self) {
        assert!(!self.read_more(PATIENCE), "expected the end, got {:?}", String::from_utf8_lossy(&self.came));
    }

    /// Whether the other side hangs up within a time.
    pub(crate) fn is_closed_within(&mut self, wait: Duration) -> bool {
        let open = self.try_read(wait);
        matches!(open, Ok(0)) || open.is_err_and(|error| !is_timeout(&error))
    }

    /// Waits for more to come; `false` at the end. A reset is an end too: it takes nothing from what came before.
    fn read_more(&mut self, wait: Duration) -> bool {
        match self.try_read(wait) {
            Ok(count) => count > 0,
            Err(error) if is_timeout(&error) => panic!("nothing came in {wait:?}"),
            Err(_) => false,
        }
    }

    fn try_read(&mut self, wait: Duration) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(wait)).expect("a time above zero");
        let mut bytes = [0; 16 * 1024];
        let count = self.stream.read(&mut bytes)?;
        self.came.extend_from_slice(&bytes[..count]);
        Ok(count)
    }
}

impl Reply {
    /// The value of a header, where it is there.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The body of a reply that must be of a status.
    #[track_caller]
    pub(crate) fn json<T: DeserializeOwned>(&self, status: u16) -> T {
        assert_eq!(self.status, status, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Checks that this is a problem of a kind, and gives its text.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, kind: &str) -> String {
        let problem: ProblemBody = self.json(status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{problem:?}");
        assert_eq!((problem.status, problem.kind), (status, format!("urn:segue:problem:{kind}")));
        problem.detail
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A request as it is sent: JSON, where there is a body.
pub(crate) fn request(method: &str, path: &str, text: &str) -> String {
    let body = match text {
        "" => String::new(),
        text => format!("content-type: application/json\r\ncontent-length: {}\r\n", text.len()),
    };
    format!("{method} {path} HTTP/1.1\r\nhost: segue\r\n{body}\r\n{text}")
}

/// The head of a request whose body of some bytes comes later.
pub(crate) fn head(path: &str, length: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: segue\r\ncontent-length: {length}\r\n\r\n")
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
