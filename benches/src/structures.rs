//! Places to keep records by key, all behind one question: the table, the limit, and what others would use.
//!
//! Every one holds the same records and is asked in the same way. None may cache an answer.

pub mod disk;
pub mod memory;

use std::path::Path;

use anyhow::Result;
use segue::snapshot::format::Shape;
use segue::snapshot::map::Mapping;
use segue::snapshot::table::{self, Table};
use segue::snapshot::write::TableWriter;

use crate::rows::{RECORD_BYTES, Record, Rows, WIDTH, mix};

/// Bytes that the table's writer may buffer.
const BUFFER_BYTES: usize = 8 << 20;
/// A cache line.
const LINE_BYTES: usize = 64;

/// What keeps records.
pub trait Structure {
    /// Finds a history's record and touches both its ends; 0 where there is none.
    fn find(&self, history: [u32; 2]) -> u64;
}

/// The limit: one random line of a mapping as large as the table.
#[derive(Debug)]
pub struct Line {
    mapping: Mapping,
    rows: Rows,
}

impl Line {
    /// Maps a file of its own with the table's bytes, so that neither warms the other's cache lines.
    pub fn copy_of(table: &Path, rows: Rows) -> Result<Self> {
        let copy = table.with_extension("line");
        std::fs::copy(table, &copy)?;
        let mapping = Mapping::open(&copy)?;
        touch_pages(mapping.as_ref());
        Ok(Self { mapping, rows })
    }
}

impl Structure for Line {
    #[inline(always)]
    fn find(&self, history: [u32; 2]) -> u64 {
        let (lines, _) = self.mapping.as_ref().as_chunks::<LINE_BYTES>();
        let at = (u128::from(mix(self.rows.key(history))) * lines.len() as u128) >> 64;
        lines.get(at as usize).map_or(0, |line| ends(line))
    }
}

/// Segue's table.
#[derive(Debug)]
pub struct Segue(Table<Mapping>);

impl Segue {
    /// Writes the rows as a table, unless an earlier run left it, and maps it.
    pub fn build(path: &Path, rows: Rows) -> Result<Self> {
        if !path.exists() {
            write_table(path, rows)?;
        }
        let mapping = Mapping::open(path)?;
        touch_pages(mapping.as_ref());
        Ok(Self(Table::open(mapping)?))
    }

    /// Histories of two clusters.
    pub fn present(&self) -> u64 {
        self.0.present(2)
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> usize {
        self.0.bytes().len()
    }
}

impl Structure for Segue {
    /// Count and first candidate: what the public interface gives without decoding the rest.
    #[inline(always)]
    fn find(&self, history: [u32; 2]) -> u64 {
        self.0.get(&history).map_or(0, |record| both_ends(&record))
    }
}

/// Writes the rows as a table at `path`.
pub fn write_table(path: &Path, rows: Rows) -> Result<()> {
    let shape = Shape { clusters: rows.clusters, depth: 2, width: WIDTH as u8 };
    let partial = path.with_extension("partial");
    let mut writer = TableWriter::create(&partial, shape, BUFFER_BYTES)?;
    writer.push(&[], &rows.candidates(u64::MAX))?;
    for key in rows.keys() {
        writer.push(&rows.history(key), &rows.candidates(key))?;
    }
    writer.finish()?;
    Ok(std::fs::rename(partial, path)?)
}

/// Segue's table, with all ten candidates decoded: what an answer does, and none of the others is asked for.
#[derive(Debug)]
pub struct Decoded(pub Segue);

impl Structure for Decoded {
    #[inline(always)]
    fn find(&self, history: [u32; 2]) -> u64 {
        let record = self.0.0.get(&history);
        record.map_or(0, |record| {
            record.iter().fold(0, |sum, (index, score)| sum ^ (u64::from(index) << 16 | u64::from(score.0)))
        })
    }
}

/// The first candidate and the last, as the other structures' [`ends`].
#[inline]
fn both_ends(record: &table::Record<'_>) -> u64 {
    let slot = |(index, score): (u32, table::Score)| u64::from(index) << 16 | u64::from(score.0);
    let mut candidates = record.iter();
    candidates.next().map_or(0, slot) ^ candidates.next_back().map_or(0, slot)
}

/// Both ends of a record, so that all its cache lines are touched.
#[inline]
pub fn ends(bytes: &[u8]) -> u64 {
    let (first, last) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>());
    first.map_or(0, |ends| u64::from_le_bytes(*ends)) ^ last.map_or(0, |ends| u64::from_le_bytes(*ends))
}

/// Reads a byte of each page, so that no lookup pays for a page fault.
pub fn touch_pages(bytes: &[u8]) {
    let sum = bytes.iter().step_by(4096).fold(0u64, |sum, byte| sum.wrapping_add(u64::from(*byte)));
    std::hint::black_box(sum);
}

const _: () = assert!(size_of::<Record>() == RECORD_BYTES);
