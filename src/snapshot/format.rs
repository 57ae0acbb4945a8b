//! The bytes of `table.segue`, version 1: enough to write a second reader or writer from.
//!
//! Pure arithmetic on offsets and a header; it opens no file and allocates nothing but errors.
//!
//! Every number is little-endian. Every byte of the file is under one of the CRC-32 sums (IEEE 802.3, the CRC of
//! gzip and of Python's `zlib.crc32`), which catch any damage of up to 32 bits in a row for certain.
//!
//! ```text
//! file      header (256 bytes), then per level, shortest histories first: bitmap, records
//!
//! header    offset  bytes
//!                0      8  label, the ASCII text "SEGUETBL"
//!                8      4  format version, 1
//!               12      4  byte order mark, 0x0A0B0C0D
//!               16      4  N, the clusters of the catalogue: indexes run from 0 to N - 1
//!               20      1  depth k, the longest history, 1 to 3
//!               21      1  width w, the most candidates of one record, 1 to 64
//!               22      1  bytes of a cluster index: 2 where N <= 65,535, else 4
//!               23      1  zero
//!               24      4  bytes of a record: 2 + w * (bytes of a cluster index + 2), and where at most 2 more make
//!                          it 8, 16, 32 or 64, that: such a record never crosses a cache line
//!               28      4  zero
//!               32      8  bytes of the whole file
//!               40     24  zero
//!               64    128  four level entries of 32 bytes, of histories of 0, 1, 2 and 3 clusters:
//!                            0  8  histories present
//!                            8  8  offset of the bitmap
//!                           16  8  offset of the records
//!                           24  4  CRC-32 of the bitmap section
//!                           28  4  CRC-32 of the records section
//!                          (all zero for a level above k)
//!              192     60  zero
//!              252      4  CRC-32 of bytes 0 to 251
//!
//! index     of a cluster: its place, from 0, among the ids of the catalogue in ascending order
//!
//! history   of l clusters with indexes c1 (oldest) .. cl (most recent) has the key
//!           (..(c1 * N + c2) * N + ..) + cl, from 0 to N^l - 1; the empty history has the key 0
//!
//! bitmap    one block of 16 bytes for every 64 keys, in order, then zeros up to the next multiple of 64 bytes.
//!           A block is a u64 rank, the number of histories present in all blocks before it, then a u64 of
//!           presence bits: the key's bit is bit (key % 64). Bits past the last key are zero.
//!
//! records   of the histories present, ascending by key, then zeros up to the next multiple of 64 bytes.
//!           The record of a present key stands at records offset + rank(key) * record bytes, where rank(key) is
//!           the block's rank plus the block's bits set below the key's.
//!
//! record    u16 count (1 to w), then w slots of { cluster index, u16 score }, best first, no cluster twice; slots
//!           past the count and bytes past the slots are zero. A score s stands for s / 65,535.
//! ```
//!
//! A block never crosses a cache line, so the test of a bit and the rank come from one line, by one shift, one mask
//! and one population count. Larger blocks save at most half of the bitmap (a thirtieth of the file) and cost two to
//! three times as much a lookup, measured: the longer count fills the processor's window, and fewer lookups overlap.

mod error;

pub use error::FormatError;

