//! The shares of answers by source against those that the release expected, beside what as many answers give by chance.

use std::collections::{BTreeMap, BTreeSet};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Binomial, Distribution};
use serde::Serialize;

use crate::drift::figures::Sure;

/// What answers from the table are called.
pub const TABLE: &str = "table";

/// Answers of a model.
const MODEL: &str = "model";

/// All sources but the table, where the release could not know which of them would answer.
const OTHERS: &str = "not the table";

/// The share of chance's draws that a distance must lie above to be more than chance.
const TRUSTED: f64 = 0.95;

/// The two-sided 0.975 quantile of the normal law.
const NORMAL: f64 = 1.96;

/// Where answers come from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sources {
    /// Answers in all.
    pub answers: u64,
    /// By source.
    pub sources: Vec<SourceShare>,
    /// How far the shares are from what was expected; `None` when nothing was.
    pub distance: Option<Distance>,
}

/// The share of one source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceShare {
    /// The source.
    pub source: String,
    /// Its answers.
    pub answers: u64,
    /// Their share, with Wilson's interval ("Probable inference, the law of succession, and statistical inference", 1927).
    pub share: Sure,
    /// What the release expected.
    pub expected: Option<f64>,
}

/// How far two distributions are from each other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Distance {
    /// Their total variation distance: the share of answers that come from another source than expected.
    pub value: f64,
    /// What as many answers with the expected shares stay below in 95 of 100 cases: the null.
    pub chance: f64,
    /// The distance beyond chance; below 0 where chance explains it all.
    pub drift: f64,
}

impl Sources {
    /// Compares answers by source with expected shares; chance is drawn so often, from a seed.
    pub fn new(answers: &BTreeMap<String, f64>, expected: &BTreeMap<String, f64>, (draws, seed): (usize, u64)) -> Self {
        // A release cannot know how often its model would be asked: it then says only what its table holds.
        let folds = answers.get(MODEL).is_some_and(|count| *count > 0.0) && !expected.contains_key(MODEL);
        let (answers, expected) = (folded(answers, folds), folded(expected, folds));
        let total: f64 = answers.values().sum();
        let names: BTreeSet<&String> = answers.keys().chain(expected.keys()).collect();
        let share = |name: &&String| {
            let count = answers.get(*name).copied().unwrap_or_default();
            SourceShare {
                source: (*name).clone(),
                answers: count as u64,
                share: wilson(count, total),
                expected: (!expected.is_empty()).then(|| expected.get(*name).copied().unwrap_or_default()),
            }
        };
        let mut sources: Vec<SourceShare> = names.iter().map(share).filter(SourceShare::is_there).collect();
        sources.sort_by(|left, right| right.answers.cmp(&left.answers).then_with(|| left.source.cmp(&right.source)));
        let distance = (!expected.is_empty()).then(|| Distance::new(&sources, total, (draws, seed)));
        Self { answers: total as u64, sources, distance }
    }

    /// The share of answers that the table gave, and the expected one.
    pub fn of_table(&self) -> (f64, Option<f64>) {
        let table = self.sources.iter().find(|source| source.source == TABLE);
        table.map_or((0.0, None), |table| (table.share.value, table.expected))
    }
}

impl SourceShare {
    fn is_there(&self) -> bool {
        self.answers > 0 || self.expected.is_some_and(|share| share > 0.0)
    }
}

impl Distance {
    fn new(sources: &[SourceShare], total: f64, (draws, seed): (usize, u64)) -> Self {
        let expected: Vec<f64> = sources.iter().map(|source| source.expected.unwrap_or_default()).collect();
        let value = total_variation(sources.iter().map(|source| source.share.value), &expected);
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut drawn: Vec<f64> = (0..draws).map(|_| drawn_distance(&expected, total as u64, &mut random)).collect();
        drawn.sort_by(f64::total_cmp);
        let at = ((drawn.len() as f64 * TRUSTED).ceil() as usize).saturating_sub(1);
        let chance = drawn.get(at).copied().unwrap_or_default();
        Self { value, chance, drift: value - chance }
    }
}

