//! The thread that loads: everything that must be done before a release is swapped in, in order, each step timed and
//! written down; it must never swap.

use std::io;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::Parts;
use crate::config::{Config, MissingModel};
use crate::metrics::{Metrics, Phase};
use crate::priority;
use crate::snapshot::failpoint::{Moment, reached};
use crate::snapshot::lifecycle::{Book, Standing};
use crate::snapshot::manifest::Version;
use crate::snapshot::release::{Release, ReleaseError};
use crate::snapshot::shelf::ModelShelf;
use crate::snapshot::store::Store;

/// A handle on the thread, which ends when it is dropped.
pub(super) struct Loader {
    jobs: Sender<Job>,
    loaded: Receiver<Loaded>,
    shelf: Arc<ModelShelf>,
}

/// A release to be loaded.
pub(super) struct Job {
    /// Which one.
    pub version: Version,
    /// Where its steps are written down; none where it serves meanwhile.
    pub book: Option<Book>,
    /// What serves.
    pub against: Option<Arc<Release>>,
    /// Whether it served here before.
    pub served_before: bool,
}

/// What came of a job.
pub(super) struct Loaded {
    pub version: Version,
    pub result: Result<Release, ReleaseError>,
}

/// Loads releases of one store.
struct Bench {
    store: Store,
    shelf: Arc<ModelShelf>,
    metrics: Metrics,
    golden_required: bool,
    model_missing: MissingModel,
}

impl Loader {
    /// Starts the thread.
    pub(super) fn start(parts: &Parts, config: &Config) -> io::Result<Self> {
        let shelf = Arc::new(ModelShelf::new(parts.store.clone(), config.model.precision));
        let bench = Bench {
            store: parts.store.clone(),
            shelf: shelf.clone(),
            metrics: parts.metrics.clone(),
            golden_required: config.release.golden_required,
            model_missing: config.model.missing,
        };
        // One job at a time: neither side ever waits for the other to take what it has.
        let ((jobs, waiting), (done, loaded)) = (bounded(1), bounded(1));
        thread::Builder::new().name("segue-load".to_owned()).spawn(move || bench.work(&waiting, &done))?;
        Ok(Self { jobs, loaded, shelf })
    }

    /// Begins a job. There must be none under way.
    pub(super) fn begin(&self, job: Job) {
        // Where the thread has ended, whoever waits for what it loads sees that.
        let _ = self.jobs.send(job);
    }

    /// Where what was loaded comes.
    pub(super) fn loaded(&self) -> &Receiver<Loaded> {
        &self.loaded
    }

    /// Whether a release lacks its model, and would get it if it were loaded again.
    pub(super) fn completes(&self, release: &Release) -> bool {
        let lacks = release.manifest().model.as_ref().filter(|_| release.model().is_none());
        lacks.is_some_and(|model| self.shelf.has(model))
    }
}

impl Bench {
    fn work(&self, jobs: &Receiver<Job>, done: &Sender<Loaded>) {
        priority::step_back();
        for job in jobs {
            let result = self.load(&job);
            if done.send(Loaded { version: job.version, result }).is_err() {
                return;
            }
        }
    }

    /// Loads a release and its model, with every check.
    fn load(&self, job: &Job) -> Result<Release, ReleaseError> {
        let metrics = self.metrics.release();
        job.comes_to(Standing::Verifying);
        let release = metrics.timed(Phase::Open, || Release::open(&self.store.release_path(&job.version)))?;
        reached(Moment::Opened);
        metrics.timed(Phase::Verify, || release.verify())?;
        reached(Moment::Verified);
        job.comes_to(Standing::Loading);
        let release = metrics.timed(Phase::Model, || self.complete(release))?;
        reached(Moment::Completed);
        job.comes_to(Standing::Warming);
        metrics.timed(Phase::Warm, || release.warm())?;
        reached(Moment::Warmed);
        job.comes_to(Standing::Checking);
        metrics.timed(Phase::Check, || release.check())?;
        if self.golden_required && release.golden().is_empty() {
            return Err(ReleaseError::GoldenMissing);
        }
        reached(Moment::Checked);
        Ok(release)
    }

    /// Gives a release the model that it names, if it names one.
    fn complete(&self, release: Release) -> Result<Release, ReleaseError> {
        let Some(model) = release.manifest().model.clone() else { return Ok(release) };
        match self.shelf.take(&model) {
            Err(ReleaseError::ModelMissing { model, path }) if self.model_missing == MissingModel::Serve => {
                tracing::warn!(%model, path = %path.display(), "the model is missing: the table answers alone");
                Ok(release)
            }
            model => release.with_model(model?),
        }
    }
}

impl Job {
    fn comes_to(&self, standing: Standing) {
        self.book.iter().for_each(|book| book.note(&self.version, standing, None));
    }
}
