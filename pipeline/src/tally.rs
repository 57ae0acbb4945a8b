//! Counts of whole numbers: an array where they are dense, a hash map where they are not.
//!
//! Whatever the map's order, what leaves this module is sorted.

use rustc_hash::FxHashMap;

/// Key spaces up to this size are counted in an array: at most 64 MiB, and many times faster than hashing.
const DENSE_KEYS_MAX: u64 = 1 << 22;

/// How often something was met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// The decayed weight, in units of [`WEIGHT_ONE`](crate::decay::WEIGHT_ONE).
    pub weight: u64,
    /// The number of times.
    pub seen: u32,
    /// By how many different users; 0 where nobody counted them.
    pub users: u32,
}

impl Cell {
    /// Counts one more.
    pub fn add(&mut self, weight: u64) {
        self.weight += weight;
        self.seen = self.seen.saturating_add(1);
    }

    /// Adds what was met elsewhere, by other users.
    pub fn merge(&mut self, other: Self) {
        self.weight += other.weight;
        self.seen = self.seen.saturating_add(other.seen);
        self.users = self.users.saturating_add(other.users);
    }
}

/// Cells by key.
#[derive(Clone, Debug)]
pub enum Tally {
    /// One cell for each possible key.
    Dense(Vec<Cell>),
    /// One cell for each key that was met.
    Sparse(FxHashMap<u64, Cell>),
}

impl Tally {
    /// A tally of keys below `keys`.
    pub fn new(keys: u64) -> Self {
        match usize::try_from(keys) {
            Ok(cells) if keys <= DENSE_KEYS_MAX => Self::Dense(vec![Cell::default(); cells]),
            _ => Self::Sparse(FxHashMap::default()),
        }
    }

    /// Counts one more of a key.
    ///
    /// # Panics
    /// When the key is not below the number of keys.
    pub fn add(&mut self, key: u64, weight: u64) {
        match self {
            Self::Dense(cells) => cells[key as usize].add(weight),
            Self::Sparse(cells) => cells.entry(key).or_default().add(weight),
        }
    }

    /// Counts one more user of a key that was met.
    ///
    /// # Panics
    /// When the key is not below the number of keys.
    pub fn add_user(&mut self, key: u64) {
        match self {
            Self::Dense(cells) => cells[key as usize].users += 1,
            Self::Sparse(cells) => cells.entry(key).or_default().users += 1,
        }
    }

    /// The keys that were met with their cells, ascending.
    pub fn into_sorted(self) -> Vec<(u64, Cell)> {
        let mut cells: Vec<(u64, Cell)> = match self {
            Self::Dense(cells) => (0..).zip(cells).filter(|(_, cell)| cell.seen > 0).collect(),
            Self::Sparse(cells) => cells.into_iter().collect(),
        };
        cells.sort_unstable_by_key(|(key, _)| *key);
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dense_and_sparse_agree() {
        let count = |keys: u64| {
            let mut tally = Tally::new(keys);
            for key in [9, 3, 9, 0, 3, 9] {
                tally.add(key, key + 1);
            }
            tally.add_user(9);
            (matches!(tally, Tally::Dense(_)), tally.into_sorted())
        };
        let expected = [(0, 1, 1, 0), (3, 8, 2, 0), (9, 30, 3, 1)]
            .map(|(key, weight, seen, users)| (key, Cell { weight, seen, users }));
        assert_eq!(count(10), (true, expected.to_vec()));
        assert_eq!(count(DENSE_KEYS_MAX + 1), (false, expected.to_vec()));
    }
}
