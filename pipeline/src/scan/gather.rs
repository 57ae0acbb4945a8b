//! Puts the events of one box of users in order: by user, by time, and by what decides between equal times.

use rustc_hash::FxHashMap;

use super::Ties;
use super::rows::Row;
use crate::event::Event;

/// Scratch space that serves one box after the other.
#[derive(Debug, Default)]
pub(super) struct Gather {
    /// The box's events in the order in which they were read; whoever fills it calls [`Gather::each_user`] then.
    pub(super) rows: Vec<Row>,
    numbers: FxHashMap<u64, u32>,
    users: Vec<User>,
    /// Which user each run of rows of one user is of, and how many rows it has.
    runs: Vec<(u32, u32)>,
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
    /// Shows each user of the rows to `visit`, by hash, and says how many there were.
    pub(super) fn each_user(&mut self, ties: Ties, mut visit: impl FnMut(u64, &[Event])) -> u64 {
        self.number();
        let order = self.places();
        self.place();
        for number in &order {
            let user = self.users[*number as usize];
            let events = &mut self.events[user.end - user.events..user.end];
            sort(events, ties);
            visit(user.hash, events);
        }
        self.rows.clear();
        order.len() as u64
    }

    /// Numbers the users and counts the events of each.
    fn number(&mut self) {
        self.numbers.clear();
        self.users.clear();
        self.runs.clear();
        for run in self.rows.chunk_by(|left, right| left.user() == right.user()) {
            let next = self.users.len() as u32;
            let hash = run[0].user();
            let number = *self.numbers.entry(hash).or_insert(next);
            if number == next {
                self.users.push(User { hash, events: 0, end: 0 });
            }
            self.users[number as usize].events += run.len();
            self.runs.push((number, run.len() as u32));
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
        // What is there from the box before is written over.
        if self.events.len() < end {
            self.events.resize(end, Event { user: 0, cluster: 0, time_us: 0 });
        }
        order
    }

    /// Copies each run behind those of its user before it.
    fn place(&mut self) {
        let mut rows = self.rows.iter();
        for (number, length) in &self.runs {
            let user = &mut self.users[*number as usize];
            let into = &mut self.events[user.end..user.end + *length as usize];
            user.end += into.len();
            into.iter_mut().zip(&mut rows).for_each(|(event, row)| *event = row.event());
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
