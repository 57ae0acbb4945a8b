//! Why a header was refused: one error for every field of the byte diagram. It never decides anything itself.

use super::{BYTE_ORDER, DEPTH_MAX, HEADER_BYTES, LABEL, POSSIBLE_MAX, VERSION, WIDTH_MAX};

/// Why bytes are not a table of this format. Each names what was expected and what came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Shorter than a header.
    #[error("the table has {got} bytes, expected at least the header's {HEADER_BYTES}; it was cut off, fetch it again")]
    Short {
        /// Bytes that came.
        got: u64,
    },
    /// Another kind of file.
    #[error("the table starts with {got:02x?}, expected {LABEL:02x?}; this is not a table.segue")]
    Label {
        /// The first eight bytes.
        got: [u8; 8],
    },
    /// A format that this build does not read.
    #[error("the table has format version {got}, expected {VERSION}; build it anew, or upgrade the service first")]
    Version {
        /// What came.
        got: u32,
    },
    /// Written in another byte order.
    #[error(
        "the table's byte order mark is {got:#010x}, expected {BYTE_ORDER:#010x}; its writer was not little-endian"
    )]
    ByteOrder {
        /// What came.
        got: u32,
    },
    /// The header was damaged.
    #[error("the header's checksum is {got:#010x}, its bytes give {expected:#010x}; it is damaged, fetch it again")]
    HeaderChecksum {
        /// What the bytes give.
        expected: u32,
        /// What is written.
        got: u32,
    },
    /// A catalogue of no clusters.
    #[error("the table is made for {got} clusters, expected at least 1")]
    Clusters {
        /// What came.
        got: u32,
    },
    /// A depth that the format has no room for.
    #[error("the table has depth {got}, expected 1 to {DEPTH_MAX}")]
    Depth {
        /// What came.
        got: u8,
    },
    /// A width that the format has no room for.
    #[error("the table has width {got}, expected 1 to {WIDTH_MAX}")]
    Width {
        /// What came.
        got: u8,
    },
    /// More possible histories than the structure is made for.
    #[error("{clusters} clusters at depth {depth} give more than {POSSIBLE_MAX} possible histories; lower the depth")]
    Possible {
        /// Clusters in the catalogue.
        clusters: u32,
        /// The depth asked for.
        depth: u8,
    },
    /// The index width does not follow from the clusters.
    #[error("the table says {got} bytes a cluster index, expected {expected} for its clusters")]
    IndexBytes {
        /// What follows from the clusters.
        expected: u8,
        /// What came.
        got: u8,
    },
    /// The record size does not follow from the width.
    #[error("the table says {got} bytes a record, expected {expected} for its width")]
    RecordBytes {
        /// What follows from width and index bytes.
        expected: u32,
        /// What came.
        got: u32,
    },
    /// A byte that must be zero is not.
    #[error("byte {at} of the header is {got}, expected 0; a newer writer made it, upgrade the service first")]
    Reserved {
        /// Its offset.
        at: usize,
        /// What came.
        got: u8,
    },
    /// More histories present than possible.
    #[error("level {length} says {got} histories, at most {possible} are possible")]
    Present {
        /// Clusters in the level's histories.
        length: usize,
        /// How many are possible.
        possible: u64,
        /// What came.
        got: u64,
    },
    /// No popular list: the empty history must be present.
    #[error("the table has no record of the empty history, the popular list; build it anew")]
    PopularMissing,
    /// A bitmap that does not follow its predecessor.
    #[error("the bitmap of level {length} starts at {got}, expected {expected}")]
    BitmapOffset {
        /// Clusters in the level's histories.
        length: usize,
        /// Where the section before it ends.
        expected: u64,
        /// What came.
        got: u64,
    },
    /// Records that do not follow their bitmap.
    #[error("the records of level {length} start at {got}, expected {expected}")]
    RecordsOffset {
        /// Clusters in the level's histories.
        length: usize,
        /// Where the section before it ends.
        expected: u64,
        /// What came.
        got: u64,
    },
    /// A level above the depth that is not zero.
    #[error("level {length} is above the table's depth, expected its entry to be zero")]
    LevelUnused {
        /// Clusters in the level's histories.
        length: usize,
    },
    /// The header's own length does not follow from its levels.
    #[error("the header says {got} bytes in all, its levels give {expected}")]
    FileBytesStated {
        /// What the levels give.
        expected: u64,
        /// What the header says.
        got: u64,
    },
    /// The file is not as long as it says.
    #[error("the table has {got} bytes, its header says {expected}; it was cut off or added to, fetch it again")]
    FileBytes {
        /// What the header says.
        expected: u64,
        /// What came.
        got: u64,
    },
}
