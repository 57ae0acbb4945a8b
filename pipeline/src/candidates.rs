//! Histories with their ranked candidates: chosen from probabilities, or read from anyone's file.
//!
//! In here clusters are dense indexes; ids stand only in files.

use std::cmp::Ordering;
use std::io::{self, Read, Write};

use crate::sort::Row;

pub mod choose;
pub mod file;
pub mod check;
pub mod read;
pub mod popular;
pub mod retrieve;

/// One history and what may come next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Candidates {
    /// Dense indexes, oldest first; empty for the popular list.
    pub history: Vec<u32>,
    /// Dense indexes and scores in 0 to 1, the best first.
    pub candidates: Vec<(u32, f32)>,
}

/// A row of a candidates file on its way to its place.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedCandidates {
    /// Where it was read: the line or row, from 1.
    pub row: u64,
    /// What it says.
    pub candidates: Candidates,
}

/// The order of a release: shorter histories first, then by index, oldest first. Equal histories stay in the order of their file.
impl Row for PlacedCandidates {
    fn order(&self, other: &Self) -> Ordering {
        let key = |row: &Self| row.candidates.history.len();
        key(self).cmp(&key(other)).then_with(|| self.candidates.history.cmp(&other.candidates.history))
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.candidates.history.len() * 4 + self.candidates.candidates.len() * 8
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let Candidates { history, candidates } = &self.candidates;
        // A depth is at most 3 and a width at most 64, both checked before a row gets here.
        out.write_all(&[history.len() as u8, candidates.len() as u8])?;
        out.write_all(&self.row.to_le_bytes())?;
        history.iter().try_for_each(|cluster| out.write_all(&cluster.to_le_bytes()))?;
        candidates.iter().try_for_each(|(cluster, score)| {
            out.write_all(&cluster.to_le_bytes())?;
            out.write_all(&score.to_le_bytes())
        })
    }

    fn read(input: &mut impl Read) -> io::Result<Self> {
        let [history, candidates] = bytes(input)?;
        let row = u64::from_le_bytes(bytes(input)?);
        let history = (0..history).map(|_| word(input)).collect::<io::Result<_>>()?;
        let candidates =
            (0..candidates).map(|_| Ok((word(input)?, f32::from_bits(word(input)?)))).collect::<io::Result<_>>()?;
        Ok(Self { row, candidates: Candidates { history, candidates } })
    }
}

fn word(input: &mut impl Read) -> io::Result<u32> {
    bytes(input).map(u32::from_le_bytes)
}

fn bytes<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes).map(|()| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sort::Sorter;

    fn rows() -> Vec<PlacedCandidates> {
        let history = |row: u64| (0..row % 4).map(|at| (row * (at + 3) % 7) as u32).collect();
        let candidates = |row: u64| (0..row % 5).map(|at| (at as u32, 1.0 / (at + 1) as f32)).collect();
        (0..500)
            .map(|row| PlacedCandidates {
                row,
                candidates: Candidates { history: history(row), candidates: candidates(row) },
            })
            .collect()
    }

    #[test]
    fn spilled_rows_come_back_whole_and_in_the_order_of_a_release() {
        let dir = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(dir.path(), 4096);
        rows().into_iter().for_each(|row| sorter.push(row).unwrap());
        assert!(sorter.spills() > 3);
        let sorted: Vec<PlacedCandidates> = sorter.finish().unwrap().map(Result::unwrap).collect();
        let mut expected = rows();
        expected.sort_by_key(|row| (row.candidates.history.len(), row.candidates.history.clone()));
        assert_eq!(sorted, expected);
    }
}
