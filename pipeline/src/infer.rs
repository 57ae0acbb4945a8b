//! The `infer` command: a model's candidates for every history there can be, as parts that `build --candidates` reads.
//!
//! ```text
//! release + model -> plan (parts of histories) -> threads, one inference each -> part, ledger line -> ... -> report
//! ```
//!
//! What is written depends on the model, the release, the shape and the kernel alone: never on threads, batches or how
//! often it was interrupted.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use segue::model::Model;
use segue::model::engine::Precision;
use segue::snapshot::manifest::MANIFEST;
use segue::snapshot::release::{Release, digest_file};

pub mod job;
mod join;
pub mod ledger;
pub mod plan;
pub mod report;
pub mod shard;
mod worker;

use job::Job;
use ledger::Ledger;
use plan::Plan;
use report::InferSummary;
use shard::Shard;
use worker::Worker;

use crate::progress::Progress;

/// What to compute.
#[derive(Clone, Debug)]
pub struct InferSettings {
    /// The model's directory.
    pub model: PathBuf,
    /// The directory of a release of fresh counts: its records are the retrieved continuations.
    pub release: PathBuf,
    /// Where the parts go; what an interrupted run left there is gone on with.
    pub out: PathBuf,
    /// The longest history; `None` takes the release's.
    pub depth: Option<u8>,
    /// The most candidates of one history.
    pub width: u8,
    /// Threads, each with an inference of its own.
    pub threads: usize,
    /// Histories computed at once by one thread.
    pub batch: usize,
    /// Histories in a part.
    pub part_rows: u32,
    /// Which of several shards to compute; `None` computes all.
    pub shard: Option<Shard>,
    /// The arithmetic of the weights.
    pub precision: Precision,
}

/// Computes what is not there yet, and closes the directory when all is.
///
/// # Errors
/// When model and release do not belong together, when the directory holds another job, or when a file cannot be read
/// or written.
pub fn infer(settings: &InferSettings) -> anyhow::Result<InferSummary> {
    let started = Instant::now();
    let (model, release) = (load_model(settings)?, load_release(settings)?);
    check_pair(&model, &release)?;
    let job = job(settings, &model, &release)?;
    let plan = Plan::new(job.shape()?, job.part_rows);
    let mut ledger = Ledger::open(&settings.out, &job, &plan)?;
    let missing = ledger.missing();
    let rows = plan.rows_of(plan.parts_of(job.shard));
    let before = rows - plan.rows_of(missing.iter().copied());
    let progress = Progress::making(rows, "inferring");
    progress.skip(before);
    let inference = Inference { settings, model: &model, release: &release, plan: &plan };
    inference.run(&missing, &Mutex::new(&mut ledger), &progress)?;
    progress.finish();
    ledger.close()?;
    Ok(InferSummary::new(&job, &plan, before, started.elapsed()))
}

fn load_model(settings: &InferSettings) -> anyhow::Result<Model> {
    let path = std::fs::canonicalize(&settings.model);
    let path = path.with_context(|| format!("{} cannot be found", settings.model.display()))?;
    Model::load(&path, settings.precision).with_context(|| format!("{} cannot be used", path.display()))
}

fn load_release(settings: &InferSettings) -> anyhow::Result<Release> {
    let path = std::fs::canonicalize(&settings.release);
    let path = path.with_context(|| format!("{} cannot be found", settings.release.display()))?;
    Release::load(&path).with_context(|| format!("{} cannot be used", path.display()))
}

fn check_pair(model: &Model, release: &Release) -> anyhow::Result<()> {
    let (got, expected) = (&model.manifest().catalogue, &release.manifest().catalogue);
    let version = &model.manifest().version;
    ensure!(
        got == expected,
        "model {version} was trained for catalogue {got}, the release has {expected}; build the release with the model's \
         catalogue, or train the model on the release's"
    );
    let (got, expected) = (model.config().segue.clusters as usize, release.catalogue().len());
    ensure!(got == expected, "model {version} knows {got} clusters, its catalogue {expected}; its writer is at fault");
    Ok(())
}

fn job(settings: &InferSettings, model: &Model, release: &Release) -> anyhow::Result<Job> {
    let digest = |dir: &Path| {
        let path = dir.join(MANIFEST);
        let (_, digest) = digest_file(&path).with_context(|| format!("cannot read {}", path.display()))?;
        anyhow::Ok(digest.to_hex().to_string())
    };
    let depth = settings.depth.unwrap_or(release.table().shape().depth);
    Ok(Job {
        format: job::INFER_FORMAT.to_owned(),
        model: model.manifest().version.clone(),
        model_blake3: digest(&settings.model)?,
        release: release.manifest().version.clone(),
        release_blake3: digest(&settings.release)?,
        catalogue: release.manifest().catalogue.clone(),
        clusters: model.config().segue.clusters,
        depth,
        width: settings.width,
        part_rows: settings.part_rows,
        precision: settings.precision.word().to_owned(),
        kernel: model.engine().kernel().to_owned(),
        created_unix_s: release.manifest().created_unix_s,
        data_window: release.manifest().provenance.data_window,
        shard: settings.shard,
    })
}

/// What the threads share.
#[derive(Clone, Copy)]
struct Inference<'a> {
    settings: &'a InferSettings,
    model: &'a Model,
    release: &'a Release,
    plan: &'a Plan,
}

impl Inference<'_> {
    /// Each thread takes the next part that is missing until none is, and stays on a core of its own.
    fn run(self, missing: &[usize], ledger: &Mutex<&mut Ledger>, progress: &Progress) -> anyhow::Result<()> {
        let next = AtomicUsize::new(0);
        let cores = core_affinity::get_core_ids().unwrap_or_default();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.settings.threads.min(missing.len()))
                .map(|thread| {
                    let core = cores.get(thread % cores.len().max(1)).copied();
                    let next = &next;
                    scope.spawn(move || {
                        stay(core);
                        let worked = self.work(|| missing.get(next.fetch_add(1, Relaxed)).copied(), ledger, progress);
                        // Whatever failed one will fail the others: they end with the part they have.
                        worked.inspect_err(|_| next.store(missing.len(), Relaxed))
                    })
                })
                .collect();
            let mut ended = threads.into_iter().map(|thread| thread.join());
            ended.try_for_each(|ended| ended.map_err(|_| anyhow::anyhow!("a thread panicked"))?)
        })
    }

    fn work(
        self,
        next: impl Fn() -> Option<usize>,
        ledger: &Mutex<&mut Ledger>,
        progress: &Progress,
    ) -> anyhow::Result<()> {
        let mut worker = Worker::new(self, progress);
        while let Some(part) = next() {
            let path = worker.write(part)?;
            ledger.lock().map_err(|_| anyhow::anyhow!("another thread panicked"))?.done(part, &path)?;
        }
        Ok(())
    }
}

/// Keeps this thread on a core, whose caches then hold its weights; where the system refuses, it is only slower.
fn stay(core: Option<core_affinity::CoreId>) {
    if let Some(core) = core {
        core_affinity::set_for_current(core);
    }
}