/// The first eight bytes of every table.
pub const LABEL: [u8; 8] = *b"SEGUETBL";
/// The only format version that this build reads and writes.
pub const VERSION: u32 = 1;
/// Written little-endian: a reader that finds another number read it in the wrong order.
pub const BYTE_ORDER: u32 = 0x0A0B_0C0D;
/// Bytes of the header.
pub const HEADER_BYTES: usize = 256;
/// Most clusters in a history.
pub const DEPTH_MAX: u8 = 3;
/// Levels that the header has room for: histories of 0 to [`DEPTH_MAX`] clusters.
pub const LEVELS_MAX: usize = DEPTH_MAX as usize + 1;
/// Most candidates in a record.
pub const WIDTH_MAX: u8 = 64;
/// Most possible histories of one length: a bitmap of 2 GiB; past it a presence bit a key is the wrong structure.
pub const POSSIBLE_MAX: u64 = 1 << 33;
/// Sections start and end on cache lines.
pub const ALIGN_BYTES: u64 = 64;
/// Bytes of a bitmap block: a rank and a word of presence bits.
pub const BLOCK_BYTES: usize = 16;
/// Keys that one bitmap block covers.
pub const BLOCK_KEYS: u64 = 64;
/// Most bytes added to a record so that it never crosses a cache line.
pub const ROUNDING_BYTES_MAX: usize = 2;
/// The score that stands for 1.
pub const SCORE_ONE: u16 = u16::MAX;
/// Bytes of the count before a record's slots.
pub const COUNT_BYTES: usize = 2;
/// Bytes of a score.
pub const SCORE_BYTES: usize = 2;

const WIDE_INDEX_ABOVE: u32 = u16::MAX as u32;
const LEVELS_AT: usize = 64;
const LEVEL_BYTES: usize = 32;
const CHECKSUM_AT: usize = HEADER_BYTES - 4;
const RESERVED: [(usize, usize); 4] = [(23, 24), (28, 32), (40, 64), (192, CHECKSUM_AT)];

/// What a table is made for: everything that decides where its bytes lie, but for how many histories are present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Clusters in the catalogue; indexes run below it.
    pub clusters: u32,
    /// Clusters in the longest history, 1 to 3.
    pub depth: u8,
    /// Most candidates of one history, 1 to 64.
    pub width: u8,
}

/// One level of a table: the histories of one length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Histories present.
    pub present: u64,
    /// Where the bitmap starts, in bytes from the start of the file.
    pub bitmap_at: u64,
    /// Where the records start, in bytes from the start of the file.
    pub records_at: u64,
    /// CRC-32 of the bitmap section.
    pub bitmap_crc: u32,
    /// CRC-32 of the records section, its padding included.
    pub records_crc: u32,
}

/// The decoded first 256 bytes, every field checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the table is made for.
    pub shape: Shape,
    /// The levels, by length of history; those above the depth are zero.
    pub levels: [Level; LEVELS_MAX],
}

impl Shape {
    /// Checks the shape: clusters, depth and width in range, and a bounded number of possible histories.
    pub fn checked(self) -> Result<Self, FormatError> {
        let Self { clusters, depth, width } = self;
        if clusters == 0 {
            return Err(FormatError::Clusters { got: clusters });
        }
        if !(1..=DEPTH_MAX).contains(&depth) {
            return Err(FormatError::Depth { got: depth });
        }
        if !(1..=WIDTH_MAX).contains(&width) {
            return Err(FormatError::Width { got: width });
        }
        let possible = u64::from(clusters).checked_pow(u32::from(depth));
        match possible {
            Some(possible) if possible <= POSSIBLE_MAX => Ok(self),
            _ => Err(FormatError::Possible { clusters, depth }),
        }
    }

    /// Lengths of history that the table holds: 0 to the depth.
    pub fn lengths(self) -> std::ops::RangeInclusive<usize> {
        0..=usize::from(self.depth)
    }

    /// Possible histories of a length (of at most the depth): N^length.
    pub fn possible(self, length: usize) -> u64 {
        (0..length).fold(1, |possible, _| possible * u64::from(self.clusters))
    }

    /// Bytes of a cluster index: 2, or 4 above 65,535 clusters.
    pub const fn index_bytes(self) -> usize {
        if self.clusters > WIDE_INDEX_ABOVE { 4 } else { 2 }
    }

    /// Bytes of one slot of a record: a cluster index and a score.
    pub const fn slot_bytes(self) -> usize {
        self.index_bytes() + SCORE_BYTES
    }