fn folded(shares: &BTreeMap<String, f64>, folds: bool) -> BTreeMap<String, f64> {
    let mut folded = BTreeMap::new();
    for (name, share) in shares {
        let name = if folds && name != TABLE { OTHERS } else { name };
        *folded.entry(name.to_owned()).or_default() += share;
    }
    folded
}

/// The distance of one draw of so many answers from the shares that they are drawn with.
fn drawn_distance(expected: &[f64], total: u64, random: &mut ChaCha8Rng) -> f64 {
    let (mut left, mut share_left) = (total, expected.iter().sum::<f64>());
    let mut shares = Vec::with_capacity(expected.len());
    for share in expected {
        let chance = if share_left > 0.0 { (share / share_left).clamp(0.0, 1.0) } else { 0.0 };
        // A chance from 0 to 1 is always sound.
        let count = Binomial::new(left, chance).map_or(0, |binomial| binomial.sample(random));
        shares.push(count as f64 / total.max(1) as f64);
        left -= count;
        share_left -= share;
    }
    total_variation(shares.into_iter(), expected)
}

fn total_variation(shares: impl Iterator<Item = f64>, expected: &[f64]) -> f64 {
    shares.zip(expected).map(|(share, expected)| (share - expected).abs()).sum::<f64>() / 2.0
}

fn wilson(count: f64, total: f64) -> Sure {
    let share = count / total.max(1.0);
    let squared = NORMAL * NORMAL / total.max(1.0);
    let middle = (share + squared / 2.0) / (1.0 + squared);
    let half =
        NORMAL / (1.0 + squared) * (share * (1.0 - share) / total.max(1.0) + squared / (4.0 * total.max(1.0))).sqrt();
    Sure { value: share, low: (middle - half).max(0.0), high: (middle + half).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, f64)]) -> BTreeMap<String, f64> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }

    const EXPECTED: [(&str, f64); 3] = [("table", 0.7), ("suffix", 0.3), ("popular", 0.0)];

    #[test]
    fn only_more_than_chance_is_drift() {
        for (answers, is_drift) in [
            (vec![("table", 700.0), ("suffix", 300.0)], false),
            (vec![("table", 72.0), ("suffix", 28.0)], false),
            (vec![("table", 7_200.0), ("suffix", 2_800.0)], true),
            (vec![("table", 690.0), ("suffix", 300.0), ("popular", 50.0)], true),
        ] {
            let sources = Sources::new(&map(&answers), &map(&EXPECTED), (1000, 1));
            assert_eq!(sources.distance.unwrap().drift > 0.0, is_drift, "{answers:?}: {sources:?}");
        }
    }

    #[test]
    fn a_model_that_was_not_foreseen_is_compared_by_what_the_table_holds() {
        let answers = map(&[("table", 700.0), ("model", 290.0), ("suffix", 10.0)]);
        let sources = Sources::new(&answers, &map(&EXPECTED), (100, 1));
        let names: Vec<&str> = sources.sources.iter().map(|source| source.source.as_str()).collect();
        assert_eq!(names, [TABLE, OTHERS]);
        assert!(sources.distance.unwrap().value < 1e-9);
        assert_eq!(sources.of_table(), (0.7, Some(0.7)));
    }

    #[test]
    fn nothing_expected_is_no_distance() {
        assert_eq!(Sources::new(&map(&[("table", 1.0)]), &map(&[]), (100, 1)).distance, None);
    }

    #[test]
    fn intervals_are_wilsons() {
        let sure = wilson(10.0, 20.0);
        assert!((sure.low - 0.299).abs() < 1e-3 && (sure.high - 0.701).abs() < 1e-3, "{sure:?}");
        assert_eq!(wilson(0.0, 10.0).low, 0.0);
    }
}
