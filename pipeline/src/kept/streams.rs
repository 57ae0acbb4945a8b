//! One sorted stream out of several: the visitors' rows, each sorted by its own thread.
//!
//! It must never hold more than one row of a stream.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::sort::{Row, SortError, Sorted};

/// Merges sorted streams; of equal rows the earlier stream's comes first.
#[derive(Debug)]
pub struct Streams<R> {
    heads: BinaryHeap<Head<R>>,
    streams: Vec<Sorted<R>>,
}

impl<R: Row> Streams<R> {
    /// A stream of them all.
    ///
    /// # Errors
    /// When what was spilled cannot be read back.
    pub fn new(streams: Vec<Sorted<R>>) -> Result<Self, SortError> {
        let mut merged = Self { heads: BinaryHeap::with_capacity(streams.len()), streams };
        (0..merged.streams.len()).try_for_each(|stream| merged.advance(stream))?;
        Ok(merged)
    }

    fn advance(&mut self, stream: usize) -> Result<(), SortError> {
        let row = self.streams[stream].next().transpose()?;
        self.heads.extend(row.map(|row| Head { row, stream }));
        Ok(())
    }
}

impl<R: Row> Iterator for Streams<R> {
    type Item = Result<R, SortError>;

    fn next(&mut self) -> Option<Self::Item> {
        let head = self.heads.pop()?;
        Some(self.advance(head.stream).map(|()| head.row))
    }
}

/// The next row of one stream. The heap gives its greatest, so the order is turned round.
#[derive(Debug)]
struct Head<R> {
    row: R,
    stream: usize,
}

impl<R: Row> Ord for Head<R> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.row.order(&self.row).then(other.stream.cmp(&self.stream))
    }
}

impl<R: Row> PartialOrd for Head<R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<R: Row> PartialEq for Head<R> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<R: Row> Eq for Head<R> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::sort::Sorter;

    #[test]
    fn streams_become_one() {
        let dir = tempfile::tempdir().unwrap();
        let stream = |first: u32| {
            let mut sorter = Sorter::new(dir.path(), 64);
            for user in (first..20).step_by(3) {
                sorter.push(Event { user, cluster: first, time_us: 0 }).unwrap();
            }
            sorter.finish().unwrap()
        };
        let merged = Streams::new(vec![stream(0), stream(1), stream(2), stream(20)]).unwrap();
        let users: Vec<u32> = merged.map(|row| row.unwrap().user).collect();
        assert_eq!(users, (0..20).collect::<Vec<_>>());
    }
}
