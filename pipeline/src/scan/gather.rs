//! Puts the events of one box of users in order: by user, by time, and by what decides between equal times.

use rustc_hash::FxHashMap;

use super::Ties;
use super::rows::Rows;
use crate::event::Event;

/// Scratch space that serves one box after the other.
#[derive(Debug, Default)]
pub(super) struct Gather {
    numbers: FxHashMap<u64, u32>,
    users: Vec<User>,
    /// Which user each run is of, runs in the order of chunks.
    runs: Vec<u32>,
    events: Vec<Event>,
}

#[derive(Clone, Copy, Debug)]
struct User {
    hash: u64,
    events: usize,
    /// Where the next event goes; where the last one ends, once all are placed.
    end: usize,
}

impl Gather {
    /// Shows each user of the chunks to `visit`, by hash, and says how many there were. Chunks are in the order in which they were read.
    pub(super) fn each_user(&mut self, chunks: Vec<Rows>, ties: Ties, mut visit: impl FnMut(u64, &[Event])) -> u64 {
        self.number(&chunks);
        let order = self.places();
        self.place(chunks);
        for number in &order {
            let user = self.users[*number as usize];
            let events = &mut self.events[user.end - user.events..user.end];
            sort(events, ties);
            visit(user.hash, events);
        }
        order.len() as u64
    }

    /// Numbers the users and counts the events of each.
    fn number(&mut self, chunks: &[Rows]) {
        self.numbers.clear();
        self.users.clear();
        self.runs.clear();
        for run in chunks.iter().flat_map(Rows::runs) {
            let next = self.users.len() as u32;
            let number = *self.numbers.entry(run.user).or_insert(next);
            if number == next {
                self.users.push(User { hash: run.user, events: 0, end: 0 });
            }
            self.users[number as usize].events += run.places.len();
            self.runs.push(number);
        }
    }

    /// Gives each user a stretch of the events, by hash.
    fn places(&mut self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.users.len() as u32).collect();
        order.sort_unstable_by_key(|number| self.users[*number as usize].hash);
        let mut end = 0;
        for number in &order {
            let user = &mut self.users[*number as usize];
            user.end = end;
            end += user.events;
        }
        self.events.clear();
        self.events.resize(end, Event { user: 0, cluster: 0, time_us: 0 });
        order
    }

    /// Copies each run behind those of its user before it; each chunk is freed as soon as it is copied.
    fn place(&mut self, chunks: Vec<Rows>) {
        let mut runs = self.runs.iter();
        for chunk in chunks {
            for (run, number) in chunk.runs().zip(&mut runs) {
                let user = &mut self.users[*number as usize];
                let into = &mut self.events[user.end..user.end + run.places.len()];
                user.end += run.places.len();
                for (event, (time_us, cluster)) in into.iter_mut().zip(chunk.events(run.places)) {
                    *event = Event { user: 0, cluster, time_us };
                }
            }
        }
    }
}

fn sort(events: &mut [Event], ties: Ties) {
    match ties {
        // Stable, so that equal times stay in the order in which they were read.
        Ties::AsRead if !events.is_sorted_by_key(|event| event.time_us) => events.sort_by_key(|event| event.time_us),
        Ties::ByCluster if !events.is_sorted_by_key(|event| (event.time_us, event.cluster)) => {
            events.sort_unstable_by_key(|event| (event.time_us, event.cluster));
        }
        _ => {}
    }
}
