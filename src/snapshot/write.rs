//! Writes `table.segue` from sorted rows, streaming: the mirror of [`table`](super::table).
//!
//! Memory is two buffers, whatever the size of the table. The file is complete and synced when [`TableWriter::finish`]
//! returns, and has no valid header before, so that a half-written one can never be opened.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::format::{
    ALIGN_BYTES, BLOCK_BYTES, BLOCK_KEYS, FormatError, HEADER_BYTES, Header, LEVELS_MAX, Level, Shape,
};
use super::table::Score;

/// Why a row or the file was refused.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The shape has no table.
    #[error(transparent)]
    Shape(#[from] FormatError),
    /// A history longer than the depth.
    #[error("history {history:?} has {} clusters, expected at most the depth, {depth}", history.len())]
    HistoryLong {
        /// The row's history, as cluster indexes.
        history: Vec<u32>,
        /// The table's depth.
        depth: u8,
    },
    /// A cluster index that the catalogue does not have.
    #[error("history {history:?} names cluster index {index}, expected one below {clusters}")]
    Cluster {
        /// The row's history, as cluster indexes.
        history: Vec<u32>,
        /// The index that is too high.
        index: u32,
        /// Clusters in the catalogue.
        clusters: u32,
    },
    /// A row that does not come after the one before it.
    #[error("history {history:?} came after a longer or higher one, or twice; sort the rows by length, then by index")]
    Unsorted {
        /// The row's history, as cluster indexes.
        history: Vec<u32>,
    },
    /// No candidate, or more than the width.
    #[error("history {history:?} has {got} candidates, expected 1 to {width}")]
    Count {
        /// The row's history, as cluster indexes.
        history: Vec<u32>,
        /// The table's width.
        width: u8,
        /// Candidates that came.
        got: usize,
    },
    /// A score that is no probability.
    #[error("history {history:?} has a candidate with score {got}, expected 0 to 1")]
    Score {
        /// The row's history, as cluster indexes.
        history: Vec<u32>,
        /// What came.
        got: f32,
    },
    /// A candidate that scores above the one before it.
    #[error("history {history:?} has candidates out of order, expected the best first")]
    Order {
        /// The row's history, as cluster indexes.
        history: Vec<u32>,
    },
    /// A candidate that comes twice.
    #[error("history {history:?} has cluster index {index} twice among its candidates, expected once")]
    Twice {
        /// The row's history, as cluster indexes.
        history: Vec<u32>,
        /// The candidate that comes twice.
        index: u32,
    },
    /// The disk refused.
    #[error("the table could not be written: {0}; nothing was published, free space or mend the disk and build again")]
    Io(#[from] io::Error),
}

/// A table being written.
#[derive(Debug)]
pub struct TableWriter {
    file: File,
    header: Header,
    buffer_bytes: usize,
    /// The length of the histories now being written.
    length: usize,
    bitmap: Section,
    records: Section,
    /// The first key that a row of this level may still have.
    key_next: u64,
    block: Block,
}

/// The bitmap block now being filled.
#[derive(Debug, Default)]
struct Block {
    number: u64,
    rank: u64,
    bits: u64,
}

/// One section of the file, written front to back through a buffer of its own.
#[derive(Debug)]
struct Section {
    at: u64,
    buffer: Vec<u8>,
    crc: crc32fast::Hasher,
}

impl TableWriter {
    /// Creates the file, which must not exist. Memory is bounded by `buffer_bytes` and a row.
    pub fn create(path: &Path, shape: Shape, buffer_bytes: usize) -> Result<Self, WriteError> {
        let shape = shape.checked()?;
        let file = File::options().write(true).create_new(true).open(path)?;
        let header = Header { shape, levels: [Level::default(); LEVELS_MAX] };
        let mut writer = Self {
            file,
            header,
            buffer_bytes: buffer_bytes / 2,
            length: 0,
            bitmap: Section::at(0),
            records: Section::at(0),
            key_next: 0,
            block: Block::default(),
        };
        writer.start_level(HEADER_BYTES as u64);
        Ok(writer)
    }

    /// Adds the candidates of a history: cluster indexes with scores, best first. Rows come shorter histories first,
    /// then ascending by indexes, oldest cluster first. A refused row leaves the writer as it was.
    pub fn push(&mut self, history: &[u32], candidates: &[(u32, f32)]) -> Result<(), WriteError> {
        let key = self.check_history(history)?;
        let scores = self.check_candidates(history, candidates)?;
        while self.length < history.len() {
            self.finish_level()?;
        }
        self.mark(key)?;
        self.append_record(candidates, &scores)
    }

    /// Ends the last level, writes the header and syncs the file. Refuses a table without the popular list.
    pub fn finish(mut self) -> Result<Header, WriteError> {
        while self.length <= usize::from(self.header.shape.depth) {
            self.finish_level()?;
        }
        if self.header.levels[0].present == 0 {
            return Err(FormatError::PopularMissing.into());
        }
        self.file.write_all_at(&self.header.encode(), 0)?;
        self.file.sync_all()?;
        Ok(self.header)
    }

    /// Checks a row's history and gives its key.
    fn check_history(&self, history: &[u32]) -> Result<u64, WriteError> {
        let Shape { clusters, depth, .. } = self.header.shape;
        let row = || history.to_vec();
        if history.len() > usize::from(depth) {
            return Err(WriteError::HistoryLong { history: row(), depth });
        }
        if let Some(&index) = history.iter().find(|&&index| index >= clusters) {
            return Err(WriteError::Cluster { history: row(), index, clusters });
        }
        let sorted = |key: &u64| (history.len(), *key) >= (self.length, self.key_next);
        self.header.shape.key(history).filter(sorted).ok_or_else(|| WriteError::Unsorted { history: row() })
    }

    /// Checks a row's candidates and gives their scores as they are stored.
    fn check_candidates(&self, history: &[u32], candidates: &[(u32, f32)]) -> Result<Vec<Score>, WriteError> {
        let Shape { clusters, width, .. } = self.header.shape;
        let row = || history.to_vec();
        if candidates.is_empty() || candidates.len() > usize::from(width) {
            return Err(WriteError::Count { history: row(), width, got: candidates.len() });
        }
        if let Some(&(index, _)) = candidates.iter().find(|(index, _)| *index >= clusters) {
            return Err(WriteError::Cluster { history: row(), index, clusters });
        }
        if let Some(index) = twice(candidates) {
            return Err(WriteError::Twice { history: row(), index });
        }
        let stored = candidates
            .iter()
            .map(|&(_, score)| Score::nearest(score).ok_or_else(|| WriteError::Score { history: row(), got: score }));
        let scores = stored.collect::<Result<Vec<_>, _>>()?;
        if !candidates.is_sorted_by(|(_, above), (_, below)| above >= below) {
            return Err(WriteError::Order { history: row() });
        }
        Ok(scores)
    }

    fn start_level(&mut self, bitmap_at: u64) {
        let records_at = bitmap_at + self.header.shape.bitmap_bytes(self.length);
        self.header.levels[self.length] = Level { bitmap_at, records_at, ..Level::default() };
        self.bitmap = Section::at(bitmap_at);
        self.records = Section::at(records_at);
        self.key_next = 0;
        self.block = Block::default();
    }

    /// Ends this level and starts the next, if the depth has one.
    fn finish_level(&mut self) -> Result<(), WriteError> {
        let blocks = self.header.shape.possible(self.length).div_ceil(BLOCK_KEYS);
        self.reach_block(blocks)?;
        let level = &mut self.header.levels[self.length];
        level.bitmap_crc = self.bitmap.finish(&self.file)?;
        level.records_crc = self.records.finish(&self.file)?;
        let end = self.records.at;
        self.length += 1;
        if self.length <= usize::from(self.header.shape.depth) {
            self.start_level(end);
        }
        Ok(())
    }

    /// Sets a key's presence bit.
    fn mark(&mut self, key: u64) -> Result<(), WriteError> {
        self.reach_block(key / BLOCK_KEYS)?;
        self.block.bits |= 1 << (key % BLOCK_KEYS);
        self.key_next = key + 1;
        self.header.levels[self.length].present += 1;
        Ok(())
    }

    /// Writes the blocks before `number`; most of them are empty where histories are sparse.
    fn reach_block(&mut self, number: u64) -> Result<(), WriteError> {
        while self.block.number < number {
            let Block { rank, bits, .. } = self.block;
            let mut bytes = [0; BLOCK_BYTES];
            bytes[..8].copy_from_slice(&rank.to_le_bytes());
            bytes[8..].copy_from_slice(&bits.to_le_bytes());
            self.bitmap.append(&bytes);
            self.bitmap.flush_above(self.buffer_bytes, &self.file)?;
            self.block.number += 1;
            self.block.rank += u64::from(bits.count_ones());
            self.block.bits = 0;
        }
        Ok(())
    }

    fn append_record(&mut self, candidates: &[(u32, f32)], scores: &[Score]) -> Result<(), WriteError> {
        let shape = self.header.shape;
        let end = self.records.buffer.len() + shape.record_bytes();
        self.records.append(&(candidates.len() as u16).to_le_bytes());
        for (&(index, _), score) in candidates.iter().zip(scores) {
            self.records.append(&index.to_le_bytes()[..shape.index_bytes()]);
            self.records.append(&score.0.to_le_bytes());
        }
        self.records.buffer.resize(end, 0);
        Ok(self.records.flush_above(self.buffer_bytes, &self.file)?)
    }
}

impl Section {
    fn at(at: u64) -> Self {
        Self { at, buffer: Vec::new(), crc: crc32fast::Hasher::new() }
    }

    fn append(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    fn flush_above(&mut self, buffer_bytes: usize, file: &File) -> io::Result<()> {
        if self.buffer.len() >= buffer_bytes { self.flush(file) } else { Ok(()) }
    }

    fn flush(&mut self, file: &File) -> io::Result<()> {
        self.crc.update(&self.buffer);
        file.write_all_at(&self.buffer, self.at)?;
        self.at += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Pads the section to the next cache line and gives its checksum. `at` is then where it ends.
    fn finish(&mut self, file: &File) -> io::Result<u32> {
        let end = self.at + self.buffer.len() as u64;
        let padding = end.next_multiple_of(ALIGN_BYTES) - end;
        self.buffer.resize(self.buffer.len() + padding as usize, 0);
        self.flush(file)?;
        Ok(self.crc.clone().finalize())
    }
}

/// The first candidate that comes twice. Rows are at most 64 candidates: comparing all pairs beats hashing.
fn twice(candidates: &[(u32, f32)]) -> Option<u32> {
    let seen_before = |(position, &(index, _)): (usize, &(u32, f32))| {
        candidates[..position].iter().any(|&(other, _)| other == index).then_some(index)
    };
    candidates.iter().enumerate().find_map(seen_before)
}
