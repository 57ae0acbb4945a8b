//! The stages of counting: new partitions into kept counts, kept counts into those of a release, and these into a release that a
//! model reads its context from.

use std::path::Path;

use segue::snapshot::manifest::{DataWindow, Version};
use segue::snapshot::publish::About;
use serde::{Deserialize, Serialize};

use super::Flow;
use crate::kept::{self, Counting, KeptReport, KeptSettings, MergeRules, Merged};
use crate::progress::Progress;
use crate::provenance::data_window;
use crate::refresh::digests::Digests;
use crate::refresh::files::{read_json, write_json};
use crate::refresh::merged;
use crate::refresh::plan::{Source, counts_dir};
use crate::refresh::stage::{Stage, Work};

const FIGURES: &str = "figures.json";
const RETRIEVED: &str = "retrieved.json";

/// What a release must know of the merge that it came from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Figures {
    /// The day that ages are counted from, in UTC days since 1970.
    pub(super) to_day: i32,
    /// The first event's time in microseconds since 1970.
    pub(super) from_us: Option<i64>,
    /// The last event's.
    pub(super) to_us: Option<i64>,
    /// Everything else.
    pub(super) merge: serde_json::Value,
}

impl Flow<'_> {
    /// Counts the partitions that are new.
    pub(super) fn count(&self) -> anyhow::Result<()> {
        let Source::Events { all, .. } = &self.plan.source else { return Ok(()) };
        let (settings, catalogue) = (self.settings, &self.plan.catalogue);
        let kept = self.kept_settings();
        self.run.stage(Stage::Count, |_| {
            let mut digests = Digests::open(&settings.state)?;
            digests.add(&digests.missing(all))?;
            let progress = Progress::reading_bytes(all.iter().map(|partition| partition.bytes).sum());
            let counting = Counting {
                log: &settings.input.log,
                catalogue,
                policy: settings.input.policy,
                memory_bytes: settings.input.memory_bytes,
                threads: settings.input.threads,
                progress: &progress,
            };
            let report = kept::count(all, &counts_dir(settings), &kept, &counting)?;
            progress.finish();
            Ok(Work { rows_in: report.rows, rows_out: report.written.counts, note: counted(&report) })
        })
    }

    /// Adds the kept counts up.
    pub(super) fn merge(&self) -> anyhow::Result<()> {
        let (rules, catalogue, dirs) = (self.rules(), &self.plan.catalogue, self.dirs()?);
        self.run.stage(Stage::Merge, |out| {
            let Merged { counts, figures } = kept::merge(&dirs, &rules, catalogue)?;
            let rows_out = merged::write(out, &counts)?;
            let note =
                format!("{} directories, {} rows of too few users left out", figures.dirs, sum(&figures.suppressed));
            let (to_day, from_us, to_us) = (figures.to_day, figures.from_us, figures.to_us);
            let kept = Figures { to_day, from_us, to_us, merge: serde_json::to_value(&figures)? };
            write_json(&out.join(FIGURES), &kept)?;
            Ok(Work { rows_in: figures.steps, rows_out, note })
        })
    }

    /// Writes a release of fresh counts.
    pub(super) fn retrieve(&self) -> anyhow::Result<()> {
        if self.plan.model.is_none() {
            return Ok(());
        }
        let (writing, choice, about) = (self.writing(), self.choice(), self.dated()?);
        let smoothed = &self.counted()?.smoothed;
        let rows_in = smoothed.levels.iter().map(|level| level.scores.len() as u64).sum();
        // The release is of the counts alone: its name follows from them, and so does what a model says of them.
        let write = |out: &Path| {
            let (published, rows_out) = writing.rows(out, choice.rows(smoothed), about)?;
            write_json(&out.join(RETRIEVED), &published.manifest.version)?;
            Ok(Work { rows_in, rows_out, note: String::new() })
        };
        self.run.stage(Stage::Retrieve, write)
    }

    /// The version of the release of fresh counts.
    pub(super) fn retrieved(&self) -> anyhow::Result<Version> {
        let version = read_json(&self.run.path(Stage::Retrieve).join(RETRIEVED))?;
        version.ok_or_else(|| anyhow::anyhow!("the run lost its release of fresh counts; run again with --force"))
    }

    /// What the merge said.
    pub(super) fn figures(&self) -> anyhow::Result<Figures> {
        let figures = read_json(&self.run.path(Stage::Merge).join(FIGURES))?;
        figures.ok_or_else(|| anyhow::anyhow!("the run lost the figures of its merge; run again with --force"))
    }

    /// When a release counts as made, and of which data.
    pub(super) fn dated(&self) -> anyhow::Result<About> {
        let figures = self.figures()?;
        let window: Option<DataWindow> = figures.from_us.zip(figures.to_us).and_then(data_window);
        let mut about = About { created_unix_s: self.settings.release.created_unix_s, ..About::default() };
        about.created_unix_s = about.created_unix_s.or(window.map(|window| window.to_unix_s));
        about.provenance.tool = crate::provenance::TOOL.to_owned();
        about.provenance.data_window = window;
        Ok(about)
    }

    /// The rules of the release's own merge.
    pub(super) fn rules(&self) -> MergeRules {
        let (weigh, privacy) = (&self.settings.weigh, &self.settings.privacy);
        MergeRules {
            to_day: None,
            window_days: weigh.window_days,
            half_life_days: weigh.half_life_days,
            users_min: privacy.users_min,
            privacy: privacy.noise,
            depth: self.settings.count.depth,
        }
    }

    fn kept_settings(&self) -> KeptSettings {
        let count = &self.settings.count;
        KeptSettings {
            mode: count.mode,
            gap_days: count.gap_days,
            ties: count.ties,
            depth: count.depth,
            user_day_max: count.user_day_max,
            witness_max: kept::WITNESS_MAX.max(self.settings.privacy.users_min),
            request_users_share: count.request_users_share,
        }
    }
}

fn sum(numbers: &[u64]) -> u64 {
    numbers.iter().sum()
}

fn counted(report: &KeptReport) -> String {
    let mut note = format!("{} new partitions, {} events", report.partitions.len(), report.events);
    for (count, what) in [(report.refused, "rows refused"), (report.late, "events too late")] {
        if count > 0 {
            note.push_str(&format!(", {count} {what}"));
        }
    }
    note
}
