//! Compares two periods with each other and with both nulls, and adds up what many such comparisons found.

use rayon::prelude::*;

use crate::drift::nulls::{GROUPS, Null, Pair, random};
use crate::drift::overlap::{Met, Overlap, compare};

/// Histories are also compared by how often they were met on both sides: at least so often.
pub const SEEN_MIN: [u32; 4] = [1, 3, 10, 30];

/// Shuffles that are also drawn without each group of users: they need a mean only.
const SHUFFLES_WITHOUT: usize = 20;

/// How periods are compared.
#[derive(Clone, Copy, Debug)]
pub struct Comparing {
    /// Clusters of the catalogue.
    pub clusters: u32,
    /// How many of a history's successors are compared.
    pub top: usize,
    /// How often each null is drawn.
    pub shuffles: usize,
    /// The same seed gives the same figures.
    pub seed: u64,
}

/// What one look at two periods found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Over all histories.
    pub all: Overlap,
    /// Over those that were met often enough, beside [`SEEN_MIN`].
    pub by_seen: [Overlap; SEEN_MIN.len()],
    /// By the last cluster of the history.
    pub by_cluster: Vec<Overlap>,
}

/// Two periods, or the sum of several pairs of them, beside their nulls.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// As it was.
    pub observed: Found,
    /// With the triples' periods shuffled, once a shuffle.
    pub triples_null: Vec<Overlap>,
    /// With users' periods swapped, once a shuffle.
    pub users_null: Vec<Found>,
    /// As it was, without each group of users.
    pub without: Vec<Overlap>,
    /// With users' periods swapped, without each group of users: over several shuffles.
    pub users_null_without: Vec<Overlap>,
}

impl Comparing {
    /// Compares two periods in full. `number` tells this pair's shuffles from those of other pairs.
    pub fn compare(&self, pair: &Pair, number: u64) -> Compared {
        let swapped = |shuffle: usize| pair.shuffled(Null::UserPeriods, &mut self.random(number, shuffle, 0));
        let shuffled = |shuffle: usize| pair.shuffled(Null::Triples, &mut self.random(number, shuffle, 1));
        let shuffles = || (0..self.shuffles).into_par_iter();
        let kept: Vec<Vec<u8>> = (0..self.shuffles.min(SHUFFLES_WITHOUT)).map(swapped).collect();
        let without = |group: u32| move |row: usize| pair.group(row) != group;
        let null_without = |group: u32| {
            let mut sum = Overlap::default();
            kept.iter()
                .for_each(|sides| sum += self.overlap(pair, |row| of(sides, row).filter(|_| without(group)(row))));
            sum
        };
        Compared {
            observed: self.look(pair, |row| Some(pair.side(row))),
            triples_null: shuffles().map(|shuffle| self.overlap_of(pair, &shuffled(shuffle))).collect(),
            users_null: shuffles()
                .map(|shuffle| {
                    let sides = swapped(shuffle);
                    self.look(pair, |row| of(&sides, row))
                })
                .collect(),
            without: (0..GROUPS)
                .into_par_iter()
                .map(|group| self.overlap(pair, |row| Some(pair.side(row)).filter(|_| without(group)(row))))
                .collect(),
            users_null_without: (0..GROUPS).into_par_iter().map(null_without).collect(),
        }
    }

    /// The overlap of two periods, and its mean where users' periods are swapped: enough for a map of all pairs.
    pub fn glance(&self, pair: &Pair, number: u64) -> [Overlap; 2] {
        let mut null = Overlap::default();
        for shuffle in 0..self.shuffles.min(SHUFFLES_WITHOUT) {
            let sides = pair.shuffled(Null::UserPeriods, &mut self.random(number, shuffle, 0));
            null += self.overlap_of(pair, &sides);
        }
        [self.overlap(pair, |row| Some(pair.side(row))), null]
    }

    fn random(&self, number: u64, shuffle: usize, null: u64) -> rand_chacha::ChaCha8Rng {
        random(self.seed, (number << 32) | ((shuffle as u64) << 1) | null)
    }

    fn overlap_of(&self, pair: &Pair, sides: &[u8]) -> Overlap {
        self.overlap(pair, |row| of(sides, row))
    }

    fn overlap(&self, pair: &Pair, side: impl Fn(usize) -> Option<usize>) -> Overlap {
        let mut overlap = Overlap::default();
        compare(&pair.rows, self.top, side, |met| overlap.add(met.jaccard));
        overlap
    }

