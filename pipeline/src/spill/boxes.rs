//! Boxes of numbers of eight bytes, filled from many threads, in memory as long as it lasts and on disk beyond it.
//!
//! A thread collects records in a [`Scatter`] of its own, small enough for its cache, and hands on a box's share when that is full. Nothing
//! here looks into a number.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::{Spill, SpillError, Spilled};

/// What all threads share.
#[derive(Debug)]
pub struct Boxes {
    /// Whoever panics with one has at most left records out, and its panic ends the run.
    boxes: Vec<Mutex<Contents>>,
    /// Records that a block has room for.
    block_records: usize,
    bytes: AtomicUsize,
    bytes_max: usize,
    spill: Spill,
}

/// What one thread has not handed on yet: as many records of each box at most.
#[derive(Debug)]
pub struct Scatter<R> {
    records: Vec<R>,
    lengths: Vec<u32>,
    records_max: usize,
}

/// Bounds of memory.
#[derive(Clone, Copy, Debug)]
pub struct Room<'a> {
    /// Bytes that boxes and the threads' own records take together, before records are spilled.
    pub bytes_max: usize,
    /// How many threads have a [`Scatter`].
    pub threads: usize,
    /// Where what is beyond goes, in an unnamed file.
    pub dir: &'a Path,
}

#[derive(Debug)]
struct Contents {
    blocks: Vec<Block>,
    /// Where the records come from, in the order in which they were put.
    stretches: Vec<Stretch>,
}

#[derive(Debug)]
enum Block {
    Memory(Vec<u64>),
    Disk(Spilled),
}

#[derive(Clone, Copy, Debug)]
struct Stretch {
    order: u32,
    records: u32,
}

/// Bytes of a block: large enough that writing it is not what a spill costs, unless memory is scarce.
const BLOCK_BYTES: std::ops::RangeInclusive<usize> = 256..=32 * 1024;

/// Bytes of one thread's records: about what its own cache holds.
const SCATTER_BYTES_MAX: usize = 2 << 20;

/// Records of a box that a thread collects at the least and at the most.
const SCATTER_RECORDS: std::ops::RangeInclusive<usize> = 8..=256;

impl Boxes {
    /// So many empty boxes.
    pub fn new(boxes: usize, room: &Room<'_>) -> Self {
        let own = room.threads * Scatter::<u64>::bytes(boxes, room);
        let bytes_max = room.bytes_max.saturating_sub(own);
        let block_bytes = (bytes_max / 2 / boxes.max(1)).clamp(*BLOCK_BYTES.start(), *BLOCK_BYTES.end());
        let empty = |_| Mutex::new(Contents { blocks: Vec::new(), stretches: Vec::new() });
        Self {
            boxes: (0..boxes).map(empty).collect(),
            block_records: block_bytes / size_of::<u64>(),
            bytes: AtomicUsize::new(0),
            bytes_max,
            spill: Spill::new(room.dir),
        }
    }

    /// How many boxes there are.
    pub fn len(&self) -> usize {
        self.boxes.len()
    }

    /// Whether there is no box.
    pub fn is_empty(&self) -> bool {
        self.boxes.is_empty()
    }

    /// How many times records were spilled.
    pub fn spills(&self) -> usize {
        self.spill.spills()
    }

    /// Puts records into a box. They come out by `order`; those of one order in the order in which they were put.
    ///
    /// # Errors
    /// When they cannot be spilled.
    pub fn put(&self, at: usize, order: u32, records: &[u64]) -> Result<(), SpillError> {
        let mut contents = self.boxes[at].lock();
        contents.note(order, records.len());
        let mut left = records;
        while !left.is_empty() {
            let room = contents.room(self.block_records);
            let (now, later) = left.split_at(room.min(left.len()));
            if room == 0 {
                self.begin_block(&mut contents)?
            } else {
                contents.extend(now)
            }
            left = later;
        }
        Ok(())
    }

    /// Moves all records of a box to the end of `into`.
    ///
    /// # Errors
    /// When what was spilled cannot be read back.
    pub fn take(&self, at: usize, into: &mut Vec<u64>) -> Result<(), SpillError> {
        let Contents { blocks, stretches } = {
            let mut contents = self.boxes[at].lock();
            Contents {
                blocks: std::mem::take(&mut contents.blocks),
                stretches: std::mem::take(&mut contents.stretches),
            }
        };
        let start = into.len();
        let mut bytes = Vec::new();
        for block in blocks {
            match block {
                Block::Memory(records) => {
                    into.extend_from_slice(&records);
                    self.bytes.fetch_sub(self.block_bytes(), Ordering::Relaxed);
                }
                Block::Disk(spilled) => {
                    self.spill.read(spilled, &mut bytes)?;
                    into.extend(bytes.as_chunks().0.iter().map(|record| u64::from_le_bytes(*record)));
                }
            }
        }
        order(&mut into[start..], &stretches);
        Ok(())
    }

    /// Makes room for one more block; where memory is used up, all that the box has goes to disk: boxes fill alike, so that each gives its
    /// share in turn.
    fn begin_block(&self, contents: &mut Contents) -> Result<(), SpillError> {
        let bytes = self.bytes.fetch_add(self.block_bytes(), Ordering::Relaxed) + self.block_bytes();
        if bytes > self.bytes_max {
            self.spill_all(contents)?;
        }
        contents.blocks.push(Block::Memory(Vec::with_capacity(self.block_records)));
        Ok(())
    }