    /// Bytes of one record. Rounding up to a fraction of a cache line makes a lookup a sixth faster at 50 M histories,
    /// measured, but it is done only where it is nearly free: at widths of 1, 3, 7 and 15 for two-byte indexes.
    pub const fn record_bytes(self) -> usize {
        let packed = COUNT_BYTES + self.width as usize * self.slot_bytes();
        let rounded = packed.next_power_of_two();
        if rounded <= ALIGN_BYTES as usize && rounded - packed <= ROUNDING_BYTES_MAX { rounded } else { packed }
    }

    /// Bytes of the bitmap section of a level.
    pub fn bitmap_bytes(self, length: usize) -> u64 {
        (self.possible(length).div_ceil(BLOCK_KEYS) * BLOCK_BYTES as u64).next_multiple_of(ALIGN_BYTES)
    }

    /// Bytes of the records section of a level that holds `present` histories, padding included.
    pub fn records_bytes(self, present: u64) -> u64 {
        (present * self.record_bytes() as u64).next_multiple_of(ALIGN_BYTES)
    }

    /// The key of a history given as cluster indexes, oldest first; `None` if one is not below the clusters. It wraps
    /// for histories so long that no level holds them.
    #[inline]
    pub fn key(self, history: &[u32]) -> Option<u64> {
        history.iter().try_fold(0u64, |key, &index| {
            (index < self.clusters).then(|| key.wrapping_mul(u64::from(self.clusters)).wrapping_add(u64::from(index)))
        })
    }

    /// The history that has a key: the inverse of [`Shape::key`] for histories of `length` clusters.
    pub fn history(self, length: usize, key: u64) -> Vec<u32> {
        let mut rest = key;
        let mut history = vec![0; length];
        for index in history.iter_mut().rev() {
            *index = (rest % u64::from(self.clusters)) as u32;
            rest /= u64::from(self.clusters);
        }
        history
    }
}

impl Header {
    /// Bytes of the whole file: the end of the last level.
    pub fn file_bytes(&self) -> u64 {
        let last = self.levels[usize::from(self.shape.depth)];
        last.records_at + self.shape.records_bytes(last.present)
    }

