//! Any calls of a push, in any order, with right and wrong names, manifests, offsets and bytes, over restarts: nothing
//! panics, nothing is made beside the store, and whatever the store shows is a release that loads.

#![no_main]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use segue::config::Config;
use segue::metrics::Metrics;
use segue::snapshot::catalogue::{Catalogue, Cluster};
use segue::snapshot::ingest::{Ingest, IngestRules, PUSHES_MAX, Parts};
use segue::snapshot::lifecycle::Book;
use segue::snapshot::manifest::{FILES, MANIFEST, Version};
use segue::snapshot::parcel::{Address, Kind};
use segue::snapshot::publish::{About, ReleaseWriter, WriteShape};
use segue::snapshot::release::Release;
use segue::snapshot::store::Store;
use tempfile::TempDir;

/// Most bytes that a push may have here: some times what the release below has.
const PUSH_BYTES_MAX: u64 = 64 * 1024;
/// Names that are good, bad or lead elsewhere.
const NAMES: [&str; 8] = ["a", "b", "../a", "..", ".partial-push-a", "a/b", "", "/etc/passwd"];

/// A release that could be pushed, by the names of its files.
static RELEASE: LazyLock<Vec<(&'static str, Vec<u8>)>> = LazyLock::new(|| {
    let dir = TempDir::new().expect("a temporary directory");
    let cluster = |id| Cluster { id, name: format!("cluster {id}"), keywords: vec![], parent: None };
    let catalogue = Catalogue::new(vec![cluster(7), cluster(9)]).expect("distinct ids");
    let mut writer =
        ReleaseWriter::create(dir.path(), catalogue, WriteShape { depth: 1, width: 2 }, 1 << 12).expect("a store");
    writer.push(&[], &[(0, 0.5), (1, 0.25)]).expect("the popular list comes first");
    writer.push(&[1], &[(0, 0.5)]).expect("rows are sorted");
    let about = About { version: Some(version("a")), ..About::default() };
    let path = writer.finish(about).expect("the disk takes it").path;
    let read = |name| (name, fs::read(path.join(name)).expect("the release is complete"));
    [MANIFEST].into_iter().chain(FILES).map(read).collect()
});

/// Counts that nobody reads; made once, since making them costs more than a push.
static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// The fuzzer's bytes, taken from the front; zeros where they have ended.
struct Bytes<'a>(&'a [u8]);

/// A store in a directory of its own, and who receives into it.
struct Site {
    root: TempDir,
    ingest: Ingest,
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes(bytes);
    let mut site = Site::new();
    while !bytes.0.is_empty() {
        site.step(&mut bytes);
        site.check();
    }
});

impl Site {
    fn new() -> Self {
        let root = TempDir::new().expect("a temporary directory");
        let ingest = ingest(root.path());
        Self { root, ingest }
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) {
        let kind = if bytes.number(8) == 0 { Kind::Model } else { Kind::Release };
        let step = bytes.number(8);
        // Only what the door would take for a name comes further.
        let Ok(version) = bytes.name(&NAMES).parse() else { return };
        let address = Address { kind, version };
        // What is refused is refused; what matters is checked after every step.
        match step {
            0 | 1 => drop(self.ingest.begin(&address, &bytes.content(MANIFEST))),
            2..=4 => {
                let name = bytes.name(&FILES);
                let offset = u64::from(bytes.number(2)) * u64::from(bytes.number(255));
                let content = bytes.content(&name);
                let from = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
                let chunks = content[from..].chunks(1 + usize::from(bytes.number(255)));
                drop(self.ingest.receive_from(&address, (&name, offset), chunks));
            }
            5 | 6 => drop(self.ingest.commit(&address)),
            _ => self.ingest = ingest(self.root.path()),
        }
    }

    fn check(&self) {
        assert_eq!(names(self.root.path()), ["store"].map(str::to_owned).into(), "something was made beside the store");
        let store = store(self.root.path());
        let shown = names(&store.releases_dir());
        for name in shown.iter().filter(|name| !name.starts_with('.')) {
            Release::load(&store.release_path(&version(name))).expect("what is shown can be loaded");
        }
        assert!(size(store.dir()) <= PUSH_BYTES_MAX * (PUSHES_MAX as u64 + 1), "more lies there than was agreed on");
    }
}

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A number below `end`.
    fn number(&mut self, end: u8) -> u8 {
        self.take(1).first().map_or(0, |byte| byte % end)
    }

    /// A name of a list, or one of the fuzzer's own.
    fn name(&mut self, known: &[&str]) -> String {
        let place = usize::from(self.number(known.len() as u8 + 1));
        let own = |bytes: &mut Self| {
            let length = usize::from(bytes.number(32));
            String::from_utf8_lossy(bytes.take(length)).into_owned()
        };
        known.get(place).map_or_else(|| own(self), |name| (*name).to_owned())
    }

    /// A file of the release, as it is or with a byte changed, cut or with more at its end; or the fuzzer's own.
    fn content(&mut self, name: &str) -> Vec<u8> {
        let mut content = RELEASE.iter().find(|(known, _)| *known == name).map_or_else(Vec::new, |file| file.1.clone());
        let place = usize::from(self.number(255)) * content.len() / 255;
        match self.number(6) {
            0 => content[..].iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1),
            1 => content.truncate(place),
            2 => content.extend_from_slice(self.take(16)),
            3 => content = self.take(512).to_vec(),
            _ => {}
        }
        content
    }
}

fn ingest(root: &Path) -> Ingest {
    let mut config = Config::defaults(root);
    (config.admin.push_bytes_max, config.admin.push_idle_max) = (PUSH_BYTES_MAX, Duration::from_secs(3600));
    let parts = Parts::new(&store(root), &config, &METRICS, &Book::new());
    Ingest::open(parts, IngestRules::new(&config))
}

fn store(root: &Path) -> Store {
    let dir = root.join("store");
    fs::create_dir_all(dir.join("releases")).expect("the directory can be written");
    Store::open(&dir)
}

fn version(name: &str) -> Version {
    name.parse().expect("a version")
}

fn names(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).expect("it is there").flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn size(path: &Path) -> u64 {
    if !path.is_dir() {
        return fs::metadata(path).map_or(0, |about| about.len());
    }
    let entries = fs::read_dir(path).expect("it is there").flatten();
    entries.map(|entry: fs::DirEntry| size(&entry.path())).sum()
}
