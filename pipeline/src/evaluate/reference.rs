//! What counting knows under the rules of the published comparison of such baselines: tables of whole months, made of triples.
//!
//! A triple belongs to the month of its third event. Equal counts go by the popularity in the same table, then by id. Where a user's last
//! cluster cannot come next, it takes no place in a list. This is kept as it is, whatever releases do: figures of others are compared with it.

use std::cmp::Reverse;
use std::ops::Range;

use rustc_hash::FxHashMap;

use super::Replay;
use super::walk::{Answering, Asked, Lists, Stretch};
use crate::examples::Example;

/// The names of those who answer, in their order.
pub const NAMES: [&str; 4] =
    ["popularity, last month", "pair, last month", "back-off, last month", "last cluster, all history"];

/// Answers from the tables of months.
#[derive(Clone, Copy, Debug)]
pub struct Reference<'a> {
    /// What is evaluated.
    pub replay: &'a Replay<'a>,
}

/// The triples of some time.
#[derive(Clone, Debug, Default)]
pub struct Triples {
    /// All clusters, the most frequent third one first, the smaller index first where equal.
    popular: Vec<u32>,
    /// By the two clusters before: what came third, most often first.
    pairs: FxHashMap<[u32; 2], Vec<u32>>,
    /// By the one cluster before.
    last: FxHashMap<u32, Vec<u32>>,
}

/// The tables that serve a month.
#[derive(Clone, Debug)]
pub struct Tables {
    month: Triples,
    all: Triples,
}

impl Answering for Reference<'_> {
    type Table = Tables;

    fn contenders(&self) -> usize {
        NAMES.len()
    }

    fn table(&self, stretch: &Stretch) -> Tables {
        let month = &self.replay.months.asked[stretch.month];
        Tables { month: self.triples(month.before.clone()), all: self.triples(0..month.range.start) }
    }

    fn rank(&self, tables: &Tables, _: &Stretch, asked: &Asked<'_>) -> Vec<Lists> {
        let lists =
            |of: fn(&Tables, &[u32]) -> Vec<u32>| asked.histories.iter().map(move |history| of(tables, history));
        vec![
            lists(|tables, _| tables.month.popular.clone()).collect(),
            lists(|tables, history| tables.month.after_pair(history)).collect(),
            lists(|tables, history| tables.month.back_off(history)).collect(),
            lists(|tables, history| tables.all.after_last(history)).collect(),
        ]
    }
}

impl Reference<'_> {
    fn triples(&self, range: Range<usize>) -> Triples {
        Triples::new(self.replay.examples.iter(range), self.replay.log.clusters)
    }
}

impl Triples {
    /// Counts triples: examples with the two places before them as their history.
    pub fn new<'a>(triples: impl Iterator<Item = Example<'a>>, clusters: u32) -> Self {
        let mut popular = vec![0_u32; clusters as usize];
        let mut pairs = FxHashMap::<[u32; 2], FxHashMap<u32, u32>>::default();
        let mut last = FxHashMap::<u32, FxHashMap<u32, u32>>::default();
        for triple in triples {
            let Ok([first, second]) = <[u32; 2]>::try_from(triple.history) else { continue };
            popular[triple.next as usize] += 1;
            *pairs.entry([first, second]).or_default().entry(triple.next).or_default() += 1;
            *last.entry(second).or_default().entry(triple.next).or_default() += 1;
        }
        let ranked = |counts: FxHashMap<u32, u32>| {
            let mut ranked: Vec<(u32, u32)> = counts.into_iter().collect();
            ranked.sort_by_key(|(cluster, count)| (Reverse(*count), Reverse(popular[*cluster as usize]), *cluster));
            ranked.into_iter().map(|(cluster, _)| cluster).collect()
        };
        let pairs = pairs.into_iter().map(|(history, counts)| (history, ranked(counts))).collect();
        let last = last.into_iter().map(|(history, counts)| (history, ranked(counts))).collect();
        let mut order: Vec<u32> = (0..clusters).collect();
        order.sort_by_key(|cluster| Reverse(popular[*cluster as usize]));
        Self { popular: order, pairs, last }
    }

    fn after_pair(&self, history: &[u32]) -> Vec<u32> {
        let pair = <[u32; 2]>::try_from(history).ok();
        pair.and_then(|pair| self.pairs.get(&pair)).cloned().unwrap_or_default()
    }

    /// What came after the last cluster, then the most popular.
    fn after_last(&self, history: &[u32]) -> Vec<u32> {
        let last = history.last().and_then(|last| self.last.get(last)).cloned().unwrap_or_default();
        self.filled(vec![last])
    }

    fn back_off(&self, history: &[u32]) -> Vec<u32> {
        let last = history.last().and_then(|last| self.last.get(last)).cloned().unwrap_or_default();
        self.filled(vec![self.after_pair(history), last])
    }

    /// Lists one after the other and then the popular one, each cluster where it first stands.
    fn filled(&self, lists: Vec<Vec<u32>>) -> Vec<u32> {
        let mut taken = vec![false; self.popular.len()];
        let all = lists.into_iter().flatten().chain(self.popular.iter().copied());
        all.filter(|cluster| !std::mem::replace(&mut taken[*cluster as usize], true)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_list_is_counted_by_hand() {
        let triple = |history: &'static [u32], next| Example { user: 0, time_us: 0, history, next };
        // Third events: 2 three times, 3 twice, 4 and 1 once.
        let rows = [
            triple(&[0, 1], 2),
            triple(&[0, 1], 3),
            triple(&[5, 1], 4),
            triple(&[5, 2], 2),
            triple(&[5, 3], 2),
            triple(&[5, 3], 3),
            triple(&[5, 4], 1),
        ];
        let triples = Triples::new(rows.into_iter(), 6);
        assert_eq!(triples.popular, [2, 3, 1, 4, 0, 5]);
        assert_eq!(triples.after_pair(&[0, 1]), [2, 3]);
        assert_eq!(triples.after_pair(&[1, 0]), [0; 0]);
        assert_eq!(triples.after_last(&[9, 1]), [2, 3, 4, 1, 0, 5]);
        assert_eq!(triples.back_off(&[5, 1]), [4, 2, 3, 1, 0, 5]);
        assert_eq!(triples.back_off(&[0, 0]), [2, 3, 1, 4, 0, 5]);
    }
}
