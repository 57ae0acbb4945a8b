//! Who is compared: every contender of one mode, put to the same requests.
//!
//! It says who answers and in which order they stand; figures are made elsewhere.

use serde::Serialize;

use super::Replay;
use super::blended::{Blends, weights};
use super::counted::{Counted, Memory};
use super::figures::ModeFigures;
use super::method::{Refreshed, Unrefreshed};
use super::models::Models;
use super::reference::{NAMES, Reference};
use super::walk::Cadence;
use crate::drift::days::DayCounts;
use crate::measure::Outcomes;
use crate::progress::Progress;
use crate::smooth::Constants;

/// Days between two refreshes that others are compared with: what a careful operator does anyway.
pub const WEEK_DAYS: i32 = 7;
/// The reference's half-life, and how many events its shorter history is worth: none for single clusters, 50 for pairs.
const REFERENCE_HALF_LIFE_DAYS: f64 = 60.0;
const REFERENCE_CONSTANTS: [f64; 2] = [0.0, 50.0];
/// The name of the reference's smoothed counts.
const REFERENCE_SMOOTHED: &str = "smoothed, 60-day half-life, weekly";

/// What a contender is one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Counts under the rules of the published comparison.
    Reference,
    /// Models that retrieve nothing.
    Unretrieved,
    /// Monthly models with what was retrieved at the last refresh.
    Retrieved,
    /// Smoothed counts, as a release without a model holds them.
    Smoothed,
    /// The blend of both.
    Hybrid,
}

/// One who answered.
#[derive(Clone, Debug)]
pub struct Contender {
    /// What it is one of.
    pub family: Family,
    /// Its name.
    pub name: String,
    /// Days between two refreshes; `None` where it is not refreshed by days.
    pub every_days: Option<i32>,
    /// What it did on all requests.
    pub outcomes: Outcomes,
}

/// Everything that one mode's contenders did.
#[derive(Debug)]
pub struct Answers {
    /// The contenders.
    pub contenders: Vec<Contender>,
    /// For each month, what the model's word was worth in the blend; empty without models.
    pub weights: Vec<f64>,
    /// Smoothed counts by window and by half-life, refreshed weekly; `None` is all history, nothing faded.
    pub windows: Vec<(Option<i32>, Outcomes)>,
    /// See [`Answers::windows`].
    pub half_lives: Vec<(Option<i32>, Outcomes)>,
}

