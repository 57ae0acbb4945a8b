//! Pushes that break off: by a connection, a kill, a full disk or damage; each goes on where it stood, or begins anew and
//! says why, with the store as it was until all is there.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use segue::config::{Config, Signing};
use segue::metrics::Metrics;
use segue::snapshot::catalogue::{Catalogue, Cluster};
use segue::snapshot::ingest::{Begun, Ingest, IngestError, IngestRules, Parts};
use segue::snapshot::lifecycle::{Book, Reason, Standing};
use segue::snapshot::manifest::{CATALOGUE, FILES, MANIFEST, SIGNATURE, TABLE};
use segue::snapshot::parcel::Address;
use segue::snapshot::publish::{About, ReleaseWriter, WriteShape};
use segue::snapshot::release::Release;
use segue::snapshot::store::Store;
use serde_json::json;
use tempfile::TempDir;

#[path = "support/admin.rs"]
mod support;

use support::{FILE, Parcel, Site, break_off, publish, run, segue, version};

/// Clusters of a release whose every file is larger than [`ROOM_BLOCKS`].
const CLUSTERS: u32 = 400;
/// Blocks of 512 or 1024 bytes that a file may have where the disk is full: a manifest has room, and nothing else.
const ROOM_BLOCKS: u32 = 8;
/// Keywords of a cluster, so that what is pushed takes several pieces.
const KEYWORDS: usize = 60;

fn ingest(store: &Path, book: &Book) -> Ingest {
    let config = Config::defaults(store);
    Ingest::open(Parts::new(&Store::open(store), &config, &Metrics::new(), book), IngestRules::new(&config))
}

fn address(name: &str) -> Address {
    Address::release(version(name))
}

/// A store whose current release is `old`.
fn store() -> TempDir {
    let dir = TempDir::new().expect("a temporary directory");
    publish(dir.path(), "old", 0.5);
    Store::open(dir.path()).activate(&version("old")).expect("old is complete");
    dir
}

/// The files still to come, with where each goes on.
fn missing(ingest: &Ingest, parcel: &Parcel) -> Vec<(&'static str, u64)> {
    match ingest.begin(&address("new"), &parcel.bytes(MANIFEST)).expect("it is open, or may be opened") {
        Begun::Open(missing) => missing.into_iter().map(|file| (file.name, file.offset)).collect(),
        Begun::Published => Vec::new(),
    }
}

/// What is published is `old` alone, and it is whole.
#[track_caller]
fn check_unchanged(dir: &Path) {
    let store = Store::open(dir);
    assert_eq!(store.versions().expect("a store"), [version("old")]);
    assert_eq!(store.state().expect("a pointer").current, Some(version("old")));
    Release::load(&store.release_path(&version("old"))).expect("old is as it was");
}

#[test]
fn a_push_goes_on_where_each_file_stands_also_after_a_restart() {
    let (dir, parcel) = (store(), Parcel::new("new", 0.25));
    // Each time as if the service had just been started.
    let open = || ingest(dir.path(), &Book::new());
    assert_eq!(missing(&open(), &parcel), FILES.map(|name| (name, 0)));
    for (sent, name) in FILES.into_iter().enumerate() {
        let bytes = parcel.bytes(name);
        let middle = bytes.len() / 2;
        let short = open().receive_from(&address("new"), (name, 0), [&bytes[..middle]]);
        assert!(matches!(short, Err(IngestError::Short { got, .. }) if got == middle as u64), "{short:?}");
        assert_eq!(missing(&open(), &parcel)[0], (name, middle as u64));
        for offset in [1, middle as u64 - 1, middle as u64 + 1, u64::MAX] {
            let wrong = open().receive_from(&address("new"), (name, offset), [&bytes[middle..]]);
            let stands = middle as u64;
            assert!(matches!(wrong, Err(IngestError::Offset { expected, .. }) if expected == stands), "{wrong:?}");
        }
        check_unchanged(dir.path());
        open().receive_from(&address("new"), (name, middle as u64), [&bytes[middle..]]).expect("the rest of it");
        let left: Vec<_> = missing(&open(), &parcel).into_iter().map(|(name, _)| name).collect();
        assert_eq!(left, FILES[sent + 1..]);
    }
    open().commit(&address("new")).expect("all is there");
    Release::load(&Store::open(dir.path()).release_path(&version("new"))).expect("it is whole");
}

#[test]
fn what_was_damaged_on_the_disk_is_sent_anew() {
    let (dir, parcel) = (store(), Parcel::new("new", 0.25));
    let (ingest, bytes) = (ingest(dir.path(), &Book::new()), parcel.bytes(TABLE));
    missing(&ingest, &parcel);
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    ingest.receive(&address("new"), TABLE, [first]).expect_err("it is short");
    let part = Store::open(dir.path()).releases_dir().join(format!(".partial-push-new/{TABLE}.part"));
    let mut damaged = first.to_vec();
    damaged[0] ^= 1;
    fs::write(&part, damaged).expect("it can be written");
    let error = ingest.receive_from(&address("new"), (TABLE, first.len() as u64), [rest]).expect_err("it is damaged");
    assert!(matches!(error, IngestError::Digest { .. }), "{error}");
    assert_eq!(missing(&ingest, &parcel)[0], (TABLE, 0));
    ingest.receive(&address("new"), TABLE, [bytes]).expect("it is sound");
}

