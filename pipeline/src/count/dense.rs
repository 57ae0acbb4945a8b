//! The counts of one thread for a length whose keys are few: an array of cells.
//!
//! A step does not go to its cell at once, which would be a miss of the cache: it waits with others of a stretch of cells that fits in the
//! cache as a whole.

use crate::spill::boxes::{Room, Scatter};
use crate::tally::Cell;

/// Cells of a stretch: 24 KiB.
const STRETCH_CELLS: usize = 1024;

/// An array of cells.
#[derive(Debug)]
pub(super) struct Dense {
    cells: Vec<OwnCell>,
    waiting: Scatter<Waiting>,
    weights: Vec<u64>,
}

/// A cell that knows whom it counted last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OwnCell {
    weight: u64,
    seen: u32,
    users: u32,
    /// The last user, numbered from 1.
    user: u32,
}

/// A step that is not counted yet.
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    key: u32,
    age: u32,
    user: u32,
}

impl Dense {
    /// Cells for keys below `keys`. `weights` are those of steps by age.
    pub(super) fn new(keys: usize, weights: Vec<u64>, room: &Room<'_>) -> Self {
        let waiting = Scatter::new(keys.div_ceil(STRETCH_CELLS), room);
        Self { cells: vec![OwnCell::default(); keys], waiting, weights }
    }

    /// Counts a step of a user, whose steps all come before the next user's.
    #[inline]
    pub(super) fn add(&mut self, key: u64, age: u64, user: u32) {
        let step = Waiting { key: key as u32, age: age as u32, user };
        if let Some(full) = self.waiting.push(key as usize / STRETCH_CELLS, step) {
            count(&mut self.cells, &self.weights, full);
        }
    }

    /// All cells by key.
    pub(super) fn finish(mut self) -> Vec<OwnCell> {
        for at in 0..self.waiting.len() {
            count(&mut self.cells, &self.weights, self.waiting.take(at));
        }
        self.cells
    }
}

fn count(cells: &mut [OwnCell], weights: &[u64], steps: &[Waiting]) {
    for step in steps {
        cells[step.key as usize].add(weights[step.age as usize], step.user);
    }
}

impl OwnCell {
    /// Counts one more of a user.
    #[inline]
    pub(super) fn add(&mut self, weight: u64, user: u32) {
        self.weight += weight;
        self.seen = self.seen.saturating_add(1);
        self.users += u32::from(self.user != user);
        self.user = user;
    }

    /// What it counted.
    pub(super) fn cell(self) -> Cell {
        Cell { weight: self.weight, seen: self.seen, users: self.users }
    }
}
