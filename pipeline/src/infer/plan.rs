//! Every history there can be, in a release's order, cut into parts that stand by themselves.

use std::ops::Range;

use segue::snapshot::format::Shape;

use super::shard::Shard;

/// Rows in a part unless told otherwise: what a kill loses of each thread, some seconds of work.
pub const PART_ROWS: u32 = 4_096;

/// The histories of a shape: the empty one, then those of each length, ascending by key.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    shape: Shape,
    part_rows: u64,
}

impl Plan {
    /// All histories of a shape that was checked, in parts of so many, at least one.
    pub fn new(shape: Shape, part_rows: u32) -> Self {
        Self { shape, part_rows: u64::from(part_rows.max(1)) }
    }

    /// How many histories there are.
    pub fn rows(&self) -> u64 {
        (0..=self.depth()).map(|length| self.shape.possible(length)).sum()
    }

    /// How many parts.
    pub fn parts(&self) -> usize {
        self.rows().div_ceil(self.part_rows) as usize
    }

    /// The rows of a part.
    pub fn range(&self, part: usize) -> Range<u64> {
        let start = part as u64 * self.part_rows;
        start..(start + self.part_rows).min(self.rows())
    }

    /// The parts of a shard, or all of them.
    pub fn parts_of(&self, shard: Option<Shard>) -> Range<usize> {
        shard.map_or(0..self.parts(), |shard| shard.parts(self.parts()))
    }

    /// The rows of some parts together.
    pub fn rows_of(&self, parts: impl IntoIterator<Item = usize>) -> u64 {
        parts.into_iter().map(|part| self.range(part)).map(|rows| rows.end - rows.start).sum()
    }

    /// The history of a row: indexes in the catalogue, oldest first.
    pub fn history(&self, row: u64) -> Vec<u32> {
        let mut key = row;
        for length in 0..=self.depth() {
            match key.checked_sub(self.shape.possible(length)) {
                Some(rest) => key = rest,
                None => return self.shape.history(length, key),
            }
        }
        unreachable!("a row of the plan is below the sum of its lengths' histories")
    }

    /// Histories that name a cluster more than once: the key space has them, and no request asks for them.
    pub fn repeated(&self) -> u64 {
        let distinct = |length: usize| (0..length as u64).map(|taken| self.clusters().saturating_sub(taken)).product();
        (0..=self.depth()).map(|length| self.shape.possible(length) - u64::min(distinct(length), u64::MAX)).sum()
    }

    fn depth(&self) -> usize {
        usize::from(self.shape.depth)
    }

    fn clusters(&self) -> u64 {
        u64::from(self.shape.clusters)
    }
}

/// What a request makes of a history: of a cluster that comes twice only the later stays. So a history that names a
/// cluster twice gets the answer of the shorter one that it stands for, and no key of the table is left empty.
pub fn distinct(history: &[u32]) -> Vec<u32> {
    let later = |at: usize| history[at + 1..].contains(&history[at]);
    (0..history.len()).filter(|&at| !later(at)).map(|at| history[at]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(clusters: u32, depth: u8) -> Plan {
        Plan::new(Shape { clusters, depth, width: 1 }, 100)
    }

    #[test]
    fn every_history_comes_once_in_the_order_of_a_release() {
        let plan = plan(3, 2);
        let histories: Vec<_> = (0..plan.rows()).map(|row| plan.history(row)).collect();
        assert_eq!(histories[..5], [vec![], vec![0], vec![1], vec![2], vec![0, 0]]);
        assert!(histories.len() == 13 && histories.is_sorted_by_key(|history| (history.len(), history.clone())));
    }

    #[test]
    fn parts_hold_every_row_once() {
        for (clusters, depth) in [(1, 1), (3, 2), (9, 2), (99, 1), (20, 3)] {
            let plan = plan(clusters, depth);
            let parts: Vec<_> = (0..plan.parts()).map(|part| plan.range(part)).collect();
            assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start && pair[0].start < pair[0].end));
            assert_eq!((parts[0].start, parts.last().map(|part| part.end)), (0, Some(plan.rows())));
            assert_eq!(plan.rows_of(0..parts.len()), plan.rows());
        }
    }

    #[test]
    fn repeats_are_counted_and_drop_out_as_in_a_request() {
        for (clusters, depth) in [(761, 2), (5, 3), (1, 2), (2, 3)] {
            let plan = plan(clusters, depth);
            let counted = (0..plan.rows()).filter(|&row| {
                let history = plan.history(row);
                distinct(&history).len() < history.len()
            });
            assert_eq!(plan.repeated(), counted.count() as u64, "{clusters} {depth}");
        }
        let rows: [(&[u32], &[u32]); 4] =
            [(&[1, 2, 1], &[2, 1]), (&[1, 1], &[1]), (&[], &[]), (&[3, 1, 2], &[3, 1, 2])];
        for (history, expected) in rows {
            assert_eq!(distinct(history), expected);
        }
    }
}