impl Replay<'_> {
    /// Evaluates the mode.
    ///
    /// # Errors
    /// When a training fails.
    pub fn run(&self) -> anyhow::Result<ModeFigures> {
        let answers = self.answers()?;
        let progress = Progress::making(0, "drawing");
        let figures = ModeFigures::new(self, answers);
        progress.finish();
        Ok(figures)
    }

    /// Puts all requests to all contenders.
    ///
    /// # Errors
    /// When a training fails.
    pub fn answers(&self) -> anyhow::Result<Answers> {
        let models = self.models()?;
        let progress = Progress::making((self.months.requests() * self.walks(models.is_some())) as u64, "replaying");
        let refreshed = Refreshed { replay: self, memory: self.memory(), models: models.as_ref(), weights: &[] };
        let weights = self.weights(&refreshed, &progress);
        let refreshed = Refreshed { weights: &weights, ..refreshed };
        let mut contenders = self.reference(&progress);
        contenders.extend(models.iter().flat_map(|models| self.unrefreshed(models, &progress)));
        contenders.extend(self.refreshed(&refreshed, &progress));
        // Stable, so that of one family the rarest refreshed stands first.
        contenders.sort_by_key(|contender| contender.family);
        let (windows, half_lives) = (self.windows(&progress), self.half_lives(&progress));
        progress.finish();
        Ok(Answers { contenders, weights, windows, half_lives })
    }

    fn models(&self) -> anyhow::Result<Option<Models>> {
        let Some(learning) = &self.settings.learning else { return Ok(None) };
        let progress = Progress::making(self.months.asked.len() as u64, "training");
        let models = Models::train(self, learning, &progress)?;
        progress.finish();
        Ok(Some(models))
    }

    /// How often all requests are walked.
    fn walks(&self, with_models: bool) -> usize {
        let of_models = if with_models { 2 } else { 0 };
        3 + of_models + self.settings.cadences.len() + 2 * self.settings.ages.len() + 2
    }

    /// As the user has it.
    fn memory(&self) -> Memory {
        let count = &self.counting.count;
        Memory { window_days: count.window_days.map(|days| days.ceil() as i32), half_life_days: count.half_life_days }
    }

    fn weights(&self, refreshed: &Refreshed<'_>, progress: &Progress) -> Vec<f64> {
        if refreshed.models.is_none() {
            return Vec::new();
        }
        let outcomes = self.walk(Cadence::Days(WEEK_DAYS), &Blends { of: *refreshed }, progress);
        weights(&outcomes, &self.month_ends())
    }

    /// Where months end among the requests.
    pub fn month_ends(&self) -> Vec<usize> {
        let lengths = self.months.asked.iter().map(|month| month.requests);
        lengths
            .scan(0, |end, length| {
                *end += length;
                Some(*end)
            })
            .collect()
    }

    fn reference(&self, progress: &Progress) -> Vec<Contender> {
        let outcomes = self.walk(Cadence::Monthly, &Reference { replay: self }, progress);
        let constants = Constants::new(&REFERENCE_CONSTANTS, REFERENCE_CONSTANTS.len() as u8);
        let days = DayCounts::new(self.log, self.counting.rules(), constants);
        let memory = Memory { window_days: None, half_life_days: Some(REFERENCE_HALF_LIFE_DAYS) };
        let smoothed = self.walk(Cadence::Days(WEEK_DAYS), &Counted { days: &days, memory }, progress);
        let names = NAMES.into_iter().chain([REFERENCE_SMOOTHED]);
        let contender = |(name, outcomes): (&str, Outcomes)| Contender {
            family: Family::Reference,
            name: name.to_owned(),
            every_days: None,
            outcomes,
        };
        names.zip(outcomes.into_iter().chain(smoothed)).map(contender).collect()
    }

    fn unrefreshed(&self, models: &Models, progress: &Progress) -> Vec<Contender> {
        let outcomes = self.walk(Cadence::Monthly, &Unrefreshed { models }, progress);
        let names = ["fixed mapping", "fine-tuned monthly, no retrieval"];
        let contender = |(name, outcomes): (&str, Outcomes)| Contender {
            family: Family::Unretrieved,
            name: name.to_owned(),
            every_days: None,
            outcomes,
        };
        names.into_iter().zip(outcomes).map(contender).collect()
    }

    fn refreshed(&self, by: &Refreshed<'_>, progress: &Progress) -> Vec<Contender> {
        let mut days: Vec<i32> = self.settings.cadences.clone();
        days.sort_unstable_by_key(|days| std::cmp::Reverse(*days));
        days.dedup();
        let cadences = std::iter::once(None).chain(days.into_iter().map(Some));
        let at = |every_days: Option<i32>| {
            let outcomes = self.walk(every_days.map_or(Cadence::Once, Cadence::Days), by, progress);
            let families = [Family::Smoothed, Family::Retrieved, Family::Hybrid];
            families.into_iter().zip(outcomes).map(move |(family, outcomes)| Contender {
                family,
                name: family.named(every_days),
                every_days,
                outcomes,
            })
        };
        cadences.flat_map(at).collect()
    }

    fn windows(&self, progress: &Progress) -> Vec<(Option<i32>, Outcomes)> {
        self.tried(progress, |days| Memory { window_days: days, half_life_days: None })
    }

    fn half_lives(&self, progress: &Progress) -> Vec<(Option<i32>, Outcomes)> {
        self.tried(progress, |days| Memory { window_days: None, half_life_days: days.map(f64::from) })
    }

    fn tried(&self, progress: &Progress, memory: impl Fn(Option<i32>) -> Memory) -> Vec<(Option<i32>, Outcomes)> {
        let ages = self.settings.ages.iter().copied().map(Some).chain([None]);
        let walk = |days: Option<i32>| {
            let by = Counted { days: self.days, memory: memory(days) };
            self.walk(Cadence::Days(WEEK_DAYS), &by, progress).into_iter().map(move |outcomes| (days, outcomes))
        };
        ages.flat_map(walk).collect()
    }
}

impl Family {
    /// All of them, in the order in which they stand.
    pub const ALL: [Self; 5] = [Self::Reference, Self::Unretrieved, Self::Retrieved, Self::Smoothed, Self::Hybrid];

    /// What people call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Reference => "counts, by the rules of the published baselines",
            Self::Unretrieved => "the model alone",
            Self::Retrieved => "the model, fine-tuned monthly, with what was retrieved",
            Self::Smoothed => "smoothed counts, as a release without a model holds them",
            Self::Hybrid => "hybrid: the model and the counts",
        }
    }

    /// The short name of its contenders.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reference => "counts",
            Self::Unretrieved => "model",
            Self::Retrieved => "retrieval",
            Self::Smoothed => "smoothed",
            Self::Hybrid => "hybrid",
        }
    }

    /// The name of one that is refreshed every so many days; `None` is once, before the first month.
    pub fn named(self, every_days: Option<i32>) -> String {
        match every_days {
            None => format!("{}, computed once", self.word()),
            Some(1) => format!("{}, every day", self.word()),
            Some(days) => format!("{}, every {days} days", self.word()),
        }
    }
}
