//! How alike two periods are: the Jaccard index of each history's most frequent successors, as the method measures it.
//!
//! One pass over sorted triples, since it is taken again for every shuffle. It knows no null: which side a triple is on is the caller's.

use std::cmp::Reverse;
use std::ops::AddAssign;

/// Jaccard indexes, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overlap {
    /// Their sum.
    pub sum: f64,
    /// The sum of their squares.
    pub squares: f64,
    /// How many there are: histories that were met on both sides.
    pub histories: u32,
}

/// A triple of one of two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sided {
    /// The history's key.
    pub history: u64,
    /// What came next.
    pub next: u32,
    /// The triple's block: all of them move together.
    pub block: u32,
}

/// A history that was met on both sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Met {
    /// Its key.
    pub history: u64,
    /// The Jaccard index of its successors, from 0 to 1.
    pub jaccard: f64,
    /// How often it was met on the side where it was met less often.
    pub seen: u32,
}

/// A successor: how often it came, how often it came on this side whatever the history, and its index.
type Successor = (u32, u32, u32);

impl Overlap {
    /// Their mean; 0 where there is none.
    pub fn mean(&self) -> f64 {
        self.sum / f64::from(self.histories.max(1))
    }

    /// Their variance.
    pub fn variance(&self) -> f64 {
        (self.squares / f64::from(self.histories.max(1)) - self.mean().powi(2)).max(0.0)
    }

    /// Adds one.
    pub fn add(&mut self, jaccard: f64) {
        *self += Self { sum: jaccard, squares: jaccard * jaccard, histories: 1 };
    }
}

impl AddAssign for Overlap {
    fn add_assign(&mut self, other: Self) {
        self.sum += other.sum;
        self.squares += other.squares;
        self.histories += other.histories;
    }
}

/// Compares the `top` most frequent successors of each history on both sides; equal ones by the side's popularity, then the smaller index.
/// `rows` are ascending; `side` says where the row at a place is, `None` leaves it out.
pub fn compare(rows: &[Sided], top: usize, side: impl Fn(usize) -> Option<usize>, mut visit: impl FnMut(Met)) {
    let popularity = popularity(rows, &side);
    let mut sides: [Vec<Successor>; 2] = [Vec::new(), Vec::new()];
    let mut from = 0;
    for group in rows.chunk_by(|left, right| left.history == right.history) {
        sides.iter_mut().for_each(Vec::clear);
        for (at, row) in (from..).zip(group) {
            let Some(side) = side(at) else { continue };
            count(&mut sides[side], row.next, popularity[side][row.next as usize]);
        }
        from += group.len();
        if sides.iter().all(|side| !side.is_empty()) {
            visit(met(group[0].history, &mut sides, top));
        }
    }
}

fn popularity(rows: &[Sided], side: &impl Fn(usize) -> Option<usize>) -> [Vec<u32>; 2] {
    let clusters = rows.iter().map(|row| row.next as usize + 1).max().unwrap_or_default();
    let mut popularity = [vec![0; clusters], vec![0; clusters]];
    for (at, row) in rows.iter().enumerate() {
        if let Some(side) = side(at) {
            popularity[side][row.next as usize] += 1;
        }
    }
    popularity
}

/// Counts one more; rows come with equal successors together.
fn count(successors: &mut Vec<Successor>, next: u32, popularity: u32) {
    match successors.last_mut() {
        Some(last) if last.2 == next => last.0 += 1,
        _ => successors.push((1, popularity, next)),
    }
}

fn met(history: u64, sides: &mut [Vec<Successor>; 2], top: usize) -> Met {
    let seen = sides.each_ref().map(|side| side.iter().map(|successor| successor.0).sum::<u32>());
    for side in sides.iter_mut() {
        side.sort_unstable_by_key(|(count, popularity, next)| (Reverse(*count), Reverse(*popularity), *next));
        side.truncate(top);
    }
    let [left, right] = sides;
    let both = left.iter().filter(|one| right.iter().any(|other| other.2 == one.2)).count();
    let jaccard = both as f64 / (left.len() + right.len() - both) as f64;
    Met { history, jaccard, seen: seen[0].min(seen[1]) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// The definition, word by word.
    fn naive(rows: &[(Sided, usize)], top: usize) -> Vec<Met> {
        let on = |side: usize| rows.iter().filter(move |row| row.1 == side).map(|row| row.0);
        let list = |side: usize, history: u64| -> (BTreeSet<u32>, u32) {
            let of: Vec<u32> = on(side).filter(|row| row.history == history).map(|row| row.next).collect();
            let count = |next: u32| of.iter().filter(|other| **other == next).count();
            let popular = |next: u32| on(side).filter(|row| row.next == next).count();
            let mut nexts: Vec<u32> = of.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
            nexts.sort_by_key(|next| (Reverse(count(*next)), Reverse(popular(*next)), *next));
            (nexts.into_iter().take(top).collect(), of.len() as u32)
        };
        let histories: BTreeSet<u64> = rows.iter().map(|row| row.0.history).collect();
        let mut all = Vec::new();
        for history in histories {
            let ((left, left_seen), (right, right_seen)) = (list(0, history), list(1, history));
            if !left.is_empty() && !right.is_empty() {
                let jaccard = left.intersection(&right).count() as f64 / left.union(&right).count() as f64;
                all.push(Met { history, jaccard, seen: left_seen.min(right_seen) });
            }
        }
        all
    }

    proptest! {
        #[test]
        fn compares_as_the_definition(
            rows in prop::collection::vec((0..4_u64, 0..6_u32, 0..2_usize), 0..80),
            top in 1..5_usize,
        ) {
            let mut rows: Vec<(Sided, usize)> =
                rows.into_iter().map(|(history, next, side)| (Sided { history, next, block: 0 }, side)).collect();
            rows.sort();
            let sided: Vec<Sided> = rows.iter().map(|row| row.0).collect();
            let mut found = Vec::new();
            compare(&sided, top, |at| Some(rows[at].1), |met| found.push(met));
            prop_assert_eq!(found, naive(&rows, top));
        }
    }

    #[test]
    fn means_and_variances_add_up() {
        let mut overlap = Overlap::default();
        [0.0, 1.0, 0.5, 0.5].into_iter().for_each(|jaccard| overlap.add(jaccard));
        assert_eq!((overlap.mean(), overlap.variance(), overlap.histories), (0.5, 0.125, 4));
        assert_eq!(Overlap::default().mean(), 0.0);
    }
}
