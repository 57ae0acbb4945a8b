//! Differential privacy for merged counts, by OpenDP: noise on what is counted, and a threshold on which rows exist at all.
//!
//! It must never leave the exact value beside the noisy one. The noise is the system's own randomness and comes from no seed, so two private
//! releases of one log differ.
//!
//! The unit of privacy is what one user's steps of one day add to the counts: neighbours differ in all steps of one user and day. Of those at
//! most `user_day_max` count, each once under every length of history. Steps of later days whose histories reach back into that day are
//! theirs. The loss is of one release: every release of the same days costs as much again.
//!
//! Two mechanisms share epsilon in halves. The first adds Laplace noise to the days of users behind each (history, next) and each place
//! where users are, and drops what stays below a threshold (a stability-based histogram, since which rows exist is itself known to few).
//! The second adds Laplace noise to the weights of what is left and of every cluster.

use std::collections::HashMap;

use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::count::Tails;
use crate::decay::WEIGHT_ONE;
use crate::kept::Cells;
use crate::tally::Cell;

pub mod mechanism;
#[cfg(test)]
mod tests;

use mechanism::{Histogram, Vector};

/// The largest bound of a user's day that noise is made for: beyond it, nothing would be left.
const USER_DAY_MAX_MAX: u32 = 10_000;

/// How much privacy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Privacy {
    /// The loss for one user's day in one release; smaller is more private.
    pub epsilon: f64,
    /// The chance that a row shows which only one user's day has; far below one in the number of users.
    pub delta: f64,
}

/// What the noise guarantees, and how: for the manifest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PrivacyFigures {
    /// The whole loss of one release, as the library accounts for it; at most what was asked for.
    pub epsilon: f64,
    /// The chance of no guarantee, as the library accounts for it; at most what was asked for.
    pub delta: f64,
    /// Always `user-day`.
    pub unit: &'static str,
    /// Steps of one user and day that count.
    pub user_day_max: u32,
    /// The most that one user's day changes the days of users, in all.
    pub user_days_sensitivity: u32,
    /// The scale of the Laplace noise on them.
    pub user_days_scale: f64,
    /// Rows show from so many noisy days of users on.
    pub user_days_threshold: i64,
    /// The most that one user's day changes the weights, in steps, in all.
    pub steps_sensitivity: u32,
    /// The scale of the Laplace noise on weights, in steps.
    pub steps_scale: f64,
}

/// Why no noise could be added.
#[derive(Debug, thiserror::Error)]
pub enum PrivacyError {
    /// A parameter guarantees nothing, or cannot be met.
    #[error(
        "privacy with an epsilon of {epsilon} and a delta of {delta}: expected an epsilon above 0 and a delta above 0 and below 1"
    )]
    Parameters {
        /// As given.
        epsilon: f64,
        /// As given.
        delta: f64,
    },
    /// One user's day may count without end.
    #[error(
        "privacy with up to {got} steps of one user and day, expected at most {USER_DAY_MAX_MAX}; count with --max-user-day"
    )]
    Unbounded {
        /// The bound that the counts were kept with.
        got: u32,
    },
    /// The library refused.
    #[error("OpenDP refused: {0}; try a larger epsilon or a smaller bound of a user's day")]
    Library(#[from] opendp::error::Error),
}

/// What bounds the noise.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Steps of one user and day that count.
    pub user_day_max: u32,
    /// Rows with fewer days of users than this show with a chance of at most delta.
    pub users_min: u32,
}

/// Counts as they are.
#[derive(Debug)]
pub struct Exact {
    /// At `length`: cells by the key of a history and the cluster after it.
    pub levels: Vec<Cells>,
    /// At `length`: the days of users of each.
    pub user_days: Vec<FxHashMap<u64, i64>>,
    /// Where users are.
    pub tails: Tails,
    /// How many clusters there are, which everybody knows.
    pub clusters: usize,
}

/// Counts with noise.
#[derive(Debug)]
pub struct Noisy {
    /// At `length`: cells; of length 0 there is one for every cluster.
    pub levels: Vec<Cells>,
    /// Where users are.
    pub tails: Tails,
    /// What that guarantees.
    pub figures: PrivacyFigures,
}

/// A row of the histogram: a (history, next) of a length, or a place where users are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Row {
    Gram(usize, u64),
    Tail(usize, u64),
}

