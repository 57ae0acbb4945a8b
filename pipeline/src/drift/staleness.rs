//! What a table loses as it grows old: the hit rate of tables of several ages on the same requests.
//!
//! An older table has also seen less, which costs by itself. So beside each stands a table that has seen as little but is fresh: what is lost
//! against that one is lost to age.

use rayon::prelude::*;
use serde::Serialize;

use crate::drift::ask::Requests;
use crate::drift::days::TableOf;
use crate::drift::figures::Sure;
use crate::measure::{Bootstrap, Outcomes};

/// The ages that are tried, in days.
const AGES_DAYS: [i32; 10] = [0, 1, 2, 4, 7, 14, 21, 28, 56, 84];

/// Days whose requests are asked at most: each takes two tables for each age.
const PROBES_MAX: i32 = 60;

/// Days that the oldest table has seen at least.
const SEEN_DAYS_MIN: i32 = 28;

/// The hit rate of tables by their age.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Staleness {
    /// Days whose requests were asked.
    pub days: usize,
    /// Requests.
    pub requests: usize,
    /// By age, the fresh table first.
    pub ages: Vec<Age>,
}

/// A table of an age.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Age {
    /// Whole days between the last that it has seen and the day of the request.
    pub age_days: i32,
    /// The share of requests whose cluster was among its first one.
    pub hit_1: Sure,
    /// Among its first five.
    pub hit_5: Sure,
    /// Among its first ten.
    pub hit_10: Sure,
    /// What the fresh table has more, in hit@5.
    pub loss: Sure,
    /// Hit@5 of a fresh table made of as few events: the null.
    pub null: Sure,
    /// What that one has more, in hit@5: what is lost to age alone.
    pub loss_to_age: Sure,
}

/// From when to when requests are asked.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The first UTC day.
    pub from_day: i32,
    /// The day after the last.
    pub to_day: i32,
}

impl Staleness {
    /// The smallest age in days from which on every older table has surely lost something to age: one alone may be chance, of so many.
    pub fn sure_from_days(&self) -> Option<i32> {
        let sure = self.ages.iter().rev().take_while(|age| age.loss_to_age.is_above(0.0));
        sure.last().map(|age| age.age_days)
    }
}

/// Asks tables of all ages; `None` when the log is too short for any but a fresh one.
pub fn staleness(requests: &Requests<'_>, asked: Asked, fresh: TableOf, bootstrap: &Bootstrap) -> Option<Staleness> {
    let first_day = requests.days.first_day();
    let age_max = (asked.to_day - first_day) / 4;
    let ages: Vec<i32> = AGES_DAYS.into_iter().filter(|age| *age <= age_max).collect();
    let oldest = *ages.last().filter(|_| ages.len() > 1)?;
    let probes = probes(asked.from_day.max(first_day + SEEN_DAYS_MIN + oldest), asked.to_day);
    let outcomes: Vec<[Outcomes; 2]> = ages
        .par_iter()
        .map(|age| [stale(requests, &probes, (fresh, *age)), sparse(requests, &probes, (fresh, *age))])
        .collect();
    let rested = outcomes[0][0].len();
    let figures =
        |(age, [stale, sparse]): (&i32, &[Outcomes; 2])| age_figures(*age, [&outcomes[0][0], stale, sparse], bootstrap);
    (rested > 0).then(|| Staleness {
        days: probes.len(),
        requests: rested,
        ages: ages.par_iter().zip(&outcomes).map(figures).collect(),
    })
}

/// Tables of an age.
fn stale(requests: &Requests<'_>, probes: &[i32], (fresh, age): (TableOf, i32)) -> Outcomes {
    requests.ask(probes.iter().copied(), |day| TableOf { before_day: day - age, ..fresh })
}

/// Fresh tables of as few events as those of an age have.
fn sparse(requests: &Requests<'_>, probes: &[i32], (fresh, age): (TableOf, i32)) -> Outcomes {
    requests.ask(probes.iter().copied(), |day| {
        let [all, few] = [day, day - age].map(|day| requests.days.steps(&TableOf { before_day: day, ..fresh }));
        TableOf { before_day: day, share: (few as f64 / all.max(1) as f64).min(1.0), ..fresh }
    })
}

fn age_figures(age_days: i32, [fresh, stale, sparse]: [&Outcomes; 3], bootstrap: &Bootstrap) -> Age {
    let figures = bootstrap.figures(stale);
    Age {
        age_days,
        hit_1: Sure::of_interval(&figures, |figures| figures.hit_1),
        hit_5: Sure::of_interval(&figures, |figures| figures.hit_5),
        hit_10: Sure::of_interval(&figures, |figures| figures.hit_10),
        loss: Sure::of_interval(&bootstrap.difference(fresh, stale), |figures| figures.hit_5),
        null: Sure::of_interval(&bootstrap.figures(sparse), |figures| figures.hit_5),
        loss_to_age: Sure::of_interval(&bootstrap.difference(sparse, stale), |figures| figures.hit_5),
    }
}

/// Days spread evenly, never on the same day of the week.
fn probes(from_day: i32, to_day: i32) -> Vec<i32> {
    let step = (to_day - from_day).max(0) / PROBES_MAX + 1;
    let step = if step % 7 == 0 { step + 1 } else { step };
    (from_day..to_day).step_by(step as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sure_loss_among_others_is_none() {
        let age = |(age_days, low): (i32, f64)| {
            let sure = Sure { value: low, low, high: low };
            Age { age_days, hit_1: sure, hit_5: sure, hit_10: sure, loss: sure, null: sure, loss_to_age: sure }
        };
        for (lows, expected) in [([0.0, 0.1, 0.1], Some(7)), ([0.0, 0.1, -0.1], None), ([0.0, -0.1, 0.1], Some(28))] {
            let ages = [0, 7, 28].into_iter().zip(lows).map(age).collect();
            assert_eq!(Staleness { days: 1, requests: 1, ages }.sure_from_days(), expected, "{lows:?}");
        }
    }

    #[test]
    fn probes_are_few_and_on_every_day_of_the_week() {
        for days in [30, 260, 400, 2_600] {
            let probes = probes(100, 100 + days);
            let weekdays: std::collections::BTreeSet<i32> = probes.iter().map(|day| day % 7).collect();
            assert!(probes.len() <= PROBES_MAX as usize && weekdays.len() == 7, "{days}: {probes:?}");
        }
        assert!(probes(5, 5).is_empty());
    }
}
