//! One thread of the pool: takes what waits, drops what nobody wants, and computes the rest model by model.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use crossbeam_channel::Receiver;

use crate::answer::Heard;
use crate::metrics::ModelMetrics;
use crate::model::Model;
use crate::model::rank::{Ranked, Working};

use super::{Compute, Failure, Job, PoolLimits, Verdict};

/// One thread.
pub(super) struct Worker {
    pub(super) limits: PoolLimits,
    pub(super) jobs: Receiver<Job>,
    pub(super) compute: Arc<dyn Compute>,
    pub(super) metrics: Arc<ModelMetrics>,
    /// Questions that all threads of the pool have computed.
    pub(super) computed: Arc<AtomicU64>,
    pub(super) working: Working,
}

impl Worker {
    /// Answers until the pool is dropped.
    pub(super) fn run(mut self) {
        while let Ok(first) = self.jobs.recv() {
            let mut batch = self.gather(first);
            self.drop_unwanted(&mut batch);
            batch.sort_by_key(|job| Arc::as_ptr(&job.inquiry.model));
            while let Some(model) = batch.last().map(|job| job.inquiry.model.clone()) {
                let of_model = batch.partition_point(|job| Arc::as_ptr(&job.inquiry.model) < Arc::as_ptr(&model));
                self.answer(&model, batch.split_off(of_model));
            }
        }
    }

    /// What is computed with `first`: nothing more where nothing waits, so that a lone question starts at once.
    fn gather(&self, first: Job) -> Vec<Job> {
        let until = Instant::now() + self.limits.batch_window;
        let mut batch = vec![first];
        batch.extend(self.jobs.try_iter().take(self.limits.batch_max - 1));
        while (2..self.limits.batch_max).contains(&batch.len()) {
            match self.jobs.recv_deadline(until) {
                Ok(job) => batch.push(job),
                Err(_) => break,
            }
        }
        batch
    }

    fn drop_unwanted(&self, batch: &mut Vec<Job>) {
        let (now, before) = (Instant::now(), batch.len());
        batch.retain(|job| job.is_wanted(now));
        self.metrics.dropped((before - batch.len()) as u64);
        batch.iter().for_each(|job| self.metrics.waited(now - job.submitted));
    }

    fn answer(&mut self, model: &Model, batch: Vec<Job>) {
        let started = Instant::now();
        batch.iter().for_each(|job| job.begun.store(true, Relaxed));
        let ranked = self.compute(model, &batch);
        self.metrics.computed(batch.len(), started.elapsed());
        self.computed.fetch_add(batch.len() as u64, Relaxed);
        for (place, job) in batch.into_iter().enumerate() {
            let verdict = ranked.as_ref().map_err(|&failure| failure).and_then(|ranked| judge(&job, ranked.get(place)));
            if let Err(failure) = &verdict {
                self.metrics.failed(*failure);
            }
            job.tell(verdict);
        }
    }

    fn compute(&mut self, model: &Model, batch: &[Job]) -> Result<Vec<Ranked>, Failure> {
        let questions: Vec<_> = batch.iter().map(Job::question).collect();
        let computed = catch_unwind(AssertUnwindSafe(|| self.compute.answer(model, &mut self.working, &questions)));
        computed.map_err(|_| {
            // Half-written memory may hold anything.
            self.working = Working::giving_way();
            tracing::error!(model = %model.manifest().version, "the model's arithmetic panicked; the line before says where");
            Failure::Panicked
        })
    }
}

/// The answer to a question, where its scores are numbers.
fn judge(job: &Job, ranked: Option<&Ranked>) -> Verdict {
    let heard = ranked.and_then(|ranked| Heard::new(job.inquiry.history.clone(), ranked));
    heard.map(Arc::new).ok_or(Failure::NotFinite)
}
