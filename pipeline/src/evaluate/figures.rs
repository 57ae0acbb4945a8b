//! The figures of an evaluation, as machines read them: everything that the table, the page and the pictures show.
//!
//! Differences are of the same requests and the same draws of users.

use rayon::prelude::*;
use serde::Serialize;

use super::contenders::{Answers, Contender, Family, WEEK_DAYS};
use super::data::Data;
use super::{EvaluateSettings, Replay};
use crate::decay;
use crate::drift::period::date_of_day;
use crate::measure::{Bootstrap, Figures, Interval, Outcomes};
use crate::summary::InputFigures;

/// A hit is an answer among so many first.
const TOP: u32 = 5;

/// An evaluation.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// What was read.
    pub input: InputFigures,
    /// Clusters of the catalogue.
    pub clusters: usize,
    /// Users of the log.
    pub users: u64,
    /// The first and the last event's day, as dates in UTC.
    pub dates: [String; 2],
    /// How the log was counted.
    pub counting: CountingFigures,
    /// Each mode.
    pub modes: Vec<ModeFigures>,
    /// How long all of it took, in seconds.
    pub elapsed_s: f64,
}

/// How the log was counted.
#[derive(Clone, Debug, Serialize)]
pub struct CountingFigures {
    /// A longer pause, in days, began a new sequence.
    pub gap_days: Option<f64>,
    /// Only so many days counted.
    pub window_days: Option<f64>,
    /// After so many days an event counted half.
    pub half_life_days: Option<f64>,
    /// How many events the shorter history's opinion was worth.
    pub smoothing: Vec<f64>,
}

/// What was found in one mode.
#[derive(Clone, Debug, Serialize)]
pub struct ModeFigures {
    /// Which repeats stayed.
    pub mode: &'static str,
    /// Requests that all contenders answered.
    pub requests: usize,
    /// Users who made them.
    pub users: usize,
    /// The months that were asked about.
    pub months: Vec<MonthFigures>,
    /// Months with too few requests, and how many they have.
    pub months_left_out: Vec<(String, usize)>,
    /// Everyone who answered.
    pub contenders: Vec<ContenderFigures>,
    /// The name of the contender that others are compared with.
    pub compared_with: String,
    /// Smoothed counts, refreshed weekly, by window.
    pub windows: Vec<AgeFigures>,
    /// Smoothed counts, refreshed weekly, by half-life.
    pub half_lives: Vec<AgeFigures>,
}

/// A month.
#[derive(Clone, Debug, Serialize)]
pub struct MonthFigures {
    /// Such as `2011-03`.
    pub name: String,
    /// Requests of the month.
    pub requests: usize,
    /// What the model's word was worth in the blend, chosen by the months before; `None` without models.
    pub weight: Option<f64>,
}

/// A contender.
#[derive(Clone, Debug, Serialize)]
pub struct ContenderFigures {
    /// What it is one of.
    pub family: Family,
    /// Its name.
    pub name: String,
    /// Days between two refreshes; `None` where it is not refreshed by days.
    pub every_days: Option<i32>,
    /// Its figures.
    pub figures: Interval,
    /// The share of the catalogue that stood among its first ten of any request.
    pub coverage_10: f64,
    /// hit@5 of each month.
    pub hit_5_by_month: Vec<f64>,
    /// Its figures less those of [`ModeFigures::compared_with`].
    pub difference: Interval,
    /// Its figures less those of the same family refreshed weekly; `None` where it has no cadence.
    pub less_weekly: Option<Interval>,
}

/// Smoothed counts with one window or half-life.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct AgeFigures {
    /// In days; `None` is all history, nothing faded.
    pub days: Option<i32>,
    /// Its figures.
    pub figures: Interval,
    /// Less those of all history.
    pub less_all: Interval,
}

impl Evaluation {
    /// Puts together what was found.
    pub fn new(settings: &EvaluateSettings, data: Data, modes: Vec<ModeFigures>, elapsed_s: f64) -> Self {
        let count = &settings.counting.count;
        let (first, last) = data.log.span_us().unwrap_or_default();
        Self {
            input: data.input,
            clusters: data.catalogue.len(),
            users: data.users,
            dates: [first, last].map(|time_us| date_of_day(decay::day(time_us))),
            counting: CountingFigures {
                gap_days: count.gap_days,
                window_days: count.window_days,
                half_life_days: count.half_life_days,
                smoothing: count.smoothing.clone(),
            },
            modes,
            elapsed_s,
        }
    }
}

