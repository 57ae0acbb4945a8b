//! One step after one history as a single number, so that sorting numbers groups what belongs together.
//!
//! From the highest bits down: the history and the cluster after it, the step's age in days, and whether this is the user's first.

use super::CountError;
use crate::decay::Decay;
use crate::tally::Cell;

/// Ages beyond so many half-lives weigh one unit, however old they are.
const HALF_LIVES_MAX: f64 = 26.0;

/// How records are laid out for one run.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    age_bits: u32,
    last_day: i32,
    /// By age.
    weights: Vec<u64>,
}

impl Layout {
    /// A layout for keys below `keys` and steps of the days up to `last_day`.
    pub(super) fn new(keys: u128, days: (i32, i32), decay: Decay) -> Result<Self, CountError> {
        let (first_day, last_day) = days;
        let span = (i64::from(last_day) - i64::from(first_day)).max(0).unsigned_abs();
        let faded = decay.half_life_days().map_or(0.0, |days| (days * HALF_LIVES_MAX).ceil());
        let age_max = span.min(faded as u64);
        let age_bits = u64::BITS - age_max.leading_zeros();
        let key_bits = u128::BITS - keys.saturating_sub(1).leading_zeros();
        if key_bits + age_bits + 1 > u64::BITS {
            return Err(CountError::Wide { key_bits, age_bits });
        }
        let day = |age: u64| (i64::from(last_day) - age as i64) as i32;
        let weights = (0..=age_max).map(|age| decay.weight_of_day(day(age))).collect();
        Ok(Self { age_bits, last_day, weights })
    }

    /// The age of a step, as records have it.
    pub(super) fn age(&self, day: i32) -> u64 {
        let age = (i64::from(self.last_day) - i64::from(day)).max(0).unsigned_abs();
        age.min(self.weights.len() as u64 - 1)
    }

    /// The weight of a step of that age.
    pub(super) fn weight(&self, age: u64) -> u64 {
        self.weights[age as usize]
    }

    /// The weights of steps by age.
    pub(super) fn weights(&self) -> &[u64] {
        &self.weights
    }

    /// A record, not yet marked as the user's first.
    pub(super) fn record(&self, key: u64, age: u64) -> u64 {
        (key << (self.age_bits + 1)) | (age << 1)
    }

    /// Whether all steps weigh alike, whatever their age.
    pub(super) fn ageless(&self) -> bool {
        self.age_bits == 0
    }

    /// Bits of a record below its key.
    pub(super) fn key_shift(&self) -> u32 {
        self.age_bits + 1
    }

    /// The key of a record.
    pub(super) fn key(&self, record: u64) -> u64 {
        record >> (self.age_bits + 1)
    }

    /// Records, those of each key together, as cells by key, ascending.
    pub(super) fn cells<'a>(&'a self, records: &'a [u64]) -> impl Iterator<Item = (u64, Cell)> + 'a {
        let of_key = records.chunk_by(|left, right| self.key(*left) == self.key(*right));
        of_key.map(|records| (self.key(records[0]), self.cell(records)))
    }

    fn cell(&self, records: &[u64]) -> Cell {
        let age_mask = (1 << self.age_bits) - 1;
        let mut cell = Cell { weight: 0, seen: u32::try_from(records.len()).unwrap_or(u32::MAX), users: 0 };
        for record in records {
            cell.weight += self.weight((record >> 1) & age_mask);
            cell.users += (record & FIRST) as u32;
        }
        cell
    }
}

/// Marks the first record of a key and user.
pub(super) const FIRST: u64 = 1;
