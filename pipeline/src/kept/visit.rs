//! Counts the users that one thread sees: steps into rows to sort, standings to carry on, tails.
//!
//! It must never touch what another thread counts; all of it is added up after.

use std::path::Path;

use rustc_hash::FxHashMap;

use crate::event::Event;
use crate::kept::Request;
use crate::kept::carried::Carried;
use crate::kept::format::REQUEST_HISTORY_MAX;
use crate::kept::gram::{Gram, History, Key, history};
use crate::kept::walk::{Counted, Standing, Walked, Walker, last};
use crate::scan::Visitor;
use crate::sort::{SortError, Sorted, Sorter};

/// Of the memory for rows, the share of the steps; standings and requests have one such part each.
const GRAM_MEMORY_PARTS: usize = 6;

/// What all visitors share.
#[derive(Clone, Copy, Debug)]
pub struct Shared<'a> {
    /// How sequences go on.
    pub walker: &'a Walker,
    /// Where they stand.
    pub carried: &'a Carried,
    /// The share of users whose steps are kept as requests.
    pub request_users_share: f64,
    /// Bytes of rows that one visitor holds.
    pub memory_bytes: usize,
    /// Where more go.
    pub spill_dir: &'a Path,
}

/// One thread's counts.
#[derive(Debug)]
pub struct Count<'a> {
    shared: Shared<'a>,
    rows: Rows,
    tails: FxHashMap<History, i64>,
    walked: Walked,
    /// The first failure, since a visit cannot fail.
    failure: Option<SortError>,
}

/// Rows being gathered.
#[derive(Debug)]
struct Rows {
    grams: Sorter<Gram>,
    standings: Sorter<Standing>,
    requests: Sorter<Request>,
}

/// One thread's counts, sorted.
#[derive(Debug)]
pub struct CountedUsers {
    /// A row for each step and each length of history.
    pub grams: Sorted<Gram>,
    /// Where the users now stand.
    pub standings: Sorted<Standing>,
    /// The steps to be predicted; clusters are dense indexes.
    pub requests: Sorted<Request>,
    /// Where users went to, and where they no longer are.
    pub tails: FxHashMap<History, i64>,
    /// What walking added up to.
    pub walked: Walked,
}

impl<'a> Count<'a> {
    /// A visitor that has seen nobody.
    pub fn new(shared: Shared<'a>) -> Self {
        let part = (shared.memory_bytes / (GRAM_MEMORY_PARTS + 2)).max(1);
        let rows = Rows {
            grams: Sorter::new(shared.spill_dir, part * GRAM_MEMORY_PARTS),
            standings: Sorter::new(shared.spill_dir, part),
            requests: Sorter::new(shared.spill_dir, part),
        };
        Self { shared, rows, tails: FxHashMap::default(), walked: Walked::default(), failure: None }
    }

    /// What was counted.
    ///
    /// # Errors
    /// When rows could not be spilled.
    pub fn finish(self) -> Result<CountedUsers, SortError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        Ok(CountedUsers {
            grams: self.rows.grams.finish()?,
            standings: self.rows.standings.finish()?,
            requests: self.rows.requests.finish()?,
            tails: self.tails,
            walked: self.walked,
        })
    }

    fn count(&mut self, user: i64, events: &[Event]) -> Result<(), SortError> {
        let before = self.shared.carried.of(user);
        let was_at = before.as_ref().map_or(History::default(), |before| self.place(&before.tail));
        let (depth, requested) = (self.shared.walker.depth, self.requested(user));
        let rows = &mut self.rows;
        let mut pushed = Ok(());
        let (standing, walked) = self.shared.walker.walk((user, before), events, |step| {
            if pushed.is_ok() {
                pushed = rows.push(&step, depth).and_then(|()| rows.request(&step, requested));
            }
        });
        pushed?;
        self.walked += walked;
        self.moved(was_at, self.place(&standing.tail));
        self.rows.standings.push(standing)
    }

    /// Notes where a user went; nobody is at the empty history.
    fn moved(&mut self, from: History, to: History) {
        if from == to {
            return;
        }
        for (place, users) in [(from, -1), (to, 1)] {
            if place != History::default() {
                *self.tails.entry(place).or_default() += users;
            }
        }
    }

    fn place(&self, tail: &[u32]) -> History {
        history(tail, tail.len().min(self.shared.walker.depth))
    }

    /// Whether a user's steps are kept as requests: their hash is as good as a draw, and the same in every run.
    fn requested(&self, user: i64) -> bool {
        let draw = user.cast_unsigned() as f64 / u64::MAX as f64;
        draw < self.shared.request_users_share || self.shared.request_users_share >= 1.0
    }
}

impl Visitor for Count<'_> {
    fn user(&mut self, user: u64, events: &[Event]) {
        if self.failure.is_none() {
            self.failure = self.count(user.cast_signed(), events).err();
        }
    }
}

impl Rows {
    /// A row for each length of history.
    fn push(&mut self, step: &Counted<'_>, depth: usize) -> Result<(), SortError> {
        let lengths = 0..=depth.min(step.history.len());
        lengths
            .map(|length| Key { history: history(step.history, length), next: step.next, day: step.day })
            .try_for_each(|key| self.grams.push(Gram { key, user: step.user }))
    }

    fn request(&mut self, step: &Counted<'_>, requested: bool) -> Result<(), SortError> {
        if !requested || step.history.is_empty() {
            return Ok(());
        }
        self.requests.push(Request {
            user: step.user.cast_unsigned(),
            time_us: step.time_us,
            history: last(step.history, REQUEST_HISTORY_MAX).to_vec(),
            next: step.next,
        })
    }
}
