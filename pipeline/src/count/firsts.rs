//! Finds the first record of each key of a user, so that a user counts once however often they came.

use super::record::{FIRST, Layout};

/// Slots of the table: 64 KiB.
const SLOTS_BITS: u32 = 12;

/// A table of keys that is emptied by counting up.
#[derive(Debug)]
pub(super) struct Firsts {
    /// A key, and the round in which it was met.
    slots: Vec<(u64, u32)>,
    round: u32,
}

impl Firsts {
    /// An empty table.
    pub(super) fn new() -> Self {
        Self { slots: vec![(0, 0); 1 << SLOTS_BITS], round: 0 }
    }

    /// Marks the first record of each key of one user.
    pub(super) fn mark(&mut self, records: &mut [u64], layout: &Layout) {
        if records.len() > self.slots.len() / 2 {
            return mark_sorted(records, layout);
        }
        self.begin();
        for record in records {
            *record |= u64::from(self.is_new(layout.key(*record))) * FIRST;
        }
    }

    fn begin(&mut self) {
        self.round = self.round.wrapping_add(1);
        if self.round == 0 {
            self.slots.fill((0, 0));
            self.round = 1;
        }
    }

    fn is_new(&mut self, key: u64) -> bool {
        // The golden ratio spreads keys that differ in low digits only; half of the slots stay free, so that the search ends.
        let mut at = (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - SLOTS_BITS)) as usize;
        while self.slots[at].1 == self.round {
            if self.slots[at].0 == key {
                return false;
            }
            at = (at + 1) % self.slots.len();
        }
        self.slots[at] = (key, self.round);
        true
    }
}

fn mark_sorted(records: &mut [u64], layout: &Layout) {
    records.sort_unstable();
    let mut last = None;
    for record in records {
        let key = layout.key(*record);
        *record |= u64::from(last.replace(key) != Some(key)) * FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decay::Decay;

    #[test]
    fn each_key_is_marked_once_for_each_user_however_many_there_are() {
        let layout = Layout::new(1 << 20, (0, 40), Decay::from_day(40, Some(1.0))).unwrap();
        let mut firsts = Firsts::new();
        for (records, keys) in [(10, 3), (2_000, 2_000), (2_048, 700), (2_049, 700), (9_000, 1)] {
            let mut of_user: Vec<u64> = (0..records).map(|at| layout.record(at * 7919 % keys, at % 20)).collect();
            firsts.mark(&mut of_user, &layout);
            let mut marked: Vec<u64> = of_user.iter().filter(|r| **r & FIRST > 0).map(|r| layout.key(*r)).collect();
            marked.sort_unstable();
            assert_eq!(marked, (0..keys).collect::<Vec<_>>(), "{records} {keys}");
        }
    }
}
