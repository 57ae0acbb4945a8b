//! One run, stage after stage: each takes what the stages before it left on the disk, so that any of them may be the first.
//!
//! It only puts the parts in their order; each part is a module of its own.

use std::cell::OnceCell;
use std::path::PathBuf;

use segue::snapshot::manifest::Version;
use segue::snapshot::publish::WriteShape;

mod count;
mod make;
mod measure;
mod publish;

use super::failpoint::{Moment, reached};
use super::plan::{Plan, Source, counts_dir};
use super::run::Run;
use super::stage::Stage;
use super::write::Writing;
use super::{RefreshSettings, merged};
use crate::candidates::choose::Choice;
use crate::count::Tails;
use crate::gate::Verdict;
use crate::kept;
use crate::quality::Quality;
use crate::smooth::{Constants, Smoothed};
use segue::depot::Depot;

/// A run at work.
#[derive(Debug)]
pub(super) struct Flow<'a> {
    pub(super) settings: &'a RefreshSettings,
    pub(super) plan: &'a Plan,
    pub(super) depot: &'a Depot,
    pub(super) run: Run,
    counts: OnceCell<Counted>,
}

/// What the counts say, in memory.
#[derive(Debug)]
struct Counted {
    smoothed: Smoothed,
    tails: Tails,
}

/// How the stages ended.
#[derive(Debug)]
pub(super) struct Flowed {
    /// The release, where the gates let it be made.
    pub(super) release: Option<Version>,
    pub(super) verdicts: Vec<Verdict>,
    pub(super) quality: Quality,
}

impl<'a> Flow<'a> {
    pub(super) fn new(settings: &'a RefreshSettings, plan: &'a Plan, depot: &'a Depot, run: Run) -> Self {
        Self { settings, plan, depot, run, counts: OnceCell::new() }
    }

    /// All stages that are not done.
    pub(super) fn go(&self) -> anyhow::Result<Flowed> {
        self.count()?;
        self.merge()?;
        self.retrieve()?;
        self.rehearse()?;
        self.infer()?;
        self.blend()?;
        let (quality, verdicts) = self.judge()?;
        if verdicts.iter().any(Verdict::refuses) {
            return Ok(Flowed { release: None, verdicts, quality });
        }
        reached(Moment::Judged);
        let release = self.release(&quality)?;
        self.publish(&release)?;
        Ok(Flowed { release: Some(release), verdicts, quality })
    }

    /// The directories of counts.
    fn dirs(&self) -> anyhow::Result<Vec<PathBuf>> {
        match &self.plan.source {
            Source::Events { .. } => kept::dirs(&counts_dir(self.settings)),
            Source::Counts(dirs) => Ok(dirs.clone()),
        }
    }

    /// What was merged, smoothed; read once.
    fn counted(&self) -> anyhow::Result<&Counted> {
        if let Some(counted) = self.counts.get() {
            return Ok(counted);
        }
        let counts = merged::read(&self.run.path(Stage::Merge), self.settings.count.depth)?;
        let tails = counts.tails.clone();
        let counted = Counted { smoothed: Smoothed::new(counts, &self.constants()), tails };
        Ok(self.counts.get_or_init(|| counted))
    }

    fn constants(&self) -> Constants {
        Constants::new(&self.settings.weigh.smoothing, self.settings.count.depth)
    }

    fn choice(&self) -> Choice {
        let RefreshSettings { release, weigh, count, .. } = self.settings;
        Choice { width: release.width, seen_min: weigh.seen_min, mode: count.mode }
    }

    fn writing(&self) -> Writing<'a> {
        let shape = WriteShape { depth: self.settings.count.depth, width: self.settings.release.width };
        Writing { catalogue: &self.plan.catalogue, shape }
    }
}
