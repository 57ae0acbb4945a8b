//! Events of a box of users as a stream of words of eight bytes: the user once for a run of their events, then one word an event.
//!
//! ```text
//! 1 user's hash without its highest bit, which the box says
//! 0 0 microseconds since 2000, then the cluster
//! 0 1 cluster; the next word is the time          where the word above has no room
//! ```

use crate::event::Event;

/// Marks a user.
const USER: u64 = 1 << 63;

/// Marks an event of two words.
const WIDE: u64 = 1 << 62;

/// The first microsecond of 2000: most times are after it.
const BASE_US: i64 = 946_684_800_000_000;

/// How events become words, by the number of clusters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    cluster_bits: u32,
}

/// Either one word or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoded {
    Narrow(u64),
    Wide(u64, u64),
}

impl Words {
    /// For events of so many clusters.
    pub(super) fn new(clusters: usize) -> Self {
        Self { cluster_bits: usize::BITS - clusters.saturating_sub(1).leading_zeros() }
    }

    /// The word that begins a user's run.
    pub(super) fn user(hash: u64) -> u64 {
        hash | USER
    }

    /// The hash of the user whose run a word begins; `None` where it begins none. `highest` is the hash's highest bit.
    pub(super) fn run(word: u64, highest: u64) -> Option<u64> {
        (word & USER != 0).then_some((word & !USER) | (highest << 63))
    }

    /// An event.
    #[inline]
    pub(super) fn encode(self, time_us: i64, cluster: u32) -> Encoded {
        let since = time_us.wrapping_sub(BASE_US).cast_unsigned();
        match since >> (WIDE.trailing_zeros() - self.cluster_bits) {
            0 if time_us >= BASE_US => Encoded::Narrow(since << self.cluster_bits | u64::from(cluster)),
            _ => Encoded::Wide(WIDE | u64::from(cluster), time_us.cast_unsigned()),
        }
    }

    /// How many words the event takes that begins with this one.
    #[inline]
    pub(super) fn length(word: u64) -> usize {
        1 + usize::from(word & WIDE != 0)
    }

    /// The event that begins with the first word, of user 0.
    #[inline]
    pub(super) fn decode(self, words: &[u64]) -> Event {
        let cluster = |word: u64| (word & ((1 << self.cluster_bits) - 1)) as u32;
        match *words {
            [first, time, ..] if first & WIDE != 0 => {
                Event { user: 0, cluster: first as u32, time_us: time.cast_signed() }
            }
            [first, ..] => {
                let time_us = (first >> self.cluster_bits).cast_signed() + BASE_US;
                Event { user: 0, cluster: cluster(first), time_us }
            }
            [] => Event { user: 0, cluster: 0, time_us: 0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_and_user_comes_back() {
        let times = [i64::MIN, -1, 0, BASE_US - 1, BASE_US, 1_735_689_600_000_000, 1 << 52, i64::MAX];
        for clusters in [1, 2, 761, 1 << 17, u32::MAX as usize] {
            let words = Words::new(clusters);
            for time_us in times {
                for cluster in [0, clusters as u32 / 2, clusters as u32 - 1] {
                    let encoded = match words.encode(time_us, cluster) {
                        Encoded::Narrow(word) => vec![word],
                        Encoded::Wide(word, time) => vec![word, time],
                    };
                    assert_eq!(Words::length(encoded[0]), encoded.len());
                    assert_eq!(Words::run(encoded[0], 1), None);
                    assert_eq!(words.decode(&encoded), Event { user: 0, cluster, time_us }, "{clusters}");
                }
            }
        }
        assert!(matches!(Words::new(761).encode(1_735_689_600_000_000, 7), Encoded::Narrow(_)));
        for hash in [0, 5, u64::MAX, 1 << 63] {
            assert_eq!(Words::run(Words::user(hash), hash >> 63), Some(hash));
        }
    }
}
