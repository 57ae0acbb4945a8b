//! The table, read: from a history to its record, through any bytes.
//!
//! Opening checks the header and nothing else, in constant time; [`verify`](super::verify) checks every byte. Reading
//! never panics and never leaves the bytes it was given, whatever they hold.

use super::format::{
    BLOCK_BYTES, BLOCK_KEYS, COUNT_BYTES, FormatError, Header, LEVELS_MAX, Level, SCORE_BYTES, SCORE_ONE, Shape,
};

/// A table over bytes: mapped, embedded or in memory.
#[derive(Debug)]
pub struct Table<B> {
    bytes: B,
    header: Header,
    /// The levels of `header`, as offsets that need no further arithmetic; those above the depth hold nothing.
    levels: [Place; LEVELS_MAX],
    /// [`Shape::record_bytes`], kept so that a lookup does not derive it: fewer instructions let more lookups overlap.
    record_bytes: usize,
    /// [`Shape::slot_bytes`], likewise.
    slot_bytes: usize,
}

/// Where a level lies.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    bitmap_at: usize,
    records_at: usize,
    present: u64,
}

/// The candidates of one history, best first.
#[derive(Clone, Copy, Debug)]
pub struct Record<'t> {
    slots: &'t [u8],
    slot_bytes: usize,
    count: usize,
}

/// A score as it is stored: 65,535 stands for 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Score(pub u16);

/// Decimal places of a score outside the table: enough to tell any two stored scores apart.
pub const SCORE_DECIMALS: u32 = 5;
const SCORE_SCALE: u64 = 10u64.pow(SCORE_DECIMALS);

impl Score {
    /// The nearest stored score; `None` outside 0 to 1.
    pub fn nearest(score: f32) -> Option<Self> {
        (0.0..=1.0).contains(&score).then(|| Self((f64::from(score) * f64::from(SCORE_ONE)).round() as u16))
    }

    /// The score in units of 10^-5, rounded to nearest: what every door shows.
    #[inline]
    pub fn decimal(self) -> u32 {
        ((u64::from(self.0) * SCORE_SCALE + u64::from(SCORE_ONE) / 2) / u64::from(SCORE_ONE)) as u32
    }

    /// The score as a number from 0 to 1, rounded to five decimals.
    #[inline]
    pub fn value(self) -> f32 {
        (f64::from(self.decimal()) / SCORE_SCALE as f64) as f32
    }
}

impl<B: AsRef<[u8]>> Table<B> {
    /// Checks the header against the length of the bytes. O(1): the sections are not looked at.
    pub fn open(bytes: B) -> Result<Self, FormatError> {
        let header = Header::decode(bytes.as_ref())?;
        let mut levels = [Place::default(); LEVELS_MAX];
        for length in header.shape.lengths() {
            levels[length] = Place::of(header.levels[length]);
        }
        let (record_bytes, slot_bytes) = (header.shape.record_bytes(), header.shape.slot_bytes());
        Ok(Self { bytes, header, levels, record_bytes, slot_bytes })
    }

    /// What the table is made for, and its levels.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What the table is made for.
    pub fn shape(&self) -> Shape {
        self.header.shape
    }

    /// Histories present, of one length; 0 above the depth.
    pub fn present(&self, length: usize) -> u64 {
        self.levels.get(length).map_or(0, |level| level.present)
    }

    /// What holds the bytes.
    pub(super) fn inner(&self) -> &B {
        &self.bytes
    }

    /// The same, without the table.
    pub(super) fn into_inner(self) -> B {
        self.bytes
    }