    fn look(&self, pair: &Pair, side: impl Fn(usize) -> Option<usize>) -> Found {
        let mut found = Found { by_cluster: vec![Overlap::default(); self.clusters as usize], ..Found::default() };
        compare(&pair.rows, self.top, side, |met| found.add(&met, self.clusters));
        found
    }
}

impl Found {
    fn add(&mut self, met: &Met, clusters: u32) {
        self.all.add(met.jaccard);
        for (overlap, seen_min) in self.by_seen.iter_mut().zip(SEEN_MIN) {
            if met.seen >= seen_min {
                overlap.add(met.jaccard);
            }
        }
        self.by_cluster[(met.history % u64::from(clusters)) as usize].add(met.jaccard);
    }

    fn merge(&mut self, other: Self) {
        self.all += other.all;
        sum(&mut self.by_seen, &other.by_seen);
        self.by_cluster.resize(self.by_cluster.len().max(other.by_cluster.len()), Overlap::default());
        sum(&mut self.by_cluster, &other.by_cluster);
    }
}

impl Compared {
    /// Adds another comparison: shuffle to shuffle, group to group.
    pub fn merge(&mut self, other: Self) {
        self.observed.merge(other.observed);
        for (to, from) in [
            (&mut self.triples_null, &other.triples_null),
            (&mut self.without, &other.without),
            (&mut self.users_null_without, &other.users_null_without),
        ] {
            to.resize(to.len().max(from.len()), Overlap::default());
            sum(to, from);
        }
        self.users_null.resize_with(self.users_null.len().max(other.users_null.len()), Found::default);
        self.users_null.iter_mut().zip(other.users_null).for_each(|(to, from)| to.merge(from));
    }
}

fn of(sides: &[u8], row: usize) -> Option<usize> {
    Some(usize::from(sides[row]))
}

fn sum(to: &mut [Overlap], from: &[Overlap]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += *from);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::triples::{Span, Triple};

    /// Three users, each there in both periods; what follows history 1 changes for the first two.
    fn pair() -> Pair {
        let span = |number: i32, rows: &[(u32, u64, u32)]| {
            let mut triples: Vec<Triple> = rows
                .iter()
                .map(|(user, history, next)| Triple { history: *history, next: *next, user: *user })
                .collect();
            triples.sort();
            Span { number, triples }
        };
        let earlier = span(0, &[(0, 1, 2), (1, 1, 2), (2, 2, 5)]);
        let later = span(1, &[(0, 1, 3), (1, 1, 3), (2, 2, 5)]);
        Pair::new([&earlier, &later])
    }

    fn comparing(shuffles: usize) -> Comparing {
        Comparing { clusters: 6, top: 5, shuffles, seed: 5 }
    }

    /// Every way to swap the three users' periods or not, which are all equally likely.
    fn by_enumeration(pair: &Pair) -> f64 {
        let user = |row: usize| pair.group(row);
        let ways = (0..8_u32).map(|way| {
            let swaps = |row: usize| (way >> user(row)) & 1 == 1;
            comparing(1).overlap(pair, |row| Some(if swaps(row) { 1 - pair.side(row) } else { pair.side(row) })).mean()
        });
        ways.sum::<f64>() / 8.0
    }

    #[test]
    fn the_null_of_users_is_the_mean_over_all_swaps() {
        let pair = pair();
        let compared = comparing(4_000).compare(&pair, 0);
        let mean = compared.users_null.iter().map(|found| found.all.mean()).sum::<f64>() / 4_000.0;
        let expected = by_enumeration(&pair);
        assert!((mean - expected).abs() < 0.02, "{mean} {expected}");
        assert_eq!((compared.observed.all.mean(), expected), (0.5, 0.75), "worked out by hand");
    }

    #[test]
    fn parts_add_up_and_the_seed_decides() {
        let (pair, comparing) = (pair(), comparing(30));
        let one = comparing.compare(&pair, 3);
        let by_cluster: u32 = one.observed.by_cluster.iter().map(|overlap| overlap.histories).sum();
        assert_eq!((one.observed.all.histories, one.observed.by_seen[0]), (by_cluster, one.observed.all));
        let means = |number| {
            comparing.compare(&pair, number).users_null.iter().map(|found| found.all.mean()).collect::<Vec<_>>()
        };
        assert_eq!(means(3), means(3));
        assert_ne!(means(3), means(4));
        let mut two = one.clone();
        two.merge(one.clone());
        assert_eq!((two.observed.all.mean(), two.without[0].mean()), (one.observed.all.mean(), one.without[0].mean()));
    }
}
