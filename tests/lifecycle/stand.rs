//! A reloader on a store of its own, without doors, that can be started again; it must hold no test.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use segue::audit::Audit;
use segue::config::Config;
use segue::metrics::Metrics;
use segue::snapshot::ingest::{Begun, Ingest, IngestRules, Parts as Door};
use segue::snapshot::lifecycle::{Book, Standing};
use segue::snapshot::live::Live;
use segue::snapshot::manifest::{MANIFEST, TABLE, Version};
use segue::snapshot::parcel::Address;
use segue::snapshot::reload::{Outcome, Parts, Reloader};
use segue::snapshot::store::{State, Store};
use tempfile::TempDir;
use tokio::sync::oneshot::Receiver;

use crate::admin::{publish, version};

/// Longest wait for a state: far above what any takes.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// A service's store, and what follows it.
pub(crate) struct Stand {
    pub(crate) dir: PathBuf,
    /// Removed with the stand, where it is the stand's own.
    _own: Option<TempDir>,
    pub(crate) config: Config,
    pub(crate) live: Arc<Live>,
    pub(crate) book: Book,
    pub(crate) metrics: Metrics,
    pub(crate) reloader: Reloader,
}

impl Stand {
    /// An empty store.
    pub(crate) fn new(change: impl FnOnce(&mut Config)) -> Self {
        Self::own(TempDir::new().expect("a temporary directory"), change)
    }

    /// A store of good releases of these names, of which the first serves.
    pub(crate) fn of(names: &[&str]) -> Self {
        Self::with(names, |_| {})
    }

    /// The same, configured otherwise.
    pub(crate) fn with(names: &[&str], change: impl FnOnce(&mut Config)) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        names.iter().for_each(|name| drop(publish(dir.path(), name, 0.5)));
        Store::open(dir.path()).activate(&version(names[0])).expect("it is complete");
        let stand = Self::own(dir, change);
        stand.settle();
        stand
    }

    fn own(dir: TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let stand = Self::at(dir.path(), change);
        Self { _own: Some(dir), ..stand }
    }

    /// What follows the store in a directory.
    pub(crate) fn at(dir: &Path, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::defaults(dir);
        // So that nothing happens unasked.
        config.release.poll = Duration::from_secs(3600);
        change(&mut config);
        let (live, book, metrics, reloader) = follow(&config);
        Self { dir: dir.to_owned(), _own: None, config, live, book, metrics, reloader }
    }

    /// Ends the reloader, and starts another one on what it left.
    pub(crate) fn restart(&mut self) {
        (self.live, self.book, self.metrics, self.reloader) = follow(&self.config);
        self.settle();
    }

    /// Waits until nothing is being loaded, nor about to be.
    pub(crate) fn settle(&self) -> Outcome {
        let outcome = self.wait(self.reloader.request());
        let rests = || {
            let status = self.reloader.status();
            let staged = self.state().staged;
            status.loading.is_none() && staged.is_none_or(|staged| status.resident.contains(&staged))
        };
        until("nothing is being loaded", rests);
        outcome
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&self.dir)
    }

    pub(crate) fn state(&self) -> State {
        self.store().state().expect("a pointer")
    }

    pub(crate) fn wait(&self, outcome: Receiver<Outcome>) -> Outcome {
        outcome.blocking_recv().expect("the reloader runs")
    }

    pub(crate) fn stage(&self, name: &str) -> Outcome {
        self.wait(self.reloader.stage(version(name)))
    }

    pub(crate) fn activate(&self, name: &str) -> Outcome {
        self.wait(self.reloader.activate(version(name)))
    }

    pub(crate) fn rollback(&self) -> Outcome {
        self.wait(self.reloader.rollback())
    }

    pub(crate) fn pin(&self, name: &str) -> Outcome {
        self.wait(self.reloader.pin(version(name)))
    }

    pub(crate) fn quarantine(&self, name: &str) -> Outcome {
        self.wait(self.reloader.quarantine(version(name), "it is wrong".to_owned()))
    }

    /// The release that serves.
    pub(crate) fn served(&self) -> Option<String> {
        self.live.read(|release| release.manifest().version.to_string())
    }

    pub(crate) fn standing(&self, name: &str) -> Option<Standing> {
        self.book.standing(&version(name))
    }

    pub(crate) fn counted(&self, series: &str) -> u64 {
        let text = self.metrics.render();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().expect("a whole number"))
    }

    /// Pushes a release that was made elsewhere, as the operator's door does; whether it was taken.
    pub(crate) fn push(&self, name: &Version, damaged: bool) -> bool {
        let elsewhere = TempDir::new().expect("a temporary directory");
        let path = publish(elsewhere.path(), name.as_str(), 0.5);
        let (address, ingest) = (Address::release(name.clone()), self.ingest());
        let read = |file: &str| fs::read(path.join(file)).expect("just written");
        let Ok(begun) = ingest.begin(&address, &read(MANIFEST)) else { return false };
        let Begun::Open(missing) = begun else { return true };
        for file in missing {
            let mut bytes = read(file.name);
            if damaged && file.name == TABLE {
                *bytes.last_mut().expect("it is not empty") ^= 1;
            }
            if ingest.receive(&address, file.name, [bytes]).is_err() {
                return false;
            }
        }
        ingest.commit(&address).is_ok()
    }

    fn ingest(&self) -> Ingest {
        let parts = Door::new(&self.store(), &self.config, &self.metrics, &self.book);
        Ingest::open(parts, IngestRules::new(&self.config))
    }
}

/// Damages a release of a store, so that it cannot be loaded.
pub(crate) fn spoil(store: &Path, name: &str) {
    let table = Store::open(store).release_path(&version(name)).join(TABLE);
    let mut bytes = fs::read(&table).expect("it is complete");
    *bytes.last_mut().expect("it is not empty") ^= 1;
    // Whoever maps the file keeps what was there.
    fs::remove_file(&table).and_then(|()| fs::write(&table, bytes)).expect("the release can be written");
}

/// Waits for what must become true. It leaves the processor meanwhile to whatever brings it about.
#[track_caller]
pub(crate) fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_true() {
        assert!(started.elapsed() < WAIT_MAX, "waited in vain until {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

fn follow(config: &Config) -> (Arc<Live>, Book, Metrics, Reloader) {
    let (live, book, metrics) = (Arc::<Live>::default(), Book::new(), Metrics::new());
    let store = Store::open(&config.release.dir);
    let audit = Audit::open(None, store.dir(), metrics.clone()).expect("the store can be written");
    let parts = Parts { store, live: live.clone(), metrics: metrics.clone(), book: book.clone(), audit };
    let reloader = Reloader::start(parts, config).expect("threads");
    (live, book, metrics, reloader)
}
