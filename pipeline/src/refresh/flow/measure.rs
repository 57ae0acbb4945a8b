//! The stages of measuring: the answer as it would have been before the held-out days, and the verdict on what was made.

use std::path::Path;

use anyhow::Context;
use segue::model::Model;
use segue::snapshot::release::Release;

use super::Flow;
use crate::blend::Blended;
use crate::decay::US_PER_DAY;
use crate::gate::{self, Gate, Gates, Verdict};
use crate::kept::{self, MergeRules};
use crate::measure::Bootstrap;
use crate::measure::bootstrap::DRAWS;
use crate::quality::{self, Quality, Rehearsal, Rehearsed, Request, Weight};
use crate::refresh::files::{read_json, write_json};
use crate::refresh::stage::{Stage, Work};
use crate::smooth::Smoothed;

const REHEARSED: &str = "rehearsed.json";
const PREVIOUS: &str = "previous";

/// What is held out, and what it is compared with; by default nothing.
#[derive(Default)]
struct Held {
    requests: Vec<Request>,
    as_of_us: i64,
    previous: Option<Release>,
}

impl Flow<'_> {
    /// Measures the answer as of before the held-out days, and chooses the model's weight where none is given.
    pub(super) fn rehearse(&self) -> anyhow::Result<()> {
        self.run.stage(Stage::Rehearse, |out| {
            let held = self.held()?;
            if held.requests.is_empty() {
                return Ok(Work { note: "no held-out requests; nothing was measured".to_owned(), ..Work::default() });
            }
            let (smoothed, model) = (self.smoothed_until(held.as_of_us)?, self.model()?);
            let rehearsed = quality::rehearse(&self.rehearsal(&held, (&smoothed, model.as_ref()), out))?;
            write_json(&out.join(REHEARSED), &rehearsed)?;
            let note = format!("model weight {}", rehearsed.weight);
            let rows_in = held.requests.len() as u64;
            Ok(Work { rows_in, rows_out: rehearsed.quality.requests, note })
        })
    }

    /// What the rehearsal found; `None` where nothing could be measured.
    pub(super) fn rehearsed(&self) -> anyhow::Result<Option<Rehearsed>> {
        read_json(&self.run.path(Stage::Rehearse).join(REHEARSED))
    }

    /// Judges what was blended. It is judged anew whenever a run goes on, since gates change no byte of a release.
    pub(super) fn judge(&self) -> anyhow::Result<(Quality, Vec<Verdict>)> {
        let mut judged = (Quality::default(), Vec::new());
        self.run.forget_stage(Stage::Gate)?;
        let done = self.run.stage(Stage::Gate, |out| {
            let (blended, dir) = (self.blended()?, self.run.path(Stage::Blend));
            let quality = self.rehearsed()?.map(|rehearsed| rehearsed.quality).unwrap_or_default();
            // The model has answered: what it said is in the blend.
            let (held, answerers) = (self.held()?, (&self.counted()?.smoothed, None));
            judged.0 = quality.of_blend((&blended, &dir), &self.rehearsal(&held, answerers, out))?;
            judged.1 = gate::judge(&judged.0, &self.gates());
            write_json(&out.join("verdicts.json"), &judged.1)?;
            let passed = judged.1.iter().filter(|verdict| !verdict.refuses()).count();
            Ok(Work { rows_in: judged.1.len() as u64, rows_out: passed as u64, note: String::new() })
        });
        done.map(|()| judged)
    }

    /// The requests of the days held out, if there are any.
    fn held(&self) -> anyhow::Result<Held> {
        let (figures, holdout_days) = (self.figures()?, self.settings.quality.holdout_days);
        let as_of_day = figures.to_day + 1 - holdout_days.cast_signed();
        let as_of_us = (f64::from(as_of_day) * US_PER_DAY) as i64;
        if holdout_days == 0 || figures.from_us.is_none_or(|from_us| from_us >= as_of_us) {
            return Ok(Held::default());
        }
        let requests: Vec<Request> = kept::requests(&self.dirs()?, as_of_us)?.into_iter().map(request).collect();
        if requests.is_empty() {
            return Ok(Held::default());
        }
        let previous = self.previous()?;
        let as_of_us = quality::as_of_us(&requests, as_of_us, previous.as_ref());
        Ok(Held { requests, as_of_us, previous })
    }

    /// What was counted until the day of a time, which is left out.
    fn smoothed_until(&self, as_of_us: i64) -> anyhow::Result<Smoothed> {
        let as_of_day = as_of_us.div_euclid(US_PER_DAY as i64) as i32;
        let rules = MergeRules { to_day: Some(as_of_day - 1), ..self.rules() };
        let merged = kept::merge(&self.dirs()?, &rules, &self.plan.catalogue)?;
        Ok(Smoothed::new(merged.counts, &self.constants()))
    }

    /// A rehearsal on what is held out, by whoever is to answer.
    fn rehearsal<'b>(
        &'b self,
        held: &'b Held,
        (smoothed, model): (&'b Smoothed, Option<&'b Model>),
        dir: &'b Path,
    ) -> Rehearsal<'b> {
        let given = self.settings.model.as_ref().and_then(|model| model.weight);
        Rehearsal {
            requests: &held.requests,
            as_of_us: held.as_of_us,
            catalogue: &self.plan.catalogue,
            smoothed,
            model,
            choice: self.choice(),
            weight: given.map_or(Weight::Chosen, Weight::Given),
            previous: held.previous.as_ref(),
            bootstrap: Bootstrap { draws: DRAWS, seed: 0 },
            dir,
        }
    }

    fn model(&self) -> anyhow::Result<Option<Model>> {
        let Some((settings, chosen)) = self.settings.model.as_ref().zip(self.plan.model.as_ref()) else {
            return Ok(None);
        };
        let path = std::fs::canonicalize(&chosen.dir)?;
        let model = Model::load(&path, settings.precision);
        model.map(Some).with_context(|| format!("{} cannot be used", path.display()))
    }

    /// The gates; who holds out no days wants nothing measured, and nothing judged by it.
    fn gates(&self) -> Gates {
        let (gates, off) = (self.settings.gates, Gate { on: false, limit: None });
        if self.settings.quality.holdout_days > 0 {
            return gates;
        }
        Gates { requests: off, recall: off, popularity: off, previous: off, coverage: off, ..gates }
    }

    /// The release that served when the run began. One that cannot be read is compared with nothing: it must not keep the next
    /// one from coming.
    fn previous(&self) -> anyhow::Result<Option<Release>> {
        let Some(version) = &self.run.begun.previous else { return Ok(None) };
        let found = self.depot.release(version, &self.run.dir().join(PREVIOUS))?;
        Ok(found.and_then(|path| Release::load(&path).ok()))
    }

    /// What the blend says of itself.
    pub(super) fn blended(&self) -> anyhow::Result<Blended> {
        let blended = read_json(&self.run.path(Stage::Blend).join(crate::blend::REPORT))?;
        blended.context("the run lost its blend; run again with --force")
    }
}

fn request(kept::Request { user, time_us, history, next }: kept::Request) -> Request {
    Request { user, time_us, history, next }
}
