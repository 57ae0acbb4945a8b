//! Events as they were read: columns, with the user named once for each run of their events.
//!
//! 12 bytes an event where a log is sorted by user, 24 at worst.

use std::ops::Range;

use crate::spill::held::Chunk;

/// Events in the order in which they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    users: Vec<u64>,
    lengths: Vec<u32>,
    times_us: Vec<i64>,
    clusters: Vec<u32>,
}

/// Consecutive events of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The user's hash.
    pub user: u64,
    /// The places of the events.
    pub places: Range<usize>,
}

impl Rows {
    /// Adds an event.
    #[inline]
    pub fn push(&mut self, user: u64, time_us: i64, cluster: u32) {
        match (self.users.last(), self.lengths.last_mut()) {
            (Some(last), Some(length)) if *last == user => *length += 1,
            _ => {
                self.users.push(user);
                self.lengths.push(1);
            }
        }
        self.times_us.push(time_us);
        self.clusters.push(cluster);
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.clusters.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.clusters.is_empty()
    }

    /// The runs, in order.
    pub fn runs(&self) -> impl Iterator<Item = Run> + '_ {
        let mut start = 0;
        self.users.iter().zip(&self.lengths).map(move |(user, length)| {
            let places = start..start + *length as usize;
            start = places.end;
            Run { user: *user, places }
        })
    }

    /// The times and clusters of a run.
    pub fn events(&self, places: Range<usize>) -> impl Iterator<Item = (i64, u32)> + '_ {
        self.times_us[places.clone()].iter().copied().zip(self.clusters[places].iter().copied())
    }

    /// All events in no more memory than they need; what is left is empty and keeps its memory.
    #[must_use]
    pub fn take_exact(&mut self) -> Self {
        let exact = self.clone();
        self.users.clear();
        self.lengths.clear();
        self.times_us.clear();
        self.clusters.clear();
        exact
    }
}

/// The number of runs, the number of events, then the columns.
impl Chunk for Rows {
    fn bytes(&self) -> usize {
        self.users.capacity() * 8
            + self.lengths.capacity() * 4
            + self.times_us.capacity() * 8
            + self.clusters.capacity() * 4
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.users.len() as u64).to_le_bytes());
        self.users.iter().for_each(|user| out.extend_from_slice(&user.to_le_bytes()));
        self.times_us.iter().for_each(|time_us| out.extend_from_slice(&time_us.to_le_bytes()));
        self.lengths.iter().chain(&self.clusters).for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
    }

    fn read(bytes: &[u8]) -> Self {
        let (longs, _) = bytes.as_chunks::<8>();
        let runs = longs.first().map_or(0, |runs| u64::from_le_bytes(*runs) as usize);
        // Of what is left after the number of runs and their users and lengths, each event takes twelve bytes.
        let events = (bytes.len() - 8 - runs * 12) / 12;
        let (users, times) = longs[1..1 + runs + events].split_at(runs);
        let (shorts, _) = bytes[8 * (1 + runs + events)..].as_chunks::<4>();
        let (lengths, clusters) = shorts.split_at(runs);
        Self {
            users: users.iter().map(|user| u64::from_le_bytes(*user)).collect(),
            lengths: lengths.iter().map(|length| u32::from_le_bytes(*length)).collect(),
            times_us: times.iter().map(|time| i64::from_le_bytes(*time)).collect(),
            clusters: clusters.iter().map(|cluster| u32::from_le_bytes(*cluster)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_bytes_give_back_every_event() {
        let events = [(7, -1, 3), (7, 5, 1), (9, 2, 0), (7, 2, 8), (7, i64::MAX, u32::MAX)];
        let mut rows = Rows::default();
        events.iter().for_each(|(user, time_us, cluster)| rows.push(*user, *time_us, *cluster));
        let runs: Vec<Run> = rows.runs().collect();
        assert_eq!(runs.len(), 3);
        let again: Vec<(u64, i64, u32)> = runs
            .into_iter()
            .flat_map(|run| rows.events(run.places).map(move |(time_us, cluster)| (run.user, time_us, cluster)))
            .collect();
        assert_eq!(again, events);
        for rows in [rows, Rows::default()] {
            let mut bytes = Vec::new();
            rows.write(&mut bytes);
            assert_eq!(Rows::read(&bytes), rows);
        }
    }
}
