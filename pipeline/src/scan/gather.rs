//! Puts the events of one box of users in order: by user, by time, and by what decides between equal times.

use rustc_hash::FxHashMap;

use super::Ties;
use super::words::Words;
use crate::event::Event;

/// Scratch space that serves one box after the other.
#[derive(Debug)]
pub(super) struct Gather {
    /// The box's events in the order in which they were read; whoever fills it calls [`Gather::each_user`] then.
    pub(super) stream: Vec<u64>,
    words: Words,
    numbers: FxHashMap<u64, u32>,
    users: Vec<User>,
    runs: Vec<Run>,
    events: Vec<Event>,
}

#[derive(Clone, Copy, Debug)]
struct User {
    hash: u64,
    events: usize,
    /// Where the next event goes; where the last one ends, once all are placed.
    end: usize,
}

/// Consecutive events of one user.
#[derive(Clone, Copy, Debug)]
struct Run {
    user: u32,
    events: u32,
}

impl Gather {
    /// Nothing gathered yet.
    pub(super) fn new(words: Words) -> Self {
        let (stream, users, runs, events) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { stream, words, numbers: FxHashMap::default(), users, runs, events }
    }

    /// Shows each user of the stream to `visit`, by hash, and says how many there were. `highest` is the highest bit of all their hashes.
    pub(super) fn each_user(&mut self, highest: u64, ties: Ties, mut visit: impl FnMut(u64, &[Event])) -> u64 {
        self.number(highest);
        let order = self.places();
        self.place();
        for number in &order {
            let user = self.users[*number as usize];
            let events = &mut self.events[user.end - user.events..user.end];
            sort(events, ties);
            visit(user.hash, events);
        }
        self.stream.clear();
        order.len() as u64
    }

    /// Numbers the users and counts the events of each.
    fn number(&mut self, highest: u64) {
        self.numbers.clear();
        self.users.clear();
        self.runs.clear();
        let mut at = 0;
        while let Some(hash) = self.stream.get(at).and_then(|word| Words::run(*word, highest)) {
            let events = self.run(&mut at, highest);
            let next = self.users.len() as u32;
            let user = *self.numbers.entry(hash).or_insert(next);
            if user == next {
                self.users.push(User { hash, events: 0, end: 0 });
            }
            self.users[user as usize].events += events as usize;
            self.runs.push(Run { user, events });
        }
    }

    /// Goes past the run that begins at a place, and says how many events it has.
    fn run(&self, at: &mut usize, highest: u64) -> u32 {
        let mut events = 0;
        *at += 1;
        while let Some(word) = self.stream.get(*at).filter(|word| Words::run(**word, highest).is_none()) {
            *at += Words::length(*word);
            events += 1;
        }
        events
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
        let mut at = 0;
        for run in &self.runs {
            let user = &mut self.users[run.user as usize];
            let into = &mut self.events[user.end..user.end + run.events as usize];
            user.end += into.len();
            at += 1;
            for event in into {
                *event = self.words.decode(&self.stream[at..]);
                at += Words::length(self.stream[at]);
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