impl Privacy {
    /// Adds noise.
    ///
    /// # Errors
    /// When the parameters guarantee nothing or the library refuses.
    pub fn apply(&self, exact: Exact, bound: &Bound) -> Result<Noisy, PrivacyError> {
        self.check(bound)?;
        let depth = exact.levels.len() as u32 - 1;
        // A user's day adds a step to one row of each length, and moves its user from one place to another.
        let histogram = Histogram::new(self.epsilon / 2.0, self.delta, bound.user_day_max * depth + 2)?;
        let histogram = histogram.raised(bound.users_min.saturating_sub(1))?;
        let vector = Vector::new(self.epsilon / 2.0, bound.user_day_max * (depth + 1))?;
        let shown = histogram.draw(&exact.histogram())?;
        let levels = exact.noisy_levels(&shown, &vector)?;
        let (epsilon, delta) = histogram.loss()?;
        let figures = PrivacyFigures {
            epsilon: epsilon + vector.loss()?,
            delta,
            unit: "user-day",
            user_day_max: bound.user_day_max,
            user_days_sensitivity: histogram.sensitivity,
            user_days_scale: histogram.scale,
            user_days_threshold: histogram.threshold,
            steps_sensitivity: vector.sensitivity,
            steps_scale: vector.scale_units / WEIGHT_ONE as f64,
        };
        Ok(Noisy { levels, tails: tails(&shown, exact.tails.len()), figures })
    }

    fn check(&self, bound: &Bound) -> Result<(), PrivacyError> {
        let (epsilon, delta) = (self.epsilon, self.delta);
        if !(epsilon.is_finite() && epsilon > 0.0 && delta > 0.0 && delta < 1.0) {
            return Err(PrivacyError::Parameters { epsilon, delta });
        }
        if bound.user_day_max > USER_DAY_MAX_MAX {
            return Err(PrivacyError::Unbounded { got: bound.user_day_max });
        }
        Ok(())
    }
}

impl Exact {
    fn histogram(&self) -> HashMap<Row, i64> {
        let grams = self.user_days.iter().enumerate().skip(1);
        let grams =
            grams.flat_map(|(length, rows)| rows.iter().map(move |(key, days)| (Row::Gram(length, *key), *days)));
        let tails = self.tails.iter().enumerate();
        let tails =
            tails.flat_map(|(at, rows)| rows.iter().map(move |(key, users)| (Row::Tail(at, *key), *users as i64)));
        grams.chain(tails).collect()
    }

    /// The cells of the rows that show and of every cluster, with noise on their weights.
    fn noisy_levels(&self, shown: &HashMap<Row, i64>, vector: &Vector) -> Result<Vec<Cells>, PrivacyError> {
        let mut rows: Vec<(usize, u64, i64)> = (0..self.clusters as u64).map(|cluster| (0, cluster, 0)).collect();
        rows.extend(shown.iter().filter_map(|(row, days)| match row {
            Row::Gram(length, key) => Some((*length, *key, *days)),
            Row::Tail(..) => None,
        }));
        let weight = |(length, key, _): &(usize, u64, i64)| self.levels[*length].get(key).map_or(0, |cell| cell.weight);
        let weights = vector.draw(&rows.iter().map(|row| weight(row).cast_signed()).collect())?;
        let mut levels = vec![Cells::default(); self.levels.len()];
        for ((length, key, days), weight) in rows.into_iter().zip(weights) {
            levels[length].insert(key, cell(weight, days));
        }
        Ok(levels)
    }
}

/// A cell of noisy values alone. A row that shows weighs something, for its history is in the table.
fn cell(weight: i64, days: i64) -> Cell {
    let weight = weight.max(1).cast_unsigned();
    let steps = (weight / WEIGHT_ONE).max(days.max(1).cast_unsigned());
    let users = u32::try_from(days.max(0)).unwrap_or(u32::MAX);
    Cell { weight, seen: u32::try_from(steps).unwrap_or(u32::MAX), users }
}

fn tails(shown: &HashMap<Row, i64>, lengths: usize) -> Tails {
    let mut tails = vec![FxHashMap::default(); lengths];
    for (row, users) in shown {
        if let Row::Tail(at, key) = row {
            tails[*at].insert(*key, users.cast_unsigned());
        }
    }
    tails
}
