//! What was found, in plain words: the same sentences for the terminal and the page.
//!
//! It says "not sure" wherever an interval does not rule chance out, and never rounds that away.

use crate::drift::advice::Advice;
use crate::drift::figures::{Figures, Sure};
use crate::drift::period::date_of_day;
use crate::drift::staleness::Staleness;
use crate::drift::{Drift, Period};

/// A figure to the third decimal with its interval.
pub fn sure(sure: Sure) -> String {
    format!("{} {}", plain(sure.value), interval(sure))
}

/// A difference to the fourth decimal with its interval: differences are small, and their ends near nothing matter.
pub fn difference(sure: Sure) -> String {
    format!("{} {}", difference_plain(sure.value), difference_interval(sure))
}

/// A difference to the fourth decimal.
pub fn difference_plain(value: f64) -> String {
    let text = format!("{value:.4}");
    if text == "-0.0000" { "0.0000".to_owned() } else { text }
}

/// The interval of a difference alone.
pub fn difference_interval(sure: Sure) -> String {
    format!("[{}, {}]", difference_plain(sure.low), difference_plain(sure.high))
}

/// A figure to the third decimal; nothing is never below nothing.
pub fn plain(value: f64) -> String {
    let text = format!("{value:.3}");
    if text == "-0.000" { "0.000".to_owned() } else { text }
}

/// The interval alone.
pub fn interval(sure: Sure) -> String {
    format!("[{}, {}]", plain(sure.low), plain(sure.high))
}

/// A share of swaps.
pub fn p(p: f64) -> String {
    if p < 0.01 { format!("{p:.3}") } else { format!("{p:.2}") }
}

/// Everything in a few sentences.
pub fn lead(drift: &Drift) -> String {
    let parts = [
        Some(overlap(&drift.months.all, drift.months.settings.period)),
        drift.staleness.as_ref().map(age),
        Some(drift.advice.as_ref().map_or_else(too_short, |advice| {
            format!("{} {} {}", recommendation(advice), gain(advice), forgone(advice))
        })),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Whether periods differ by more than chance.
pub fn overlap(figures: &Figures, period: Period) -> String {
    let noun = period.noun();
    let drift = difference(figures.drift);
    let [overlap, null] = [figures.overlap.value, figures.users_null.value];
    let share = 100.0 * figures.drift.value / null.max(f64::MIN_POSITIVE);
    let verdict = match figures.drift {
        _ if figures.is_above(0.0) => {
            format!("What follows what does drift, by {drift}: {share:.1} % of what chance leaves alike.")
        }
        Sure { low, high, .. } if low <= 0.0 && high >= 0.0 => {
            format!("That is no sign of drift: {drift} is not told from nothing.")
        }
        Sure { value, .. } if value < 0.0 => {
            format!("The {noun}s are more alike than if users' {noun}s were swapped ({drift}): no sign of drift.")
        }
        _ => format!("That may be drift ({drift}), but swaps give so low an overlap in {} of cases.", p(figures.p)),
    };
    format!(
        "From one {noun} to the next the overlap is {}; chance alone would make it {}. {verdict}",
        plain(overlap),
        plain(null)
    )
}

/// What tables lose with age.
pub fn age(staleness: &Staleness) -> String {
    let Some(oldest) = staleness.ages.last() else { return String::new() };
    match staleness.sure_from_days() {
        Some(days) => format!("A table surely loses to age alone from {} on.", days_old(days)),
        None => format!(
            "No table, up to {} days old, surely lost anything to age alone: an old table mostly loses what it has not seen ({} of hit@5 at {} days).",
            oldest.age_days,
            difference(oldest.loss),
            oldest.age_days
        ),
    }
}

/// What to set.
pub fn recommendation(advice: &Advice) -> String {
    if advice.chosen.setting == advice.current.setting {
        return format!("Keep what is set: {}.", advice.current.setting.words());
    }
    format!("Refresh {}, in place of {}.", advice.chosen.setting.words(), advice.current.setting.words())
}

/// What that is worth.
pub fn gain(advice: &Advice) -> String {
    let when = format!("on {}, which had no part in the choice", span(advice.spans[1]));
    match advice.gain {
        _ if advice.chosen.setting == advice.current.setting => String::new(),
        gain if gain.is_above(0.0) => format!("It gains {} of hit@5 {when}.", difference(gain)),
        gain if gain.high < 0.0 => format!("But it loses {} of hit@5 {when}: keep what is set.", difference(gain)),
        gain => format!("Whether it gains anything is not sure: {} of hit@5 {when}.", difference(gain)),
    }
}

/// What refreshing rarer than the best costs.
pub fn forgone(advice: &Advice) -> String {
    let words = advice.best.words();
    match advice.forgone {
        _ if advice.best == advice.chosen.setting => "That was also the best setting where it was chosen.".to_owned(),
        forgone if forgone.is_above(0.0) => {
            format!(
                "Refreshing {words}, the best where it was chosen, surely has {} more on the later span.",
                difference(forgone)
            )
        }
        forgone => {
            format!(
                "Refreshing {words}, the best where it was chosen, is not surely better on the later span: {}.",
                difference(forgone)
            )
        }
    }
}

/// A span from its first day to the day after its last.
pub fn span([from_day, to_day]: [i32; 2]) -> String {
    format!("{} to {}", date_of_day(from_day), date_of_day(to_day - 1))
}

/// Why there is no recommendation.
pub fn too_short() -> String {
    "The log is too short to choose a setting on one span and try it on a later one: no recommendation.".to_owned()
}

fn days_old(days: i32) -> String {
    if days == 1 { "one day".to_owned() } else { format!("{days} days") }
}