impl ModeFigures {
    /// Makes the figures of a mode's answers.
    pub fn new(replay: &Replay<'_>, answers: Answers) -> Self {
        let bootstrap = replay.settings.bootstrap;
        let Answers { contenders, weights, windows, half_lives } = answers;
        let ends = replay.month_ends();
        let compared = weekly(&contenders, Family::Smoothed).unwrap_or(0);
        let figures = |contender: &Contender| ContenderFigures {
            figures: bootstrap.figures(&contender.outcomes),
            difference: bootstrap.difference(&contender.outcomes, &contenders[compared].outcomes),
            less_weekly: contender.less_weekly(&contenders, &bootstrap),
            coverage_10: contender.outcomes.coverage_10(),
            hit_5_by_month: hit_5_by_month(&contender.outcomes, &ends),
            family: contender.family,
            name: contender.name.clone(),
            every_days: contender.every_days,
        };
        Self {
            mode: replay.counting.count.mode.name(),
            requests: replay.months.requests(),
            users: replay.users(),
            months: replay.month_figures(&weights),
            months_left_out: replay.months.left_out.clone(),
            compared_with: contenders[compared].name.clone(),
            windows: ages(&windows, &bootstrap),
            half_lives: ages(&half_lives, &bootstrap),
            contenders: contenders.par_iter().map(figures).collect(),
        }
    }

    /// The contenders of a family, in their order.
    pub fn family(&self, family: Family) -> impl Iterator<Item = &ContenderFigures> {
        self.contenders.iter().filter(move |contender| contender.family == family)
    }

    /// The contender of a family that is refreshed every so many days.
    pub fn refreshed(&self, family: Family, every_days: i32) -> Option<&ContenderFigures> {
        self.family(family).find(|contender| contender.every_days == Some(every_days))
    }

    /// The contender with the highest hit@5.
    pub fn best(&self) -> Option<&ContenderFigures> {
        self.contenders.iter().max_by(|left, right| left.hit_5().total_cmp(&right.hit_5()))
    }
}

impl ContenderFigures {
    /// Its hit@5.
    pub fn hit_5(&self) -> f64 {
        self.figures.measured.hit_5
    }
}

impl Contender {
    fn less_weekly(&self, all: &[Self], bootstrap: &Bootstrap) -> Option<Interval> {
        self.has_cadence().then_some(())?;
        Some(bootstrap.difference(&self.outcomes, &all[weekly(all, self.family)?].outcomes))
    }

    fn has_cadence(&self) -> bool {
        matches!(self.family, Family::Smoothed | Family::Retrieved | Family::Hybrid)
    }
}

impl Replay<'_> {
    fn users(&self) -> usize {
        let requests = self.months.asked.iter().flat_map(|month| self.examples.iter(month.range.clone()));
        let requests = requests.filter(|example| self.months.asks(example));
        requests.map(|request| request.user).collect::<rustc_hash::FxHashSet<u32>>().len()
    }

    fn month_figures(&self, weights: &[f64]) -> Vec<MonthFigures> {
        let month = |(at, month): (usize, &super::months::Month)| MonthFigures {
            name: month.name.clone(),
            requests: month.requests,
            weight: weights.get(at).copied(),
        };
        self.months.asked.iter().enumerate().map(month).collect()
    }
}

/// The place of a family's weekly contender, or of its most often refreshed one where none is weekly.
fn weekly(contenders: &[Contender], family: Family) -> Option<usize> {
    let of_family = || contenders.iter().enumerate().filter(|(_, contender)| contender.family == family);
    let weekly = of_family().find(|(_, contender)| contender.every_days == Some(WEEK_DAYS));
    weekly.or_else(|| of_family().next_back()).map(|(at, _)| at)
}

fn ages(tried: &[(Option<i32>, Outcomes)], bootstrap: &Bootstrap) -> Vec<AgeFigures> {
    let Some((_, all)) = tried.iter().find(|(days, _)| days.is_none()) else { return Vec::new() };
    let figures = |(days, outcomes): &(Option<i32>, Outcomes)| AgeFigures {
        days: *days,
        figures: bootstrap.figures(outcomes),
        less_all: bootstrap.difference(outcomes, all),
    };
    tried.par_iter().map(figures).collect()
}

fn hit_5_by_month(outcomes: &Outcomes, ends: &[usize]) -> Vec<f64> {
    let hits: Vec<bool> = outcomes.ranks().map(|rank| rank.is_some_and(|rank| rank <= TOP)).collect();
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let share = |(from, to): (usize, &usize)| {
        hits[from..*to].iter().filter(|hit| **hit).count() as f64 / (to - from).max(1) as f64
    };
    starts.zip(ends).map(share).collect()
}

/// hit@5 with its interval's ends.
pub fn hit_5(interval: &Interval) -> [f64; 3] {
    [&interval.measured, &interval.low, &interval.high].map(|figures: &Figures| figures.hit_5)
}
