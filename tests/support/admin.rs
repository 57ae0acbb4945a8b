//! A service without its public doors, and a caller that can send whatever bytes it likes; it must hold no test.

#![allow(dead_code, reason = "each test program uses its own part")]

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use segue::admin::{Admin, Parts, Running};
use segue::config::Config;
use segue::drain::Drain;
use segue::fallback::Fallback;
use segue::metrics::Metrics;
use segue::model::engine::Precision;
use segue::model::worker::EngineCompute;
use segue::pull::Board;
use segue::room::Room;
use segue::snapshot::catalogue::{Catalogue, Cluster};
use segue::snapshot::ingest::{self, Ingest, IngestRules};
use segue::snapshot::lifecycle::Book;
use segue::snapshot::live::Live;
use segue::snapshot::manifest::{CATALOGUE, FILES, MANIFEST, Manifest, TABLE, Version};
use segue::snapshot::publish::{About, Published, ReleaseWriter, WriteShape};
use segue::snapshot::reload::{self, Outcome, Reloader};
use segue::snapshot::store::Store;
use serde_json::Value;
use tempfile::TempDir;

/// Longest wait for a reply or a state: far above what any takes, so that a hang is a failure and not a stuck build.
const REPLY_WAIT_MAX: Duration = Duration::from_secs(120);

/// A method and a path, sent as it stands.
type Call<'a> = (&'a str, &'a str);

/// A service with an operator's door.
pub(crate) struct Site {
    pub(crate) dir: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) drain: Drain,
    pub(crate) reloader: Reloader,
    room: Arc<Room>,
    running: Option<Running>,
}

/// A reply, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// The header of a file that is pushed.
pub(crate) const FILE: &str = "content-type: application/octet-stream";

pub(crate) fn version(name: &str) -> Version {
    name.parse().expect("a version")
}

/// Publishes a release whose popular list gives `score`, so that releases with other scores differ.
pub(crate) fn publish(store: &Path, version: &str, score: f32) -> PathBuf {
    publish_naming(store, (version, None), score).path
}

/// The same, where it names a model or none.
pub(crate) fn publish_naming(store: &Path, (version, model): (&str, Option<Version>), score: f32) -> Published {
    let cluster = |id| Cluster { id, name: format!("cluster {id}"), keywords: vec![], parent: None };
    let catalogue = Catalogue::new(vec![cluster(7), cluster(9), cluster(22)]).expect("distinct ids");
    let shape = WriteShape { depth: 1, width: 2 };
    let mut writer = ReleaseWriter::create(store, catalogue, shape, 1 << 16).expect("a store");
    writer.push(&[], &[(0, score), (1, score / 2.0)]).expect("the popular list comes first");
    writer.push(&[2], &[(1, score)]).expect("rows are sorted");
    let about = About { version: Some(version.parse().expect("a version")), model, ..About::default() };
    writer.finish(about).expect("the release is published")
}

/// Gives a release another file, and a manifest that lists it as it is now.
pub(crate) fn replace(release: &Path, name: &str, bytes: &[u8]) {
    fs::write(release.join(name), bytes).expect("the release can be written");
    let path = release.join(MANIFEST);
    let mut manifest = Manifest::from_json(&fs::read(&path).expect("a manifest")).expect("a manifest");
    let file = manifest.files.iter_mut().find(|file| file.name == name).expect("a file of the release");
    let digest = blake3::hash(bytes);
    (file.bytes, file.blake3) = (bytes.len() as u64, digest.to_hex().to_string());
    match name {
        TABLE => manifest.snapshot = Version::of_digest(&digest),
        CATALOGUE => manifest.catalogue = Version::of_digest(&digest),
        _ => {}
    }
    fs::write(&path, manifest.to_json()).expect("the release can be written");
}

impl Site {
    /// Starts with an empty store.
    pub(crate) fn empty(adjust: impl FnOnce(&mut Config)) -> Self {
        Self::start(TempDir::new().expect("a temporary directory"), adjust)
    }