    /// The header's 256 bytes.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0, &LABEL);
        put(8, &VERSION.to_le_bytes());
        put(12, &BYTE_ORDER.to_le_bytes());
        put(16, &self.shape.clusters.to_le_bytes());
        put(20, &[self.shape.depth, self.shape.width, self.shape.index_bytes() as u8]);
        put(24, &(self.shape.record_bytes() as u32).to_le_bytes());
        put(32, &self.file_bytes().to_le_bytes());
        for (length, level) in self.levels.iter().enumerate() {
            let at = LEVELS_AT + length * LEVEL_BYTES;
            put(at, &level.present.to_le_bytes());
            put(at + 8, &level.bitmap_at.to_le_bytes());
            put(at + 16, &level.records_at.to_le_bytes());
            put(at + 24, &level.bitmap_crc.to_le_bytes());
            put(at + 28, &level.records_crc.to_le_bytes());
        }
        let checksum = crc32fast::hash(&bytes[..CHECKSUM_AT]);
        bytes[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads and checks a header: label, version, byte order, checksum, then every field and offset. `file` is the
    /// whole table; only its first 256 bytes and its length are looked at, so this is O(1).
    pub fn decode(file: &[u8]) -> Result<Self, FormatError> {
        let got = file.len() as u64;
        let bytes = file.first_chunk::<HEADER_BYTES>().ok_or(FormatError::Short { got })?;
        check_prologue(bytes)?;
        let header = Self { shape: decode_shape(bytes)?, levels: decode_levels(bytes) };
        check_reserved(bytes)?;
        header.check_levels()?;
        let (expected, stated) = (header.file_bytes(), u64_at(bytes, 32));
        if stated != expected {
            return Err(FormatError::FileBytesStated { expected, got: stated });
        }
        if got != expected {
            return Err(FormatError::FileBytes { expected, got });
        }
        Ok(header)
    }

    fn check_levels(&self) -> Result<(), FormatError> {
        let mut end = HEADER_BYTES as u64;
        for length in self.shape.lengths() {
            end = self.check_level(length, end)?;
        }
        if self.levels[0].present == 0 {
            return Err(FormatError::PopularMissing);
        }
        let unused = usize::from(self.shape.depth) + 1..LEVELS_MAX;
        match unused.into_iter().find(|&length| self.levels[length] != Level::default()) {
            Some(length) => Err(FormatError::LevelUnused { length }),
            None => Ok(()),
        }
    }

    /// Checks one level that must start at `start`; gives where it ends.
    fn check_level(&self, length: usize, start: u64) -> Result<u64, FormatError> {
        let Level { present, bitmap_at, records_at, .. } = self.levels[length];
        let possible = self.shape.possible(length);
        if present > possible {
            return Err(FormatError::Present { length, possible, got: present });
        }
        if bitmap_at != start {
            return Err(FormatError::BitmapOffset { length, expected: start, got: bitmap_at });
        }
        let bitmap_end = start + self.shape.bitmap_bytes(length);
        if records_at != bitmap_end {
            return Err(FormatError::RecordsOffset { length, expected: bitmap_end, got: records_at });
        }
        Ok(bitmap_end + self.shape.records_bytes(present))
    }
}

type HeaderBytes = [u8; HEADER_BYTES];

fn check_prologue(bytes: &HeaderBytes) -> Result<(), FormatError> {
    let label: [u8; 8] = array_at(bytes, 0);
    if label != LABEL {
        return Err(FormatError::Label { got: label });
    }
    let version = u32_at(bytes, 8);
    if version != VERSION {
        return Err(FormatError::Version { got: version });
    }
    let order = u32_at(bytes, 12);
    if order != BYTE_ORDER {
        return Err(FormatError::ByteOrder { got: order });
    }
    let (expected, got) = (crc32fast::hash(&bytes[..CHECKSUM_AT]), u32_at(bytes, CHECKSUM_AT));
    if got != expected {
        return Err(FormatError::HeaderChecksum { expected, got });
    }
    Ok(())
}

fn decode_shape(bytes: &HeaderBytes) -> Result<Shape, FormatError> {
    let shape = Shape { clusters: u32_at(bytes, 16), depth: bytes[20], width: bytes[21] }.checked()?;
    let (expected, got) = (shape.index_bytes() as u8, bytes[22]);
    if got != expected {
        return Err(FormatError::IndexBytes { expected, got });
    }
    let (expected, got) = (shape.record_bytes() as u32, u32_at(bytes, 24));
    if got != expected {
        return Err(FormatError::RecordBytes { expected, got });
    }
    Ok(shape)
}

fn decode_levels(bytes: &HeaderBytes) -> [Level; LEVELS_MAX] {
    std::array::from_fn(|length| {
        let at = LEVELS_AT + length * LEVEL_BYTES;
        Level {
            present: u64_at(bytes, at),
            bitmap_at: u64_at(bytes, at + 8),
            records_at: u64_at(bytes, at + 16),
            bitmap_crc: u32_at(bytes, at + 24),
            records_crc: u32_at(bytes, at + 28),
        }
    })
}

fn check_reserved(bytes: &HeaderBytes) -> Result<(), FormatError> {
    let mut reserved = RESERVED.into_iter().flat_map(|(start, end)| start..end);
    match reserved.find(|&at| bytes[at] != 0) {
        Some(at) => Err(FormatError::Reserved { at, got: bytes[at] }),
        None => Ok(()),
    }
}

fn array_at<const BYTES: usize>(bytes: &HeaderBytes, at: usize) -> [u8; BYTES] {
    std::array::from_fn(|position| bytes[at + position])
}

fn u32_at(bytes: &HeaderBytes, at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

fn u64_at(bytes: &HeaderBytes, at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}
