//! How often to refresh, and how fast to forget: chosen by the hit rate on one span, its gain reported on a later one.
//!
//! Of many settings the best on a span is best partly by luck, so what it gains is only ever told from the span after. Where a rarer refresh is
//! not surely worse than the best, the rarer one is chosen: it costs less.

use rayon::prelude::*;
use serde::Serialize;

use crate::drift::ask::Requests;
use crate::drift::days::TableOf;
use crate::drift::figures::Sure;
use crate::drift::staleness::Asked;
use crate::measure::{Bootstrap, Interval, Outcomes};

/// Days between two refreshes that are tried, the rarest first: where two are as good, the first is chosen.
const CADENCES_DAYS: [i32; 6] = [30, 14, 7, 4, 2, 1];

/// Half-lives that are tried, in days, beside none.
const HALF_LIVES_DAYS: [f64; 4] = [120.0, 60.0, 30.0, 15.0];

/// Days of each of the two spans at least.
const SPAN_DAYS_MIN: i32 = 14;

/// How tables are refreshed and made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// Days between two refreshes.
    pub refresh_days: i32,
    /// A step counts half after so many days; `None` is never.
    pub half_life_days: Option<f64>,
    /// Only so many days count; `None` is all.
    pub window_days: Option<i32>,
}

/// What to set, and what it is worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// What is set now.
    pub current: Tried,
    /// What to set.
    pub chosen: Tried,
    /// What had the best hit rate on the span that was chosen on.
    pub best: Setting,
    /// Hit@5 of `chosen` less that of `current`, on the later span.
    pub gain: Sure,
    /// Hit@5 of `best` less that of `chosen`, on the later span: what refreshing rarer than the best costs.
    pub forgone: Sure,
    /// Everything that was tried, in the order of the rarest refresh first.
    pub tried: Vec<Tried>,
    /// The span that was chosen on and the one that was reported on: first UTC days and the day after the last.
    pub spans: [[i32; 2]; 2],
}

/// A setting with its hit@5.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tried {
    /// The setting.
    pub setting: Setting,
    /// On the span that was chosen on.
    pub choosing: Sure,
    /// On the later span.
    pub reporting: Sure,
    /// Whether, on the span that was chosen on, it was surely worse than the best.
    pub is_surely_worse: bool,
}

/// A setting with what came of it on both spans.
struct Trial {
    setting: Setting,
    outcomes: [Outcomes; 2],
}

impl Setting {
    /// The table that serves on a day: made on the last day of refresh not after it. Those lie at whole multiples since 1970.
    fn table(&self, day: i32) -> TableOf {
        TableOf {
            before_day: day - day.rem_euclid(self.refresh_days),
            window_days: self.window_days,
            half_life_days: self.half_life_days,
            share: 1.0,
        }
    }

    /// In words.
    pub fn words(&self) -> String {
        let days = |days: i32| if days == 1 { "every day".to_owned() } else { format!("every {days} days") };
        let forgets = self
            .half_life_days
            .map_or("with no half-life".to_owned(), |days| format!("with a half-life of {days} days"));
        let window = self.window_days.map_or(String::new(), |days| format!(" and a window of {days} days"));
        format!("{} {forgets}{window}", days(self.refresh_days))
    }
}

/// Tries all settings; `None` when the log is too short to choose on one span and report on another.
pub fn advise(requests: &Requests<'_>, asked: Asked, current: Setting, bootstrap: &Bootstrap) -> Option<Advice> {
    let middle = asked.from_day + (asked.to_day - asked.from_day) / 2;
    let spans = [[asked.from_day, middle], [middle, asked.to_day]];
    if spans.iter().any(|[from, to]| to - from < SPAN_DAYS_MIN) {
        return None;
    }
    let seen_days = middle - requests.days.first_day();
    let settings: Vec<Setting> = std::iter::once(current).chain(settings(seen_days)).collect();
    let trial = |setting: &Setting| Trial {
        setting: *setting,
        outcomes: spans.map(|[from, to]| requests.ask(from..to, |day| setting.table(day))),
    };
    let trials: Vec<Trial> = settings.par_iter().map(trial).collect();
    let has_requests = trials[0].outcomes.iter().all(|outcomes| !outcomes.is_empty());
    has_requests.then(|| choose(&trials, spans, bootstrap))
}

fn settings(seen_days: i32) -> impl Iterator<Item = Setting> {
    let half_lives = HALF_LIVES_DAYS.into_iter().filter(move |days| *days < f64::from(seen_days)).map(Some);
    let half_lives: Vec<Option<f64>> = std::iter::once(None).chain(half_lives).collect();
    CADENCES_DAYS.into_iter().flat_map(move |refresh_days| {
        let setting = move |half_life_days: &Option<f64>| Setting {
            refresh_days,
            half_life_days: *half_life_days,
            window_days: None,
        };
        half_lives.iter().map(setting).collect::<Vec<_>>()
    })
}

/// `trials` begin with the current setting.
fn choose(trials: &[Trial], spans: [[i32; 2]; 2], bootstrap: &Bootstrap) -> Advice {
    let best =
        (0..trials.len()).max_by(|left, right| hit(&trials[*left]).total_cmp(&hit(&trials[*right]))).unwrap_or(0);
    let tried: Vec<Tried> = trials.par_iter().map(|trial| tried(trial, &trials[best], bootstrap)).collect();
    let sound: Vec<usize> = (1..trials.len()).filter(|at| !tried[*at].is_surely_worse).collect();
    let rarest = sound.iter().map(|at| trials[*at].setting.refresh_days).max().unwrap_or(i32::MAX);
    let as_rare = sound.into_iter().filter(|at| trials[*at].setting.refresh_days == rarest);
    // Without any, the best is the current setting.
    let chosen = as_rare.max_by(|left, right| hit(&trials[*left]).total_cmp(&hit(&trials[*right]))).unwrap_or(best);
    let later =
        |left: usize, right: usize| hit_5(&bootstrap.difference(&trials[left].outcomes[1], &trials[right].outcomes[1]));
    Advice {
        current: tried[0],
        chosen: tried[chosen],
        best: trials[best].setting,
        gain: later(chosen, 0),
        forgone: later(best, chosen),
        tried: tried[1..].to_vec(),
        spans,
    }
}

fn tried(trial: &Trial, best: &Trial, bootstrap: &Bootstrap) -> Tried {
    let [choosing, reporting] = trial.outcomes.each_ref().map(|outcomes| hit_5(&bootstrap.figures(outcomes)));
    let behind = hit_5(&bootstrap.difference(&best.outcomes[0], &trial.outcomes[0]));
    Tried { setting: trial.setting, choosing, reporting, is_surely_worse: behind.is_above(0.0) }
}

fn hit(trial: &Trial) -> f64 {
    trial.outcomes[0].figures().hit_5
}

fn hit_5(interval: &Interval) -> Sure {
    Sure::of_interval(interval, |figures| figures.hit_5)
}
