//! The thread that loads: everything that must be done before a release is swapped in, in order, each step timed and
//! written down; it must never swap.

use std::io;
use std::sync::{Arc, Once};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::Parts;
use crate::config::{Config, MissingModel};
use crate::metrics::{Metrics, Phase};
use crate::priority;
use crate::snapshot::failpoint::{Moment, reached};
use crate::snapshot::gate::{Gates, Occasion};
use crate::snapshot::lifecycle::{Book, Standing};
use crate::snapshot::manifest::Version;
use crate::snapshot::map::Residence;
use crate::snapshot::release::{Release, ReleaseError, read_manifest};
use crate::snapshot::shelf::ModelShelf;
use crate::snapshot::store::Store;

/// Longest wait for requests that still hold a release which gives way to another.
const FREE_WAIT_MAX: Duration = Duration::from_secs(2);
/// Time between two looks at whether they do.
const FREE_LOOK_EVERY: Duration = Duration::from_millis(10);

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
    /// Whether it served here before, or is new.
    pub occasion: Occasion,
    /// A release that gives way to it.
    pub instead: Option<Arc<Release>>,
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
    gates: Gates,
    residence: Residence,
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
            gates: Gates::new(config, &parts.metrics),
            residence: Residence::from(&config.memory),
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
        let making_way = Once::new();
        for mut job in jobs {
            // Until something serves there is no request to make way for, and all wait for this load.
            if job.against.is_some() {
                making_way.call_once(priority::step_back);
            }
            job.instead.take().into_iter().for_each(free);
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
        let release = metrics.timed(Phase::Open, || self.open(job))?;
        reached(Moment::Opened);
        metrics.timed(Phase::Verify, || self.gates.verify(&release))?;
        reached(Moment::Verified);
        job.comes_to(Standing::Loading);
        let release = metrics.timed(Phase::Model, || self.complete(release))?;
        reached(Moment::Completed);
        job.comes_to(Standing::Warming);
        metrics.timed(Phase::Warm, || release.warm())?;
        reached(Moment::Warmed);
        job.comes_to(Standing::Checking);
        metrics.timed(Phase::Check, || self.gates.check(&release, job.against.as_deref(), job.occasion))?;
        if self.golden_required && release.golden().is_empty() {
            return Err(ReleaseError::GoldenMissing);
        }
        reached(Moment::Checked);
        Ok(release)
    }

    /// Opens a release, if there is room for it.
    fn open(&self, job: &Job) -> Result<Release, ReleaseError> {
        let path = self.store.release_path(&job.version);
        let current = job.against.as_ref().map(|current| current.manifest());
        self.gates.before_load(&read_manifest(&path)?, current, &self.store)?;
        Release::open_resident(&path, self.residence)
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

/// Frees a release once no request holds it, which is soon: it does not serve.
fn free(release: Arc<Release>) {
    let started = Instant::now();
    while Arc::strong_count(&release) > 1 && started.elapsed() < FREE_WAIT_MAX {
        thread::sleep(FREE_LOOK_EVERY);
    }
    Arc::into_inner(release).into_iter().for_each(Release::let_go);
}

impl Job {
    fn comes_to(&self, standing: Standing) {
        self.book.iter().for_each(|book| book.note(&self.version, standing, None));
    }
}
