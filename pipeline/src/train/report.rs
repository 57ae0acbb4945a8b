//! How good the model is on time that nobody chose anything by: beside the counts, and with its context fresh, stale, empty, its history cut.
//!
//! Every row is of the same requests, so that a difference is between predictors and not between samples.

use std::convert::Infallible;
use std::fmt;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use super::data::Data;
use super::predictor::NetworkPredictor;
use super::settings::InputSettings;
use crate::baselines::Baseline;
use crate::examples::{AsOf, Freshness};
use crate::measure::{Bootstrap, Figures, Interval, Outcomes, Predictor, Trial};

/// How old a stale context is: what a refresh forgotten for a month would serve.
const STALE_DAYS: f64 = 30.0;
/// How much of its history the shortest request shows: the key of a table of depth 2.
const RECENT: usize = 2;

/// The model with fresh context and its whole history: what the figures of a manifest are of.
pub const MODEL: &str = "model";
const MODEL_STALE: &str = "model, context of a month ago";
const MODEL_EMPTY: &str = "model, no context";
const MODEL_RECENT: &str = "model, last two clusters";
/// The counts where they, too, are told of no more than the last two: what they pass over as impossible is then the same.
const SMOOTHED_RECENT: &str = "smoothed, last two clusters";

/// Differences that are of interest: the first less the second.
const PAIRS: [(&str, &str); 7] = [
    (MODEL, Baseline::Smoothed.name()),
    (MODEL, Baseline::LastCluster.name()),
    (MODEL, Baseline::Popularity.name()),
    (MODEL_RECENT, SMOOTHED_RECENT),
    (MODEL_EMPTY, Baseline::Smoothed.name()),
    (MODEL, MODEL_STALE),
    (MODEL, MODEL_EMPTY),
];

/// The report.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Requests that were asked.
    pub requests: usize,
    /// Each predictor's figures.
    pub rows: Vec<Row>,
    /// Differences on the same requests; an interval above 0 is a difference.
    pub differences: Vec<Row>,
}

/// The figures of one predictor, or of one less another.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What they are of.
    pub name: String,
    /// hit@1, hit@5, hit@10, MRR and NDCG@10, each with its 95 % interval over users.
    pub figures: [Ranged; 5],
}

/// A figure with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ranged {
    /// The figure's name.
    pub name: &'static str,
    /// On all requests.
    pub measured: f64,
    /// 2.5 % of the draws lie below.
    pub low: f64,
    /// 2.5 % of the draws lie above.
    pub high: f64,
}

impl Report {
    /// Asks all predictors the test's requests. Runs on the rayon threads that it is called from.
    pub fn make(data: &Data, input: &InputSettings, network: NetworkPredictor<'_>, seed: u64) -> Self {
        let outcomes = outcomes(data, input, network);
        let bootstrap = Bootstrap { seed, ..Bootstrap::default() };
        let rows = outcomes.iter().map(|(name, outcomes)| Row::new((*name).to_owned(), bootstrap.figures(outcomes)));
        let of = |name: &str| outcomes.iter().find(|(known, _)| *known == name).map(|(_, outcomes)| outcomes);
        let difference = |(left, right): (&str, &str)| {
            let interval = bootstrap.difference(of(left)?, of(right)?);
            Some(Row::new(format!("{left} - {right}"), interval))
        };
        Self {
            requests: data.split.test.len(),
            rows: rows.collect(),
            differences: PAIRS.into_iter().filter_map(difference).collect(),
        }
    }

    /// The row of a name.
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }
}

fn outcomes(data: &Data, input: &InputSettings, network: NetworkPredictor<'_>) -> Vec<(&'static str, Outcomes)> {
    let mut as_of = AsOf::new(&data.log, &input.counting);
    let mut run = |freshness: Freshness, history_max: usize, predictors: &mut [&mut dyn Predictor<Infallible>]| {
        let range = data.split.test.clone();
        let trial = Trial { examples: &data.examples, range, refresh: input.refresh.with(freshness), history_max };
        let Ok(outcomes) = trial.run(&mut as_of, predictors);
        outcomes
    };
    let history_max = network.prompt.history_max;
    let mut counts = Baseline::ALL;
    let mut model = network;
    let mut all: Vec<&mut dyn Predictor<Infallible>> = Vec::new();
    all.extend(counts.iter_mut().map(|baseline| baseline as &mut dyn Predictor<Infallible>));
    all.push(&mut model);
    let names = Baseline::ALL.map(Baseline::name).into_iter().chain([MODEL]);
    let mut outcomes: Vec<_> = names.zip(run(Freshness::Fresh, history_max, &mut all)).collect();
    for (name, freshness) in [(MODEL_STALE, Freshness::stale_days(STALE_DAYS)), (MODEL_EMPTY, Freshness::Empty)] {
        outcomes.extend([name].into_iter().zip(run(freshness, history_max, &mut [&mut model])));
    }
    let recent = run(Freshness::Fresh, RECENT, &mut [&mut Baseline::Smoothed, &mut model]);
    outcomes.extend([SMOOTHED_RECENT, MODEL_RECENT].into_iter().zip(recent));
    outcomes
}

impl Row {
    /// Names figures.
    pub fn new(name: String, interval: Interval) -> Self {
        let Interval { measured, low, high } = interval;
        let (measured, low, high) = (measured.values(), low.values(), high.values());
        let figure =
            |at: usize| Ranged { name: Figures::NAMES[at], measured: measured[at], low: low[at], high: high[at] };
        Self { name, figures: std::array::from_fn(figure) }
    }
}

/// Two tables: the figures, and the differences.
impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{} requests on held-out time; [95 % interval over users]", self.requests)?;
        writeln!(formatter, "{}", table(&self.rows, |figure| format!("{:.4}", figure)))?;
        write!(formatter, "{}", table(&self.differences, |figure| format!("{:+.4}", figure)))
    }
}

fn table(rows: &[Row], spell: impl Fn(f64) -> String) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(std::iter::once("").chain(Figures::NAMES));
    for row in rows {
        let cell =
            |figure: &Ranged| format!("{}\n[{}, {}]", spell(figure.measured), spell(figure.low), spell(figure.high));
        table.add_row(std::iter::once(row.name.clone()).chain(row.figures.iter().map(cell)));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
