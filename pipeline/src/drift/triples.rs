//! Which cluster came after which history, by whom and in which period: what months are compared by.
//!
//! A triple belongs to the period of its last event. Nothing here counts or compares.

use std::collections::BTreeMap;

use crate::drift::Period;
use crate::examples::Log;
use crate::sequence::{Cutter, Rules, Step};

/// Which triples a log gives.
#[derive(Clone, Copy, Debug)]
pub struct TripleRules {
    /// Where sequences begin and end, and which repeats stay.
    pub rules: Rules,
    /// Clusters of a history; 2 makes them triples.
    pub depth: usize,
    /// What is compared.
    pub period: Period,
    /// Periods with fewer triples than this are left out.
    pub triples_min: usize,
}

/// A cluster that came after a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Triple {
    /// The history's clusters as digits, oldest first, in the base of the number of clusters.
    pub history: u64,
    /// What came next.
    pub next: u32,
    /// Whose it is.
    pub user: u32,
}

/// The triples of one period.
#[derive(Clone, Debug)]
pub struct Span {
    /// The period's number.
    pub number: i32,
    /// Ascending.
    pub triples: Vec<Triple>,
}

/// The triples of a log by period.
#[derive(Clone, Debug)]
pub struct Triples {
    /// How many clusters the catalogue has.
    pub clusters: u32,
    /// The periods that are compared, ascending.
    pub spans: Vec<Span>,
    /// The periods with too few triples, and how many they have.
    pub left_out: Vec<(i32, usize)>,
}

impl Triples {
    /// The triples of a log.
    pub fn new(log: &Log, rules: &TripleRules) -> Self {
        let mut by_period = BTreeMap::<i32, Vec<Triple>>::new();
        let mut cutter = Cutter::new(rules.rules, log.clusters as usize, |user, steps: &[Step]| {
            for window in steps.windows(rules.depth + 1) {
                let next = window[rules.depth];
                let triple = Triple { history: key(&window[..rules.depth], log.clusters), next: next.cluster, user };
                by_period.entry(rules.period.of(next.time_us)).or_default().push(triple);
            }
        });
        log.events.iter().for_each(|event| cutter.push(*event));
        cutter.finish();
        let (enough, few): (Vec<_>, Vec<_>) =
            by_period.into_iter().partition(|(_, triples)| triples.len() >= rules.triples_min);
        Self {
            clusters: log.clusters,
            spans: enough.into_iter().map(|(number, triples)| Span::new(number, triples)).collect(),
            left_out: few.into_iter().map(|(number, triples)| (number, triples.len())).collect(),
        }
    }
}

impl Span {
    fn new(number: i32, mut triples: Vec<Triple>) -> Self {
        triples.sort_unstable();
        Self { number, triples }
    }
}

fn key(steps: &[Step], clusters: u32) -> u64 {
    steps.iter().fold(0, |key, step| key * u64::from(clusters) + u64::from(step.cluster))
}
