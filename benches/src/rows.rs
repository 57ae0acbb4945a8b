//! Made-up histories and candidates of any number: a pure function of a seed, so that any reply can be checked.
//!
//! It must never keep the rows: fifty million of them are made as they are written, and again as they are compared.

use segue::snapshot::table::Score;

/// Candidates of each row.
pub const WIDTH: usize = 15;
/// Bytes of a record of [`WIDTH`] candidates: a count, then cluster and score in two bytes each.
pub const RECORD_BYTES: usize = 2 + 4 * WIDTH;

/// One record, as the table stores it and as the structures compared with it do.
pub type Record = [u8; RECORD_BYTES];

/// A set of rows over pairs of clusters.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    /// Clusters; pairs of them are the possible histories.
    pub clusters: u32,
    /// Of 2^32 possible histories, how many are present.
    present: u64,
    /// Changes every candidate of every row.
    seed: u64,
}

impl Rows {
    /// About `count` rows of which the given share (0 to 1) of the possible pairs is present.
    pub fn new(count: u64, share: f64) -> Self {
        let clusters = (count as f64 / share).sqrt().round() as u32;
        Self { clusters, present: (share * 4_294_967_296.0) as u64, seed: 0 }
    }

    /// The same histories with other candidates.
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The same catalogue with only a share (0 to 1) of the histories.
    pub fn thinned(self, share: f64) -> Self {
        Self { present: (share * self.present as f64) as u64, ..self }
    }

    /// Possible histories of two clusters.
    pub fn possible(&self) -> u64 {
        u64::from(self.clusters) * u64::from(self.clusters)
    }

    /// Whether a history is present.
    pub fn has(&self, key: u64) -> bool {
        mix(key) >> 32 < self.present
    }

    /// The keys present, ascending.
    pub fn keys(self) -> impl Iterator<Item = u64> {
        (0..self.possible()).filter(move |key| self.has(*key))
    }

    /// The history of a key, as cluster indexes, oldest first.
    pub fn history(&self, key: u64) -> [u32; 2] {
        let clusters = u64::from(self.clusters);
        [(key / clusters) as u32, (key % clusters) as u32]
    }

    /// The key of a history.
    #[inline]
    pub fn key(&self, history: [u32; 2]) -> u64 {
        u64::from(history[0]) * u64::from(self.clusters) + u64::from(history[1])
    }

    /// The candidates of a key, best first.
    pub fn candidates(&self, key: u64) -> [(u32, f32); WIDTH] {
        let random = mix(key ^ mix(self.seed.wrapping_add(1)));
        let first = (random % u64::from(self.clusters)) as u32;
        let top = 0.5 + (random >> 40) as f32 / (1u64 << 25) as f32;
        std::array::from_fn(|rank| ((first + rank as u32) % self.clusters, top / (rank + 1) as f32))
    }

    /// The record of a key.
    pub fn record(&self, key: u64) -> Record {
        let mut record = [0; RECORD_BYTES];
        record[..2].copy_from_slice(&(WIDTH as u16).to_le_bytes());
        for (slot, (index, score)) in record[2..].chunks_exact_mut(4).zip(self.candidates(key)) {
            let score = Score::nearest(score).map_or(0, |score| score.0);
            slot[..2].copy_from_slice(&(index as u16).to_le_bytes());
            slot[2..].copy_from_slice(&score.to_le_bytes());
        }
        record
    }

    /// `count` histories drawn at random from those that are present, or from those that are not.
    pub fn draw(&self, present: bool, count: usize) -> Vec<[u32; 2]> {
        let random = (0u64..).map(|turn| (u128::from(mix(turn ^ 0x5EED)) * u128::from(self.possible())) >> 64);
        random
            .map(|key| key as u64)
            .filter(|key| self.has(*key) == present)
            .take(count)
            .map(|key| self.history(key))
            .collect()
    }
}

/// Spreads the bits of a number over all its bits (the finaliser of splitmix64).
#[inline]
pub fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}
