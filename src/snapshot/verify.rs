//! Full verification of a table: every byte against its checksum, then every law that reading relies on.
//!
//! Done once, before a table may answer; never on the request path.

use super::format::{BLOCK_KEYS, Level, Shape};
use super::piece::{PIECE_BYTES, pieces};
use super::table::{Record, Score, Table, decode_block};
use crate::priority;

/// Which part of a level a checksum covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Ranks and presence bits.
    Bitmap,
    /// Candidates.
    Records,
}

/// What is wrong with a table whose header is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A section's bytes are not those written.
    #[error("{part:?} of level {length} has checksum {got:#010x}, expected {expected:#010x}; damaged, fetch it again")]
    Checksum {
        /// Clusters in the level's histories.
        length: usize,
        /// Which section.
        part: Part,
        /// What the header says.
        expected: u32,
        /// What the bytes give.
        got: u32,
    },
    /// A block's rank is not the number of histories before it.
    #[error("block {block} of level {length} has rank {got}, expected {expected}; its writer is at fault")]
    Rank {
        /// Clusters in the level's histories.
        length: usize,
        /// The block's number.
        block: u64,
        /// The bits set before it.
        expected: u64,
        /// What is written.
        got: u64,
    },
    /// The presence bits do not add up to the header's figure.
    #[error("level {length} has {got} presence bits, its header says {expected}; its writer is at fault")]
    Present {
        /// Clusters in the level's histories.
        length: usize,
        /// What the header says.
        expected: u64,
        /// The bits set.
        got: u64,
    },
    /// A presence bit past the last possible key.
    #[error("level {length} has presence bits past its last key; its writer is at fault")]
    PastEnd {
        /// Clusters in the level's histories.
        length: usize,
    },
    /// A record without candidates, or with more than the width.
    #[error("record {rank} of level {length} has a bad count; its writer is at fault")]
    Count {
        /// Clusters in the level's histories.
        length: usize,
        /// The record's rank.
        rank: u64,
    },
    /// A candidate that the catalogue does not have.
    #[error("record {rank} of level {length} names cluster index {index}, expected one below {clusters}")]
    Cluster {
        /// Clusters in the level's histories.
        length: usize,
        /// The record's rank.
        rank: u64,
        /// The index that is too high.
        index: u32,
        /// Clusters in the catalogue.
        clusters: u32,
    },
    /// A candidate that scores above the one before it.
    #[error("record {rank} of level {length} has its candidates out of order; its writer is at fault")]
    Order {
        /// Clusters in the level's histories.
        length: usize,
        /// The record's rank.
        rank: u64,
    },
}

impl<B: AsRef<[u8]>> Table<B> {
    /// Checks both sections of every level against their checksums: every byte that [`Table::open`] did not check.
    /// Runs at the speed of the checksum.
    pub fn verify(&self) -> Result<(), Damage> {
        self.shape().lengths().try_for_each(|length| {
            let Level { present, bitmap_at, records_at, bitmap_crc, records_crc } = self.header().levels[length];
            let records_end = records_at + self.shape().records_bytes(present);
            check_sum(self.section(bitmap_at, records_at), (length, Part::Bitmap, bitmap_crc))?;
            check_sum(self.section(records_at, records_end), (length, Part::Records, records_crc))
        })
    }

    /// Reads every block and record once, which also brings every page into memory, and checks the laws that a
    /// checksum cannot: ranks add up, and candidates are known clusters in order.
    pub fn walk(&self) -> Result<(), Damage> {
        self.shape().lengths().try_for_each(|length| {
            self.walk_bitmap(length)?;
            self.walk_records(length)
        })
    }

    /// Bytes between two offsets that opening has checked to lie inside the file.
    fn section(&self, start: u64, end: u64) -> &[u8] {
        self.bytes().get(start as usize..end as usize).unwrap_or_default()
    }

    fn walk_bitmap(&self, length: usize) -> Result<(), Damage> {
        let Level { present, bitmap_at, records_at, .. } = self.header().levels[length];
        let mut seen = 0;
        // A piece is a whole number of blocks.
        let blocks = pieces(self.section(bitmap_at, records_at)).flat_map(|piece| piece.as_chunks().0);
        for (block, bytes) in (0..).zip(blocks) {
            let (rank, bits) = decode_block(bytes);
            let (expected, allowed) = if block * BLOCK_KEYS < self.shape().possible(length) {
                (seen, bits_allowed(self.shape(), length, block))
            } else {
                (0, 0) // Padding up to the cache line.
            };
            if rank != expected {
                return Err(Damage::Rank { length, block, expected, got: rank });
            }
            if bits & !allowed != 0 {
                return Err(Damage::PastEnd { length });
            }
            seen += u64::from(bits.count_ones());
        }
        if seen == present { Ok(()) } else { Err(Damage::Present { length, expected: present, got: seen }) }
    }

    fn walk_records(&self, length: usize) -> Result<(), Damage> {
        let present = self.present(length);
        let (mut rank, piece) = (0, (PIECE_BYTES / self.shape().record_bytes()) as u64);
        for record in self.records(length, 0..present) {
            if rank % piece == 0 {
                priority::offer();
            }
            check_record(&record, (length, rank), self.shape().clusters)?;
            rank += 1;
        }
        if rank == present { Ok(()) } else { Err(Damage::Count { length, rank }) }
    }
}

fn check_sum(section: &[u8], (length, part, expected): (usize, Part, u32)) -> Result<(), Damage> {
    let mut crc = crc32fast::Hasher::new();
    pieces(section).for_each(|piece| crc.update(piece));
    let got = crc.finalize();
    if got == expected { Ok(()) } else { Err(Damage::Checksum { length, part, expected, got }) }
}

fn check_record(record: &Record<'_>, (length, rank): (usize, u64), clusters: u32) -> Result<(), Damage> {
    if record.len() == 0 {
        return Err(Damage::Count { length, rank });
    }
    let mut above = Score(u16::MAX);
    for (index, score) in record.iter() {
        if index >= clusters {
            return Err(Damage::Cluster { length, rank, index, clusters });
        }
        if score > above {
            return Err(Damage::Order { length, rank });
        }
        above = score;
    }
    Ok(())
}

/// The presence bits that a block may have: all, but for the last block those of possible keys.
fn bits_allowed(shape: Shape, length: usize, block: u64) -> u64 {
    let keys = shape.possible(length) - block * BLOCK_KEYS;
    if keys >= BLOCK_KEYS { u64::MAX } else { (1 << keys) - 1 }
}