#[test]
fn the_door_says_where_to_go_on() {
    let (site, parcel) = (Site::serving(|_| {}), Parcel::new("new", 0.25));
    parcel.send(&site);
    let (stream, last) = parcel.send_all_but_a_byte(&site, TABLE);
    break_off(stream).problem(400, "invalid_request");
    let stands = parcel.bytes(TABLE).len() as u64 - 1;
    let begun = parcel.put(&site, MANIFEST).json();
    assert_eq!(begun, json!({ "published": false, "missing": [TABLE], "offsets": { TABLE: stands } }));
    let at = |offset: &str| {
        let path = parcel.address(&format!("files/{TABLE}?offset={offset}"));
        site.send(("PUT", &path), &[FILE], &[last])
    };
    let detail = at("1").problem(409, "conflict");
    assert!(detail.contains(&format!("stands at {stands} bytes")), "{detail}");
    for offset in ["", "-1", "x", "1.5", "99999999999999999999"] {
        let detail = at(offset).problem(400, "invalid_request");
        assert!(detail.contains("?offset=BYTES"), "{detail}");
    }
    assert_eq!(at(&stands.to_string()).status, 200);
    assert_eq!(parcel.commit(&site).status, 200);
}

#[test]
fn a_signature_comes_with_the_manifest_and_stays_beside_it() {
    let site = Site::serving(|config| config.gates.signature = Signing::Off);
    let parcel = Parcel::new("new", 0.25);
    let begin = |signature: &str| {
        let header = format!("segue-signature: {signature}");
        site.send(("PUT", &parcel.address("files/manifest.json")), &[FILE, &header], &parcel.bytes(MANIFEST))
    };
    for wrong in ["", "00", "zz", &"0".repeat(130)] {
        begin(wrong).problem(400, "invalid_request");
        assert_eq!(site.names(), ["old"], "{wrong}");
    }
    assert_eq!(parcel.put(&site, MANIFEST).status, 200);
    let signature = site.store().releases_dir().join(format!(".partial-push-new/{SIGNATURE}"));
    assert!(!signature.exists());
    assert_eq!(begin(&"ab".repeat(64)).status, 200);
    assert_eq!(fs::read(signature).expect("it was kept"), [0xab; 64]);
    parcel.send(&site);
    assert_eq!(parcel.commit(&site).status, 200);
    let published = site.store().release_path(&version("new")).join(SIGNATURE);
    assert_eq!(fs::read(published).expect("it was published"), [0xab; 64]);
}

#[test]
fn nothing_comes_that_the_gates_refuse_or_that_is_barred() {
    let site = Site::empty(|config| config.gates.memory_free_min = 1.0);
    let detail = Parcel::new("new", 0.25).put(&site, MANIFEST).problem(422, "refused");
    assert!(detail.contains("memory"), "{detail}");
    assert_eq!(site.names(), [""; 0]);

    let site = Site::serving(|_| {});
    let why = Reason { class: "operator", text: "it was bad".to_owned() };
    site.store().quarantine(&version("new"), &why).expect("the store can be written");
    let detail = Parcel::new("new", 0.25).put(&site, MANIFEST).problem(409, "conflict");
    assert!(detail.contains("quarantined") && detail.contains("it was bad"), "{detail}");
    assert_eq!(site.names(), ["old"]);
}

#[test]
fn the_book_says_how_far_a_release_has_come_and_why_it_failed() {
    let (dir, parcel, book) = (store(), Parcel::new("new", 0.25), Book::new());
    let ingest = ingest(dir.path(), &book);
    missing(&ingest, &parcel);
    let entry = || book.entry(&version("new")).expect("it has an entry");
    let fetched = || entry().fetched.expect("it is being fetched");
    assert_eq!((entry().standing, fetched().bytes), (Standing::Fetching, 0));
    ingest.receive(&address("new"), TABLE, [parcel.bytes(TABLE)]).expect("it is sound");
    let come = fetched();
    assert_eq!((come.bytes, come.bytes_total), (parcel.bytes(TABLE).len() as u64, parcel.manifest().bytes()));
    ingest.give_up(&address("new"));
    assert_eq!(entry().standing, Standing::Failed);
    assert_eq!(entry().reason.expect("it failed").class, "abandoned");
    check_unchanged(dir.path());
}

