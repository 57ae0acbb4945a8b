//! One thread's work: the rows of a part, batch by batch, into a file of its own.

use std::ops::Range;
use std::path::PathBuf;

use anyhow::ensure;
use segue::model::prompt::Context;
use segue::model::rank::{Question, Ranked, Working};

use super::plan::distinct;
use super::retrieve::retrieve;
use super::{Inference, ledger};
use crate::candidates::Candidates;
use crate::candidates::file::CandidatesFile;
use crate::progress::Progress;

/// A thread with its working memory.
pub(super) struct Worker<'a> {
    inference: Inference<'a>,
    progress: &'a Progress,
    working: Working,
    /// The batch: what the table's keys stand for, and what is asked.
    histories: Vec<Vec<u32>>,
    asked: Vec<(Vec<u32>, Context)>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(inference: Inference<'a>, progress: &'a Progress) -> Self {
        Self { inference, progress, working: Working::default(), histories: Vec::new(), asked: Vec::new() }
    }

    /// Computes a part and writes it durably. It does not count before the ledger says so.
    pub(super) fn write(&mut self, part: usize) -> anyhow::Result<PathBuf> {
        let Inference { settings, release, plan, .. } = self.inference;
        let mut file = CandidatesFile::create_named(&settings.out, &ledger::part_name(part), release.catalogue())?;
        let rows = plan.range(part);
        let mut start = rows.start;
        while start < rows.end {
            let batch = start..(start + settings.batch as u64).min(rows.end);
            for row in self.compute(batch.clone())? {
                file.push(&row)?;
            }
            self.progress.advance(batch.end - batch.start);
            start = batch.end;
        }
        Ok(file.finish()?)
    }

    /// The candidates of some rows, in their order.
    fn compute(&mut self, rows: Range<u64>) -> anyhow::Result<Vec<Candidates>> {
        let Inference { settings, model, release, plan } = self.inference;
        self.histories.clear();
        self.histories.extend(rows.map(|row| plan.history(row)));
        self.asked.clear();
        self.asked.extend(self.histories.iter().filter(|history| !history.is_empty()).map(|history| {
            let asked = distinct(history);
            let context = retrieve(release, &asked);
            (asked, context)
        }));
        let questions: Vec<_> = self.asked.iter().map(|(history, context)| Question { history, context }).collect();
        let mut answers = model.answer(&mut self.working, &questions, usize::from(settings.width)).into_iter();
        let histories = std::mem::take(&mut self.histories);
        histories.into_iter().map(|history| self.row(history, &mut answers)).collect()
    }

    /// The popular list is the release's own: a model has nothing to say where there is no history.
    fn row(&self, history: Vec<u32>, answers: &mut impl Iterator<Item = Ranked>) -> anyhow::Result<Candidates> {
        if history.is_empty() {
            let mut popular = retrieve(self.inference.release, &[]).continuations;
            popular.truncate(usize::from(self.inference.settings.width));
            return Ok(Candidates { history, candidates: popular });
        }
        let candidates = answers.next().unwrap_or_default();
        let version = &self.inference.model.manifest().version;
        ensure!(
            !candidates.is_empty(),
            "model {version} gives no candidate for the history {history:?} (indexes): its logits are no numbers, or no \
             cluster is left; train it again"
        );
        Ok(Candidates { history, candidates })
    }
}