    /// The whole file.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    /// The record of a history given as cluster indexes, oldest first; `None` where the table does not hold it.
    /// The empty history gives the popular list.
    #[inline]
    pub fn get(&self, history: &[u32]) -> Option<Record<'_>> {
        let level = self.levels.get(history.len())?;
        let rank = self.rank(level, self.header.shape.key(history)?)?;
        self.record(level, rank)
    }

    /// The histories present of one length, ascending by key, each with its record.
    pub fn histories(&self, length: usize) -> impl Iterator<Item = (Vec<u32>, Record<'_>)> {
        self.keys(length).map(move |(key, record)| (self.header.shape.history(length, key), record))
    }

    /// The keys present of one length, ascending, each with its record.
    pub fn keys(&self, length: usize) -> impl Iterator<Item = (u64, Record<'_>)> {
        let level = self.levels.get(length).copied().unwrap_or_default();
        let blocks = if level.present == 0 { 0 } else { self.header.shape.possible(length).div_ceil(BLOCK_KEYS) };
        let keys = (0..blocks).flat_map(move |block| {
            let bits = self.block(&level, block).map_or(0, |(_, bits)| bits);
            set_bits(bits).map(move |bit| block * BLOCK_KEYS + bit)
        });
        (0..).zip(keys).map_while(move |(rank, key)| Some((key, self.record(&level, rank)?)))
    }

    /// The records of a level between two ranks, in rank order; fewer where the level ends before.
    pub fn records(&self, length: usize, ranks: std::ops::Range<u64>) -> impl Iterator<Item = Record<'_>> {
        let level = self.levels.get(length).copied().unwrap_or_default();
        ranks.map_while(move |rank| self.record(&level, rank))
    }

    /// The rank of a key among those present; `None` where it is absent.
    #[inline]
    fn rank(&self, level: &Place, key: u64) -> Option<u64> {
        let (rank, bits) = self.block(level, key / BLOCK_KEYS)?;
        let below = bits & !u64::MAX.wrapping_shl(key as u32);
        (bits.wrapping_shr(key as u32) & 1 == 1).then(|| rank.wrapping_add(u64::from(below.count_ones())))
    }

    /// A bitmap block: its rank and its presence bits. Both come from one cache line.
    #[inline]
    fn block(&self, level: &Place, block: u64) -> Option<(u64, u64)> {
        let at = level.bitmap_at + block as usize * BLOCK_BYTES;
        self.bytes.as_ref().get(at..)?.first_chunk().map(decode_block)
    }

    /// The record at a rank; `None` past the last, which only damaged bytes can ask for.
    #[inline]
    fn record(&self, level: &Place, rank: u64) -> Option<Record<'_>> {
        if rank >= level.present {
            return None;
        }
        let at = level.records_at + rank as usize * self.record_bytes;
        let record = self.bytes.as_ref().get(at..at + self.record_bytes)?;
        let (count, slots) = record.split_first_chunk::<COUNT_BYTES>()?;
        let count = usize::from(u16::from_le_bytes(*count));
        Some(Record { slots: slots.get(..count * self.slot_bytes)?, slot_bytes: self.slot_bytes, count })
    }
}

impl Place {
    /// Offsets fit `usize`: the header is checked against the length of bytes that are in memory.
    fn of(level: Level) -> Self {
        let Level { present, bitmap_at, records_at, .. } = level;
        Self { bitmap_at: bitmap_at as usize, records_at: records_at as usize, present }
    }
}

impl<'t> Record<'t> {
    /// How many candidates the record holds.
    #[inline]
    #[allow(clippy::len_without_is_empty, reason = "a verified record holds at least one candidate")]
    pub fn len(&self) -> usize {
        self.count
    }

    /// The candidates, best first: cluster index and score. Decoded as they are asked for, from either end.
    #[inline]
    pub fn iter(&self) -> Candidates<'t> {
        Candidates { slots: self.slots, slot_bytes: self.slot_bytes }
    }
}

/// The candidates of a record that are still to come.
#[derive(Clone, Debug)]
pub struct Candidates<'t> {
    slots: &'t [u8],
    slot_bytes: usize,
}

// By hand rather than by `chunks_exact`, which divides by the slot's size: at run time, that takes longer than all the
// rest of a lookup that is in cache.
impl Iterator for Candidates<'_> {
    type Item = (u32, Score);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (slot, rest) = self.slots.split_at_checked(self.slot_bytes)?;
        self.slots = rest;
        decode_slot(slot)
    }
}

impl DoubleEndedIterator for Candidates<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        let (rest, slot) = self.slots.split_at_checked(self.slots.len().checked_sub(self.slot_bytes)?)?;
        self.slots = rest;
        decode_slot(slot)
    }
}

/// The rank and the presence bits of a bitmap block.
#[inline]
pub(super) fn decode_block(block: &[u8; BLOCK_BYTES]) -> (u64, u64) {
    let both = u128::from_le_bytes(*block);
    (both as u64, (both >> 64) as u64)
}

/// A slot is 4 bytes (index in 2) or 6 (index in 4); the slice's length says which.
#[inline]
fn decode_slot(slot: &[u8]) -> Option<(u32, Score)> {
    let (index, score) = slot.split_last_chunk::<SCORE_BYTES>()?;
    let index = match *index {
        [a, b] => u32::from(u16::from_le_bytes([a, b])),
        [a, b, c, d] => u32::from_le_bytes([a, b, c, d]),
        _ => return None,
    };
    Some((index, Score(u16::from_le_bytes(*score))))
}

/// The positions of the bits set, ascending.
fn set_bits(mut bits: u64) -> impl Iterator<Item = u64> {
    std::iter::from_fn(move || {
        let bit = (bits != 0).then(|| u64::from(bits.trailing_zeros()));
        bits &= bits.wrapping_sub(1);
        bit
    })
}

#[cfg(test)]
mod tests {
    use super::Score;

    #[test]
    fn scores_survive_storing_and_stay_apart() {
        for (score, decimal) in [(0.0, 0), (1.0, 100_000), (0.5, 50_000), (0.12345, 12_345)] {
            let stored = Score::nearest(score).expect("in range");
            assert!(stored.decimal().abs_diff(decimal) <= 1, "{score} gave {stored:?}");
        }
        assert!((0..u16::MAX).all(|score| Score(score).decimal() < Score(score + 1).decimal()));
        for refused in [-0.001, 1.001, f32::NAN, f32::INFINITY] {
            assert_eq!(Score::nearest(refused), None);
        }
    }
}