/// A release whose every file is larger than the room on a full disk.
fn large(dir: &Path) -> PathBuf {
    let keywords = |id: u32| (0..KEYWORDS).map(|keyword| format!("keyword-{id}-{keyword}")).collect();
    let cluster = |id| Cluster { id, name: format!("cluster {id}"), keywords: keywords(id), parent: None };
    let catalogue = Catalogue::new((0..CLUSTERS).map(cluster).collect()).expect("distinct ids");
    let shape = WriteShape { depth: 1, width: 8 };
    let mut writer = ReleaseWriter::create(dir, catalogue, shape, 1 << 16).expect("a place");
    let candidates: Vec<_> = (0..8).map(|index| (index, 0.9 - index as f32 / 10.0)).collect();
    writer.push(&[], &candidates).expect("the popular list");
    (0..CLUSTERS).for_each(|index| writer.push(&[index], &candidates).expect("a sorted row"));
    writer.finish(About { version: Some(version("new")), ..About::default() }).expect("room on the disk").path
}

/// Tells this program that it is the child on a full disk: the store, and the release to push into it.
const JOB: &str = "SEGUE_TEST_RESUME_JOB";

/// Not a test but what the next runs in a process of its own; by itself it has no job.
#[test]
fn the_child() {
    let Ok(job) = std::env::var(JOB) else { return };
    let (store, release) = job.split_once('|').expect("a job has two parts");
    let read = |name: &str| fs::read(Path::new(release).join(name)).expect("it is there");
    let ingest = ingest(Path::new(store), &Book::new());
    ingest.begin(&address("new"), &read(MANIFEST)).expect("the manifest has room");
    for name in FILES {
        let error = ingest.receive(&address("new"), name, read(name).chunks(1000)).expect_err("it has no room");
        assert!(matches!(error, IngestError::Io(_)) && error.to_string().contains("see to the disk"), "{error}");
    }
    let left = ingest.begin(&address("new"), &read(MANIFEST)).expect("the push is still open");
    let Begun::Open(left) = left else { panic!("nothing came") };
    assert!(left.iter().all(|file| file.offset == 0), "what had no room takes none: {left:?}");
}

#[test]
fn a_full_disk_at_every_file_leaves_what_serves_and_says_why() {
    let (dir, made) = (store(), TempDir::new().expect("a temporary directory"));
    let release = large(made.path());
    // The signal that would kill for a file above the limit is ignored.
    let script = format!("trap '' XFSZ; ulimit -f {ROOM_BLOCKS}; exec \"$0\" \"$@\"");
    let mut child = Command::new("sh");
    child.args(["-c", &script]).arg(std::env::current_exe().expect("this program has a path"));
    child.args(["--exact", "the_child", "--nocapture"]);
    let job = format!("{}|{}", dir.path().display(), release.display());
    let output = child.env(JOB, job).output().expect("this program starts again");
    assert!(output.status.success(), "{output:?}");
    check_unchanged(dir.path());
}

/// Stands between a command and a service, and cuts each of the first connections after so many bytes.
struct Cutting {
    address: SocketAddr,
    /// Bytes that went to the service.
    bytes: Arc<AtomicU64>,
}

impl Cutting {
    fn start(to: SocketAddr, (connections, bytes_max): (usize, u64)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let (address, bytes) = (listener.local_addr().expect("it is bound"), Arc::new(AtomicU64::new(0)));
        let told = bytes.clone();
        thread::spawn(move || {
            for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
                let service = TcpStream::connect(to).expect("the door is open");
                let limit = if number < connections { bytes_max } else { u64::MAX };
                let back = (service.try_clone().expect("a socket"), stream.try_clone().expect("a socket"));
                let uncounted = Arc::default();
                thread::spawn(move || pour(back, u64::MAX, &uncounted));
                let told = told.clone();
                thread::spawn(move || pour((stream, service), limit, &told));
            }
        });
        Self { address, bytes }
    }
}

/// Copies until the end, or until the limit, and hangs up both sides.
fn pour((mut from, mut to): (TcpStream, TcpStream), bytes_max: u64, told: &AtomicU64) {
    let (mut chunk, mut bytes) = ([0; 4096], 0);
    while let Ok(read @ 1..) = from.read(&mut chunk) {
        bytes += read as u64;
        if bytes > bytes_max || to.write_all(&chunk[..read]).is_err() {
            break;
        }
        told.fetch_add(read as u64, Ordering::Relaxed);
    }
    // Either may be gone already.
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

#[test]
fn the_command_goes_on_when_the_connection_breaks_again_and_again() {
    let made = TempDir::new().expect("a temporary directory");
    let release = large(made.path());
    let bytes = fs::metadata(release.join(CATALOGUE)).expect("it is there").len();
    let site = Site::serving(|_| {});
    let cutting = Cutting::start(site.address, (3, bytes / 3));
    let to = format!("http://{}", cutting.address);
    let output = run(segue().arg("push").arg(&release).args(["--to", &to, "--no-activate"]), 0);
    assert!(String::from_utf8_lossy(&output.stdout).contains("sent, checked and published"), "{output:?}");
    let sent = cutting.bytes.load(Ordering::Relaxed);
    assert!(sent < 2 * bytes, "{sent} bytes for a file of {bytes}: something was sent twice");
    Release::load(&site.store().release_path(&version("new"))).expect("it is whole");
}
