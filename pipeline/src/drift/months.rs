//! Every period against the next, and against all others.
//!
//! It decides which periods are compared and what is added up; how two are compared is [`compare`](super::compare)'s alone.

use anyhow::ensure;
use rayon::prelude::*;
use serde::Serialize;

use crate::drift::clusters::{ClusterDrift, clusters};
use crate::drift::compare::{Compared, Comparing, SEEN_MIN};
use crate::drift::figures::{Figures, Part};
use crate::drift::nulls::Pair;
use crate::drift::period::Period;
use crate::drift::triples::{TripleRules, Triples};
use crate::examples::Log;
use crate::sequence::Rules;

/// Shuffles of neighbours have numbers from 0, those of other pairs from here.
const FIRST_GLANCE: u64 = 1 << 20;

/// How periods are compared.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MonthsSettings {
    /// What is compared.
    pub period: Period,
    /// Clusters of a history.
    pub depth: usize,
    /// How many of a history's successors are compared.
    pub top: usize,
    /// Periods with fewer triples are left out.
    pub triples_min: usize,
    /// How often each null is drawn.
    pub shuffles: usize,
    /// The same seed gives the same figures.
    pub seed: u64,
    /// The last comparisons that are judged; `None` is all of them.
    pub recent: Option<usize>,
}

/// What comparing periods found.
#[derive(Clone, Debug, Serialize)]
pub struct Months {
    /// How they were compared.
    pub settings: MonthsSettings,
    /// The periods that were compared, ascending.
    pub periods: Vec<PeriodFigures>,
    /// The periods left out because they have too few triples.
    pub left_out: Vec<PeriodFigures>,
    /// Each period against the next.
    pub neighbours: Vec<Neighbours>,
    /// All of those together.
    pub all: Figures,
    /// The last of them together, as many as are judged.
    pub judged: Figures,
    /// All of them by how often a history was met on both sides.
    pub by_seen: Vec<SeenPart>,
    /// All of them by the last cluster of the history, the most drifted first.
    pub clusters: Vec<ClusterDrift>,
    /// Every period against every later one.
    pub map: Vec<MapCell>,
}

/// A period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PeriodFigures {
    /// What people call it.
    pub name: String,
    /// How many triples it has.
    pub triples: usize,
}

/// A period against the next.
#[derive(Clone, Debug, Serialize)]
pub struct Neighbours {
    /// The earlier one.
    pub earlier: String,
    /// The later one.
    pub later: String,
    /// How alike they are.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Histories that were met at least so often in both periods.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SeenPart {
    /// So often.
    pub seen_min: u32,
    /// How alike their successors are.
    #[serde(flatten)]
    pub part: Part,
}

/// Two periods of the map, by their places in [`Months::periods`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MapCell {
    /// The earlier one.
    pub earlier: usize,
    /// The later one.
    pub later: usize,
    /// The mean Jaccard index.
    pub overlap: f64,
    /// The same with users' periods swapped.
    pub users_null: f64,
}

impl MapCell {
    /// How much less alike than chance makes them.
    pub fn drift(&self) -> f64 {
        self.users_null - self.overlap
    }
}

impl Months {
    /// Compares the periods of a log; `ids` are its clusters' by index.
    ///
    /// # Errors
    /// When fewer than two periods have enough triples.
    pub fn new(log: &Log, rules: &Rules, settings: &MonthsSettings, ids: &[u32]) -> anyhow::Result<Self> {
        let triples = Triples::new(log, &settings.triple_rules(*rules));
        let named = |(number, triples): (i32, usize)| PeriodFigures { name: settings.period.name(number), triples };
        let periods: Vec<PeriodFigures> =
            triples.spans.iter().map(|span| named((span.number, span.triples.len()))).collect();
        ensure!(
            periods.len() >= 2,
            "{} of the {}s have {} triples or more, expected at least 2; give a longer log, or lower --min-triples",
            periods.len(),
            settings.period.noun(),
            settings.triples_min
        );
        let comparing = settings.comparing(log.clusters);
        let (compared, judged, neighbours) = settings.neighbours(&triples, &comparing, &periods);
        Ok(Self {
            settings: *settings,
            left_out: triples.left_out.iter().copied().map(named).collect(),
            neighbours,
            all: Figures::new(&compared),
            judged: Figures::new(&judged),
            by_seen: by_seen(&compared),
            clusters: clusters(&compared, ids),
            map: map(&triples, &comparing),
            periods,
        })
    }
}

impl MonthsSettings {
    fn triple_rules(&self, rules: Rules) -> TripleRules {
        let Self { period, depth, triples_min, .. } = *self;
        TripleRules { rules, depth, period, triples_min }
    }

    fn comparing(&self, clusters: u32) -> Comparing {
        let Self { top, shuffles, seed, .. } = *self;
        Comparing { clusters, top, shuffles, seed }
    }

    /// All neighbours together, the judged ones together, and each by itself.
    fn neighbours(
        &self,
        triples: &Triples,
        comparing: &Comparing,
        periods: &[PeriodFigures],
    ) -> (Compared, Compared, Vec<Neighbours>) {
        let count = periods.len() - 1;
        let judged_from = count - self.recent.unwrap_or(count).clamp(1, count);
        let (mut all, mut judged, mut each) = (Compared::default(), Compared::default(), Vec::new());
        for at in 0..count {
            let pair = Pair::new([&triples.spans[at], &triples.spans[at + 1]]);
            let compared = comparing.compare(&pair, at as u64);
            let [earlier, later] = [at, at + 1].map(|at| periods[at].name.clone());
            each.push(Neighbours { earlier, later, figures: Figures::new(&compared) });
            if at >= judged_from {
                judged.merge(compared.clone());
            }
            all.merge(compared);
        }
        (all, judged, each)
    }
}

fn by_seen(compared: &Compared) -> Vec<SeenPart> {
    let part =
        |(at, seen_min): (usize, u32)| SeenPart { seen_min, part: Part::new(compared, |found| found.by_seen[at]) };
    SEEN_MIN.into_iter().enumerate().map(part).collect()
}

fn map(triples: &Triples, comparing: &Comparing) -> Vec<MapCell> {
    let count = triples.spans.len();
    let pairs: Vec<(usize, usize)> =
        (0..count).flat_map(|earlier| (earlier + 1..count).map(move |later| (earlier, later))).collect();
    let cell = |&(earlier, later): &(usize, usize)| {
        let pair = Pair::new([&triples.spans[earlier], &triples.spans[later]]);
        let number = FIRST_GLANCE + (earlier * count + later) as u64;
        let [overlap, null] = comparing.glance(&pair, number).map(|overlap| overlap.mean());
        MapCell { earlier, later, overlap, users_null: null }
    };
    pairs.par_iter().map(cell).collect()
}
