//! The `evaluate` command: a log replayed through time, and who would have known what came next.
//!
//! ```text
//! log -> examples -> months -> models, one a month -> walks: tables and models of their time answer -> figures -> table, page, pictures
//! ```
//!
//! Every answer is made of what came strictly before the refresh that serves it; nothing is chosen by the requests that it is then judged on.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::ensure;
use segue::model::config::Size;

use crate::build::LogSettings;
use crate::clusters::CatalogueColumns;
use crate::drift::days::DayCounts;
use crate::examples::{Counting, ExampleRules, Examples, Log};
use crate::measure::Bootstrap;
use crate::refusals::Policy;
use crate::sequence::Mode;
use crate::smooth::Constants;

// What is asked.
pub mod data;
pub mod months;
pub mod walk;
// Who answers.
pub mod reference;
pub mod counted;
pub mod models;
pub mod method;
pub mod blended;
// What came of it.
pub mod contenders;
pub mod figures;
pub mod summary;
pub mod pictures;
pub mod report;

pub use figures::{Evaluation, ModeFigures};

use data::Data;
use months::{Bounds, Months};
use walk::HISTORY;

/// How a log is evaluated.
#[derive(Clone, Debug)]
pub struct EvaluateSettings {
    /// The log.
    pub log: LogSettings,
    /// The catalogue's file, or a release's directory.
    pub catalogue: PathBuf,
    /// What its columns mean.
    pub catalogue_columns: CatalogueColumns,
    /// What to do with rows that cannot be used.
    pub policy: Policy,
    /// Bytes of rows held in memory before they are spilled.
    pub memory_bytes: usize,
    /// How the log is counted, in each mode.
    pub counting: Counting,
    /// Which repeats stay in a sequence: one evaluation each.
    pub modes: Vec<Mode>,
    /// Days between two refreshes that are tried.
    pub cadences: Vec<i32>,
    /// Windows and half-lives that are tried, in days.
    pub ages: Vec<i32>,
    /// How many requests a month may have.
    pub requests: Bounds,
    /// The models; `None` evaluates the counts alone.
    pub learning: Option<Learning>,
    /// How intervals are drawn.
    pub bootstrap: Bootstrap,
}

/// The models that are trained on the way: small, one a month, each from the one before.
#[derive(Clone, Copy, Debug)]
pub struct Learning {
    /// How large.
    pub size: Size,
    /// The most retrieved continuations of a prompt.
    pub retrieved_max: usize,
    /// The most examples of one training: the latest stay.
    pub examples_max: usize,
    /// How often the first model sees every example before the first month.
    pub epochs: u32,
    /// How often the model of each later month sees the examples of the month before.
    pub epochs_monthly: u32,
    /// The first model's highest learning rate; later ones learn at [`models::MONTHLY_RATE_SHARE`] of it.
    pub learning_rate: f64,
    /// The same seed gives the same weights.
    pub seed: u64,
}

/// What one mode is evaluated on.
#[derive(Clone, Copy, Debug)]
pub struct Replay<'a> {
    /// What it is told.
    pub settings: &'a EvaluateSettings,
    /// How the log is counted, in this mode.
    pub counting: &'a Counting,
    /// The log.
    pub log: &'a Log,
    /// Every place of every sequence that has a history, by time.
    pub examples: &'a Examples,
    /// The months that are asked about.
    pub months: &'a Months,
    /// The counts by day.
    pub days: &'a DayCounts,
}

/// Evaluates.
///
/// # Errors
/// When a file cannot be read, when a training fails, or when no month can be asked about.
pub fn evaluate(settings: &EvaluateSettings) -> anyhow::Result<Evaluation> {
    let started = Instant::now();
    let data = Data::read(settings)?;
    let modes = settings.modes.iter().map(|mode| evaluate_mode(settings, &data.log, *mode));
    let modes = modes.collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Evaluation::new(settings, data, modes, started.elapsed().as_secs_f64()))
}

/// Evaluates one mode.
///
/// # Errors
/// When a training fails, or when no month can be asked about.
pub fn evaluate_mode(settings: &EvaluateSettings, log: &Log, mode: Mode) -> anyhow::Result<ModeFigures> {
    let mut counting = settings.counting.clone();
    counting.count.mode = mode;
    let examples = Examples::new(log, &example_rules(&counting));
    let months = Months::new(&examples, settings.requests);
    ensure!(
        !months.asked.is_empty(),
        "no month from the third on has {} requests in {} mode; give a longer log, or lower --requests-min",
        settings.requests.min,
        mode.name()
    );
    let constants = Constants::new(&counting.count.smoothing, counting.depth);
    let days = DayCounts::new(log, counting.rules(), constants);
    let replay = Replay { settings, counting: &counting, log, examples: &examples, months: &months, days: &days };
    replay.run()
}

/// Requests show the very places before them: the method's pairs, and in raw mode with their repeats.
fn example_rules(counting: &Counting) -> ExampleRules {
    ExampleRules {
        rules: counting.rules(),
        history_min: HISTORY,
        history_max: HISTORY,
        repeats: crate::examples::Repeats::Kept,
    }
}

#[cfg(test)]
mod tests;
