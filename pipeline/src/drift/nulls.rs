//! What two periods would look like if nothing had drifted between them.
//!
//! Short lists of few events differ by chance alone, so a low overlap says nothing until it stands beside these. Both nulls keep how many
//! triples (or users) each period has, and change nothing but which period they are of.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashMap;

use crate::drift::overlap::Sided;
use crate::drift::triples::{Span, Triple};

/// Groups of users that are left out in turn to see how much a figure depends on who was there.
pub const GROUPS: u32 = 20;

/// A way to undo whatever drift there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Null {
    /// Which period a triple is of is shuffled. It tears users' months apart, and so makes periods too alike: users repeat themselves.
    Triples,
    /// Users' whole periods are swapped: those of a user who was there in both are exchanged or not, by a coin; of the others, who was
    /// there in which period is shuffled.
    UserPeriods,
}

/// Two periods side by side.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The triples of both, ascending.
    pub rows: Vec<Sided>,
    /// Where each row is: 0 the earlier period, 1 the later.
    sides: Vec<u8>,
    /// Where each block is.
    block_sides: Vec<u8>,
    /// The group of each block's user.
    block_groups: Vec<u32>,
    /// The blocks of users who were there in both periods.
    both: Vec<[u32; 2]>,
    /// The blocks of the others.
    alone: Vec<u32>,
}

impl Pair {
    /// The earlier and the later period.
    pub fn new(spans: [&Span; 2]) -> Self {
        let mut pair = Self {
            rows: Vec::new(),
            sides: Vec::new(),
            block_sides: Vec::new(),
            block_groups: Vec::new(),
            both: Vec::new(),
            alone: Vec::new(),
        };
        let mut blocks = [FxHashMap::default(), FxHashMap::default()];
        let mut rows = Vec::new();
        for (side, span) in spans.into_iter().enumerate() {
            for triple in &span.triples {
                let block = *blocks[side].entry(triple.user).or_insert_with(|| pair.block(triple, side as u8));
                rows.push((Sided { history: triple.history, next: triple.next, block }, side as u8));
            }
        }
        rows.sort_unstable();
        (pair.rows, pair.sides) = rows.into_iter().unzip();
        pair.match_users(&blocks);
        pair
    }

    /// Where the row at a place really is.
    pub fn side(&self, row: usize) -> usize {
        usize::from(self.sides[row])
    }

    /// The group of a row's user.
    pub fn group(&self, row: usize) -> u32 {
        self.block_groups[self.rows[row].block as usize]
    }

    /// Where each row would be, drawn once.
    pub fn shuffled(&self, null: Null, random: &mut ChaCha8Rng) -> Vec<u8> {
        match null {
            Null::Triples => {
                let mut sides = self.sides.clone();
                sides.shuffle(random);
                sides
            }
            Null::UserPeriods => {
                let sides = self.swapped(random);
                self.rows.iter().map(|row| sides[row.block as usize]).collect()
            }
        }
    }

    fn block(&mut self, triple: &Triple, side: u8) -> u32 {
        self.block_sides.push(side);
        self.block_groups.push(triple.user % GROUPS);
        self.block_sides.len() as u32 - 1
    }

    fn match_users(&mut self, blocks: &[FxHashMap<u32, u32>; 2]) {
        let [earlier, later] = blocks;
        for (user, block) in earlier {
            match later.get(user) {
                Some(other) => self.both.push([*block, *other]),
                None => self.alone.push(*block),
            }
        }
        self.alone.extend(later.iter().filter(|(user, _)| !earlier.contains_key(user)).map(|(_, block)| *block));
        // Whatever the maps' order: the same seed must give the same shuffles.
        self.both.sort_unstable();
        self.alone.sort_unstable();
    }

    fn swapped(&self, random: &mut ChaCha8Rng) -> Vec<u8> {
        let mut sides = self.block_sides.clone();
        for [earlier, later] in &self.both {
            if random.random_bool(0.5) {
                sides.swap(*earlier as usize, *later as usize);
            }
        }
        let mut drawn: Vec<u8> = self.alone.iter().map(|block| sides[*block as usize]).collect();
        drawn.shuffle(random);
        self.alone.iter().zip(drawn).for_each(|(block, side)| sides[*block as usize] = side);
        sides
    }
}

/// The source of one shuffle: the same seed and number give the same one, whichever thread draws it.
pub fn random(seed: u64, number: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(number);
    random
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn span(number: i32, rows: &[(u32, u64)]) -> Span {
        let mut triples: Vec<Triple> = rows
            .iter()
            .map(|(user, history)| Triple { history: *history, next: *history as u32 % 3, user: *user })
            .collect();
        triples.sort();
        Span { number, triples }
    }

    /// How many rows are on each side, and for each user the sets of rows that stayed together.
    fn check(earlier: &[(u32, u64)], later: &[(u32, u64)]) {
        let pair = Pair::new([&span(0, earlier), &span(1, later)]);
        let real: Vec<usize> = (0..pair.rows.len()).map(|row| pair.side(row)).collect();
        assert_eq!(real.iter().filter(|side| **side == 0).count(), earlier.len());
        for number in 0..20 {
            let labels = pair.shuffled(Null::Triples, &mut random(1, number));
            assert_eq!(labels.iter().filter(|side| **side == 0).count(), earlier.len(), "as many triples");
            let sides = pair.shuffled(Null::UserPeriods, &mut random(1, number));
            let mut blocks = BTreeMap::<u32, Vec<u8>>::new();
            pair.rows.iter().zip(&sides).for_each(|(row, side)| blocks.entry(row.block).or_default().push(*side));
            assert!(blocks.values().all(|sides| sides.iter().all(|side| *side == sides[0])), "whole blocks");
            let moved = blocks.values().filter(|sides| sides[0] == 0).count();
            assert_eq!(moved, pair.block_sides.iter().filter(|side| **side == 0).count(), "as many users");
            assert!(pair.both.iter().all(|[one, other]| blocks[one][0] != blocks[other][0]), "one block a side");
        }
    }

    proptest! {
        #[test]
        fn nulls_keep_what_they_promise(
            earlier in prop::collection::vec((0..8_u32, 0..5_u64), 1..40),
            later in prop::collection::vec((0..8_u32, 0..5_u64), 1..40),
        ) {
            check(&earlier, &later);
        }
    }

    #[test]
    fn shuffles_differ_by_number_and_not_by_run() {
        let rows: Vec<(u32, u64)> = (0..60).map(|user| (user, 1)).collect();
        let pair = Pair::new([&span(0, &rows[..40]), &span(1, &rows[20..])]);
        let drawn = |number| pair.shuffled(Null::UserPeriods, &mut random(7, number));
        assert_eq!(drawn(0), drawn(0));
        assert_ne!(drawn(0), drawn(1));
    }
}
