//! A room whose lineup a test sets by hand, over two releases that answer differently; it must hold no test.

use std::sync::Arc;
use std::time::{Duration, Instant};

use segue::ask::Question;
use segue::config::{Config, Rung};
use segue::drain::Drain;
use segue::fallback::Fallback;
use segue::metrics::Metrics;
use segue::model::Model;
use segue::model::engine::Precision;
use segue::model::worker::{Compute, EngineCompute};
use segue::room::{Answering, Room};
use segue::snapshot::live::{Live, Share, Trial};
use segue::snapshot::release::Release;
use segue::snapshot::store::Store;
use segue::trial::figures::TrialFigures;
use segue::trial::shadow;
use tempfile::TempDir;
use tokio::runtime::{self, Runtime};

use crate::support;
use crate::support::model;
use crate::support::release::{CLUSTERS, ROWS, Row, load, publish_naming, version};

/// What the release on trial leads to: for a history of [10], and for all others.
pub(crate) const OTHER_ROWS: &[Row<'_>] =
    &[(&[], &[(60, 0.8), (20, 0.6), (30, 0.4)]), (&[10], &[(40, 0.8), (30, 0.4)])];

/// Two releases in a store.
pub(crate) struct Shop {
    dir: TempDir,
    pub(crate) store: Store,
}

/// A room in which `one` serves.
pub(crate) struct Site {
    pub(crate) live: Arc<Live>,
    pub(crate) room: Arc<Room>,
    pub(crate) shop: Shop,
    pub(crate) metrics: Metrics,
    pub(crate) config: Config,
    runtime: Runtime,
}

impl Shop {
    /// Releases `one` and `two`, without models.
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        publish_naming(dir.path(), ("one", None), CLUSTERS, ROWS);
        publish_naming(dir.path(), ("two", None), CLUSTERS, OTHER_ROWS);
        let store = Store::open(dir.path());
        Self { dir, store }
    }

    /// A release, opened.
    pub(crate) fn release(&self, name: &str) -> Arc<Release> {
        load(&self.store, name)
    }

    /// The same as `one`, with a model that follows from `seed`.
    pub(crate) fn modelled(&self, name: &str, seed: u64) -> Arc<Release> {
        let catalogue = self.release("one").manifest().catalogue.clone();
        let model = model::publish(self.dir.path(), &catalogue, CLUSTERS.len() as u32, seed).manifest.version;
        publish_naming(self.dir.path(), (name, Some(model.clone())), CLUSTERS, ROWS);
        let model = Model::load(&self.store.model_path(&model), Precision::Full).expect("it is sound");
        let release = Release::load(&self.store.release_path(&version(name))).expect("it is sound");
        Arc::new(release.with_model(Arc::new(model)).expect("they are of one catalogue"))
    }

    /// A trial of a release.
    pub(crate) fn trial(&self, name: &str, canary: f64, shadow: f64) -> Trial {
        Trial::new(self.release(name), share(canary), share(shadow))
    }

    /// The configuration of tests, for this store.
    pub(crate) fn config(&self) -> Config {
        support::config(self.dir.path())
    }
}

impl Site {
    /// Opens the room and starts its shadow's thread.
    pub(crate) fn new() -> Self {
        Self::computing(Arc::new(EngineCompute), |_| {})
    }

    /// The same, with another arithmetic for models, and configured otherwise.
    pub(crate) fn computing(compute: Arc<dyn Compute>, change: impl FnOnce(&mut Config)) -> Self {
        let site = Self::unwatched(compute.clone(), change);
        shadow::start(site.room.trials(), &site.config, compute).expect("a thread");
        site
    }

    /// The same, whose sampled questions nobody answers.
    pub(crate) fn unwatched(compute: Arc<dyn Compute>, change: impl FnOnce(&mut Config)) -> Self {
        let shop = Shop::new();
        let mut config = shop.config();
        config.answer.rungs = vec![Rung::Table, Rung::Model, Rung::Suffix, Rung::Popular];
        config.request.limit_default = 2;
        config.model.precision = Precision::Full;
        change(&mut config);
        let (live, metrics) = (Arc::<Live>::default(), Metrics::new());
        let fallback = Fallback::start(&config.model, compute, metrics.model()).expect("a thread");
        let room = Arc::new(Room::new(&config, live.clone(), Drain::default(), fallback));
        metrics.watch(room.clone());
        live.swap(shop.release("one"));
        let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { live, room, shop, metrics, config, runtime }
    }

    /// Puts `two` on trial.
    pub(crate) fn try_out(&self, canary: f64, shadow: f64) {
        self.live.try_out(Some(self.shop.trial("two", canary, shadow)));
    }

    /// The name of the release that answers a question.
    pub(crate) fn ask(&self, question: Question) -> String {
        self.wait(self.answering(question, Duration::from_secs(30)).end())
    }

    /// Waits for what must come.
    pub(crate) fn wait<T>(&self, coming: impl Future<Output = T>) -> T {
        self.runtime.block_on(coming)
    }

    /// The same, not waited for, within a time.
    pub(crate) fn answering(&self, question: Question, allowed: Duration) -> Answering<'static, String> {
        let ask = self.room.check(question).expect("a good question");
        let deadline = self.room.deadline(Instant::now(), Some(allowed));
        self.room.answer(ask, deadline, |answer| answer.release.manifest().version.to_string()).expect("one serves")
    }

    /// What the trial showed so far.
    pub(crate) fn figures(&self) -> TrialFigures {
        self.room.trials().figures().expect("a trial is on")
    }
}

/// A question of a unit, or of none.
pub(crate) fn question(history: &[u32], unit: Option<&str>) -> Question {
    let unit = unit.map(|unit| unit.to_owned().into());
    Question { history: history.to_vec(), unit, ..Question::default() }
}

/// A share.
pub(crate) fn share(ratio: f64) -> Share {
    Share::of(ratio).expect("from 0 to 1")
}