    fn spill_all(&self, contents: &mut Contents) -> Result<(), SpillError> {
        let in_memory = |block: &Block| matches!(block, Block::Memory(_));
        let from = contents.blocks.iter().position(in_memory).unwrap_or(contents.blocks.len());
        let mut bytes = Vec::new();
        for block in contents.blocks.drain(from..) {
            // Blocks go to disk in their order, so that none behind the first in memory is there already.
            let Block::Memory(records) = block else { continue };
            records.into_iter().for_each(|record| bytes.extend_from_slice(&record.to_le_bytes()));
            self.bytes.fetch_sub(self.block_bytes(), Ordering::Relaxed);
        }
        if !bytes.is_empty() {
            contents.blocks.push(Block::Disk(self.spill.write(&bytes)?));
        }
        Ok(())
    }

    fn block_bytes(&self) -> usize {
        self.block_records * size_of::<u64>()
    }
}

impl Contents {
    fn note(&mut self, order: u32, records: usize) {
        match self.stretches.last_mut() {
            Some(last) if last.order == order => last.records += records as u32,
            _ => self.stretches.push(Stretch { order, records: records as u32 }),
        }
    }

    /// How many records the last block still takes.
    fn room(&self, block_records: usize) -> usize {
        match self.blocks.last() {
            Some(Block::Memory(records)) => block_records - records.len(),
            _ => 0,
        }
    }

    fn extend(&mut self, records: &[u64]) {
        if let Some(Block::Memory(block)) = self.blocks.last_mut() {
            block.extend_from_slice(records);
        }
    }
}

/// Puts stretches of records in their order.
fn order(records: &mut [u64], stretches: &[Stretch]) {
    if stretches.is_sorted_by_key(|stretch| stretch.order) {
        return;
    }
    let mut starts = Vec::with_capacity(stretches.len());
    let mut end = 0;
    for stretch in stretches {
        starts.push((*stretch, end));
        end += stretch.records as usize;
    }
    // Stable, so that stretches of one order stay as they were put.
    starts.sort_by_key(|(stretch, _)| stretch.order);
    let as_put = records.to_vec();
    let in_order = starts.iter().flat_map(|(stretch, start)| &as_put[*start..*start + stretch.records as usize]);
    records.iter_mut().zip(in_order).for_each(|(record, next)| *record = *next);
}

impl<R: Copy + Default> Scatter<R> {
    /// Nothing collected for so many boxes.
    pub fn new(boxes: usize, room: &Room<'_>) -> Self {
        let records_max = Self::records_max(boxes, room);
        Self { records: vec![R::default(); boxes * records_max], lengths: vec![0; boxes], records_max }
    }

    /// Takes a record for a box; gives back all of the box when that is full, to be handed on.
    #[inline]
    #[must_use]
    pub fn push(&mut self, at: usize, record: R) -> Option<&[R]> {
        let length = self.lengths[at] as usize;
        let start = at * self.records_max;
        self.records[start + length] = record;
        if length + 1 < self.records_max {
            self.lengths[at] += 1;
            return None;
        }
        self.lengths[at] = 0;
        Some(&self.records[start..=start + length])
    }

    /// Empties a box.
    pub fn take(&mut self, at: usize) -> &[R] {
        let length = std::mem::take(&mut self.lengths[at]) as usize;
        &self.records[at * self.records_max..][..length]
    }

    /// How many boxes there are.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether there is no box.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    fn bytes(boxes: usize, room: &Room<'_>) -> usize {
        boxes * Self::records_max(boxes, room) * size_of::<R>()
    }

    /// At most a quarter of the memory is the threads' own.
    fn records_max(boxes: usize, room: &Room<'_>) -> usize {
        let bytes = SCATTER_BYTES_MAX.min(room.bytes_max / 4 / room.threads.max(1));
        (bytes / (boxes.max(1) * size_of::<R>())).clamp(*SCATTER_RECORDS.start(), *SCATTER_RECORDS.end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four threads, each with three orders of its own, put into five boxes.
    fn check(bytes_max: usize, spilled: bool) {
        let dir = tempfile::tempdir().unwrap();
        let room = Room { bytes_max, threads: 4, dir: dir.path() };
        let boxes = Boxes::new(5, &room);
        let put = |thread: u32| {
            let mut scatter = Scatter::new(5, &room);
            for order in (0..3).map(|turn| turn * 4 + thread) {
                for n in 0..10_000_u64 {
                    let at = (n % 5) as usize;
                    if let Some(full) = scatter.push(at, u64::from(order) << 32 | n) {
                        boxes.put(at, order, full).unwrap();
                    }
                }
                (0..5).for_each(|at| boxes.put(at, order, scatter.take(at)).unwrap());
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|thread| drop(scope.spawn(move || put(thread)))));
        assert_eq!(boxes.spills() > 0, spilled, "{bytes_max}");
        for at in 0..5 {
            let expected = (0..12_u64).flat_map(|order| (0..2_000).map(move |n| order << 32 | (n * 5 + at)));
            let mut taken = vec![7];
            boxes.take(at as usize, &mut taken).unwrap();
            assert_eq!(taken[0], 7);
            assert!(taken[1..].iter().copied().eq(expected), "box {at}, {bytes_max} bytes");
            taken.clear();
            boxes.take(at as usize, &mut taken).unwrap();
            assert!(taken.is_empty());
        }
    }

    #[test]
    fn records_come_back_in_order_whether_they_were_spilled_or_not() {
        check(usize::MAX, false);
        check(200_000, true);
        check(0, true);
    }
}
