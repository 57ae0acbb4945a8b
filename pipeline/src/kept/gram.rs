//! What one step adds to the counts, as a row that can be sorted and spilled, and what equal rows add up to.
//!
//! It must never hold more of a row's users than the witnesses that are kept.

use std::cmp::Ordering;
use std::io::{self, Read, Write};

use crate::kept::bytes::{i32_of, i64_of, u32_of};
use crate::sort::Row;

/// The longest history that a row holds.
pub const DEPTH_MAX: usize = 3;

/// A history of up to [`DEPTH_MAX`] clusters: dense indexes plus one, the most recent first, then zeros.
pub type History = [u32; DEPTH_MAX];

/// A (history, next, day).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// What came before.
    pub history: History,
    /// The cluster's dense index.
    pub next: u32,
    /// The UTC day, in days since 1970.
    pub day: i32,
}

/// One step of one user under one history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gram {
    /// What was counted.
    pub key: Key,
    /// Whose step it was.
    pub user: i64,
}

/// All steps of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// What was counted.
    pub key: Key,
    /// How many steps.
    pub seen: i64,
    /// How many different users.
    pub users: i64,
    /// The users, ascending; `None` where there are too many.
    pub witnesses: Option<Vec<i64>>,
}

/// The history of the last `length` clusters before a step.
///
/// # Panics
/// When the length is above [`DEPTH_MAX`] or above the number of clusters.
pub fn history(before: &[u32], length: usize) -> History {
    let mut history = [0; DEPTH_MAX];
    for (place, cluster) in history[..length].iter_mut().zip(before.iter().rev()) {
        *place = cluster + 1;
    }
    history
}

/// Adds up equal keys of sorted rows.
#[derive(Debug)]
pub struct Sums {
    witness_max: usize,
    sum: Option<Sum>,
    user: i64,
}

impl Sums {
    /// Keeps fewer than `witness_max` witnesses.
    pub fn new(witness_max: u32) -> Self {
        Self { witness_max: witness_max as usize, sum: None, user: 0 }
    }

    /// Takes the next row; gives the sum of the key before where that ended.
    pub fn push(&mut self, gram: Gram) -> Option<Sum> {
        match &mut self.sum {
            Some(sum) if sum.key == gram.key => {
                sum.seen += 1;
                if self.user != gram.user {
                    self.user = gram.user;
                    self.add_user();
                }
                None
            }
            _ => {
                self.user = gram.user;
                let sum = Sum { key: gram.key, seen: 1, users: 0, witnesses: Some(Vec::new()) };
                let before = self.sum.replace(sum);
                self.add_user();
                before
            }
        }
    }

    /// The sum of the last key.
    pub fn finish(self) -> Option<Sum> {
        self.sum
    }

    fn add_user(&mut self) {
        let Some(sum) = &mut self.sum else { return };
        sum.users += 1;
        match &mut sum.witnesses {
            Some(witnesses) if witnesses.len() + 1 < self.witness_max => witnesses.push(self.user),
            witnesses => *witnesses = None,
        }
    }
}

impl Row for Gram {
    fn order(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for cluster in self.key.history {
            out.write_all(&cluster.to_le_bytes())?;
        }
        out.write_all(&self.key.next.to_le_bytes())?;
        out.write_all(&self.key.day.to_le_bytes())?;
        out.write_all(&self.user.to_le_bytes())
    }

    fn read(input: &mut impl Read) -> io::Result<Self> {
        let history = [u32_of(input)?, u32_of(input)?, u32_of(input)?];
        let key = Key { history, next: u32_of(input)?, day: i32_of(input)? };
        Ok(Self { key, user: i64_of(input)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gram(next: u32, user: i64) -> Gram {
        Gram { key: Key { history: history(&[7, 8, 9], 2), next, day: 5 }, user }
    }

    #[test]
    fn the_most_recent_comes_first_and_zeros_last() {
        assert_eq!(history(&[7, 8, 9], 2), [10, 9, 0]);
        assert_eq!(history(&[7], 0), [0, 0, 0]);
    }

    #[test]
    fn equal_keys_add_up_and_few_users_are_named() {
        let rows = [(1, 3), (1, 3), (1, 4), (2, 3), (3, 1), (3, 2), (3, 3)];
        let mut sums = Sums::new(3);
        let mut all: Vec<Sum> = rows.iter().filter_map(|(next, user)| sums.push(gram(*next, *user))).collect();
        all.extend(sums.finish());
        let got: Vec<_> = all.into_iter().map(|sum| (sum.key.next, sum.seen, sum.users, sum.witnesses)).collect();
        assert_eq!(got, [(1, 3, 2, Some(vec![3, 4])), (2, 1, 1, Some(vec![3])), (3, 3, 3, None)]);
    }

    #[test]
    fn a_row_reads_back() {
        let mut bytes = Vec::new();
        gram(4, -7).write(&mut bytes).unwrap();
        assert_eq!(Gram::read(&mut bytes.as_slice()).unwrap(), gram(4, -7));
    }
}