    /// Starts with release `old`, which serves.
    pub(crate) fn serving(adjust: impl FnOnce(&mut Config)) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        publish(dir.path(), "old", 0.5);
        Store::open(dir.path()).activate(&"old".parse().expect("a version")).expect("old is complete");
        let site = Self::start(dir, adjust);
        assert!(site.reload().failure().is_none());
        site
    }

    fn start(dir: TempDir, adjust: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::defaults(dir.path());
        config.admin.listen = "127.0.0.1:0".parse().expect("an address");
        // So that nothing happens unasked.
        config.release.poll = Duration::from_secs(3600);
        config.admin.body_idle_timeout = 2 * REPLY_WAIT_MAX;
        // The logits of three clusters may lie so close together that bytes cannot tell them apart.
        config.model.precision = Precision::Full;
        adjust(&mut config);
        let (live, drain, metrics) = (Arc::<Live>::default(), Drain::default(), Metrics::new());
        let fallback = Fallback::start(&config.model, Arc::new(EngineCompute), metrics.model()).expect("a thread");
        let room = Arc::new(Room::new(&config, live.clone(), drain.clone(), fallback));
        metrics.watch(room.clone());
        let store = Store::open(dir.path());
        let admin = Admin::bind(&config).expect("a free port");
        let audit = admin.audit(&store, &metrics).expect("the store can be written");
        let (book, recorded) = (Book::new(), audit.clone());
        let followed = reload::Parts { store: store.clone(), live, metrics: metrics.clone(), book, audit: recorded };
        let reloader = Reloader::start(followed, &config).expect("a thread");
        let address = admin.address().expect("a bound socket");
        let ingest = ingest::Parts::new(&store, &config, &metrics, reloader.book());
        let ingest = Arc::new(Ingest::open(ingest, IngestRules::new(&config)));
        let parts = Parts {
            room: room.clone(),
            metrics,
            store,
            reloader: reloader.clone(),
            ingest,
            pulling: Board::default(),
            audit,
        };
        let running = admin.start(parts).expect("a thread");
        Self { dir, address, drain, reloader, room, running: Some(running) }
    }

    /// Looks at the pointer now.
    pub(crate) fn reload(&self) -> Outcome {
        self.reloader.request().blocking_recv().expect("the reloader runs")
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(self.dir.path())
    }

    /// The release that serves.
    pub(crate) fn served(&self) -> Option<String> {
        self.room.release(|release| release.manifest().version.to_string()).ok()
    }

    /// The names in the store's releases directory, hidden ones included, ascending.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.store().releases_dir()).expect("the store has releases");
        let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<_> = entries.map(name).map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send(("GET", path), &[], b"")
    }

    /// A call that changes something, as an operator's tool makes it.
    pub(crate) fn post(&self, path: &str, body: &str) -> Reply {
        self.send(("POST", path), &["content-type: application/json"], body.as_bytes())
    }

    /// Sends a request with exactly this path and these headers.
    pub(crate) fn send(&self, call: Call<'_>, headers: &[&str], body: &[u8]) -> Reply {
        let mut stream = self.begin(call, headers, body.len());
        // A reply that refuses may close the connection before all is sent; the reply is what counts.
        let _ = stream.write_all(body);
        receive(stream)
    }

    /// Sends only the head of a request, for a body of `length` bytes.
    pub(crate) fn begin(&self, (method, path): Call<'_>, headers: &[&str], length: usize) -> TcpStream {
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {length}\r\n");
        if !headers.iter().any(|header| header.starts_with("host:")) {
            head.push_str(&format!("host: {}\r\n", self.address));
        }
        headers.iter().for_each(|header| head.push_str(&format!("{header}\r\n")));
        let mut stream = self.connect();
        stream.write_all(format!("{head}\r\n").as_bytes()).expect("the door is open");
        stream
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the door is open");
        stream.set_read_timeout(Some(REPLY_WAIT_MAX)).expect("a timeout above zero");
        stream
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop();
        }
    }
}

/// Tries until a condition holds, and fails if it does not in a time far above what it takes. It leaves the processor
/// meanwhile to whatever brings that about.
#[track_caller]
pub(crate) fn until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < REPLY_WAIT_MAX, "it never came to be");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// Reads a reply to the end of its connection.
pub(crate) fn receive(mut stream: TcpStream) -> Reply {
    let mut bytes = Vec::new();
    // A reset after the reply, because the body was not read, takes nothing from it.
    let _ = stream.read_to_end(&mut bytes);
    let end =
        bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or_else(|| panic!("no reply: {bytes:?}"));
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Reply { status, head, body: bytes.split_off(end + 4) }
}

/// Ends a request in the middle of its body.
pub(crate) fn break_off(stream: TcpStream) -> Reply {
    stream.shutdown(Shutdown::Write).expect("the connection is open");
    receive(stream)
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Checks that this is a problem of a kind, and gives its text.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, kind: &str) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        assert!(self.head.contains("content-type: application/problem+json"), "{}", self.head);
        let problem = self.json();
        assert_eq!(problem["type"], format!("urn:segue:problem:{kind}"), "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        problem["detail"].as_str().expect("a text").to_owned()
    }
}

/// The program with nothing of this process's environment.
pub(crate) fn segue() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
    command.env_clear();
    command
}

#[track_caller]
pub(crate) fn run(command: &mut Command, code: i32) -> Output {
    let output = command.output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(output.status.code(), Some(code), "{}{}", text(&output.stdout), text(&output.stderr));
    output
}

/// A release elsewhere, to be pushed.
pub(crate) struct Parcel {
    _dir: TempDir,
    pub(crate) path: PathBuf,
    version: &'static str,
}

impl Parcel {
    pub(crate) fn new(version: &'static str, score: f32) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        Self { path: publish(dir.path(), version, score), _dir: dir, version }
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path.join(name)).expect("the release is complete")
    }

    pub(crate) fn manifest(&self) -> Manifest {
        Manifest::from_json(&self.bytes(MANIFEST)).expect("the release is complete")
    }

    pub(crate) fn address(&self, rest: &str) -> String {
        format!("/admin/v1/releases/{}/{rest}", self.version)
    }

    pub(crate) fn put(&self, site: &Site, name: &str) -> Reply {
        self.put_bytes(site, name, &self.bytes(name))
    }

    pub(crate) fn put_bytes(&self, site: &Site, name: &str, bytes: &[u8]) -> Reply {
        site.send(("PUT", &self.address(&format!("files/{name}"))), &[FILE], bytes)
    }

    pub(crate) fn commit(&self, site: &Site) -> Reply {
        site.post(&self.address("commit"), "")
    }

    /// Sends everything but the commit.
    #[track_caller]
    pub(crate) fn send(&self, site: &Site) {
        for name in [MANIFEST].into_iter().chain(FILES) {
            assert_eq!(self.put(site, name).status, 200, "{name}");
        }
    }

    /// Begins to send a file, and leaves the last byte to be sent.
    pub(crate) fn send_all_but_a_byte(&self, site: &Site, name: &str) -> (TcpStream, u8) {
        let bytes = self.bytes(name);
        let (last, most) = bytes.split_last().expect("it is not empty");
        let mut stream = site.begin(("PUT", &self.address(&format!("files/{name}"))), &[FILE], bytes.len());
        stream.write_all(most).expect("the door is open");
        (stream, *last)
    }
}
