//! Goes on with one user's sequence: which steps count, and where the sequence then stands.
//!
//! It never looks at another user, and never forgets what cutting needs: events in pieces give the very steps that all at once give.

use std::ops::AddAssign;

use crate::decay::day;
use crate::event::Event;
use crate::kept::format::REQUEST_HISTORY_MAX;
use crate::sequence::{Mode, Rules, SEQUENCE_ITEMS_MIN};

/// The last items that a later step can need, where a cluster may come twice: no depth is larger.
const NEEDED: usize = REQUEST_HISTORY_MAX;

/// Where a user's sequence stands between two runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The user's hash, as Parquet orders it.
    pub user: i64,
    /// The time of the last event in microseconds since 1970.
    pub last_us: i64,
    /// The clusters of the sequence, oldest first, as dense indexes: all of them where none may come twice, else the last ones.
    pub items: Vec<u32>,
    /// The time of the only item, which does not count yet.
    pub first_us: Option<i64>,
    /// The last UTC day on which a step counted.
    pub day: i32,
    /// How many steps counted on it.
    pub day_steps: u32,
    /// The last clusters of the last sequence that counted, oldest first.
    pub tail: Vec<u32>,
}

/// A step that counts.
#[derive(Clone, Copy, Debug)]
pub struct Counted<'a> {
    /// The user's hash.
    pub user: i64,
    /// The clusters before it in its sequence, oldest first; at least the last [`REQUEST_HISTORY_MAX`].
    pub history: &'a [u32],
    /// The cluster.
    pub next: u32,
    /// When, in microseconds since 1970.
    pub time_us: i64,
    /// Its UTC day.
    pub day: i32,
}

/// What walking added up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Users with an event.
    pub users: u64,
    /// Sequences that became two steps long.
    pub sequences: u64,
    /// Steps that count.
    pub steps: u64,
    /// The time of the earliest of them: before all events where an item that was met before counts only now.
    pub steps_from_us: Option<i64>,
    /// Steps beyond the bound of a user's day.
    pub over_bound: u64,
    /// Events that came too late.
    pub late: u64,
    /// Users whose events those are.
    pub late_users: u64,
    /// How far the latest lay before its user's last event, in microseconds.
    pub late_us_max: i64,
}

/// Walks users, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Walker {
    /// Where sequences begin and end, and whether repeats stay.
    pub rules: Rules,
    /// The longest history.
    pub depth: usize,
    /// Steps of one user and UTC day that count.
    pub user_day_max: u32,
}

impl Walker {
    /// Goes on with a user's sequence and hands on each step that counts. `events` are by time; `standing` is `None` for a new user.
    pub fn walk(
        &self,
        (user, standing): (i64, Option<Standing>),
        events: &[Event],
        step: impl FnMut(Counted<'_>),
    ) -> (Standing, Walked) {
        let known = standing.is_some();
        let mut walk = Walk {
            walker: self,
            at: standing.unwrap_or_else(|| Standing { user, last_us: i64::MIN, ..Standing::default() }),
            walked: Walked { users: 1, ..Walked::default() },
            step,
        };
        let late = events.iter().take_while(|event| known && event.time_us < walk.at.last_us).count();
        walk.leave_out(&events[..late]);
        events[late..].iter().for_each(|event| walk.event(event));
        walk.end()
    }
}

/// One user's walk.
struct Walk<'a, F> {
    walker: &'a Walker,
    at: Standing,
    walked: Walked,
    step: F,
}

impl<F: FnMut(Counted<'_>)> Walk<'_, F> {
    fn leave_out(&mut self, late: &[Event]) {
        let Some(first) = late.first() else { return };
        self.walked.late = late.len() as u64;
        self.walked.late_users = 1;
        self.walked.late_us_max = self.at.last_us.saturating_sub(first.time_us);
    }

    fn event(&mut self, event: &Event) {
        if self.walker.rules.gap_us.is_some_and(|gap_us| event.time_us.saturating_sub(self.at.last_us) > gap_us) {
            self.cut();
        }
        self.at.last_us = event.time_us;
        if !self.repeats(event.cluster) {
            self.take(event);
        }
    }

    fn repeats(&self, cluster: u32) -> bool {
        match self.walker.rules.mode {
            Mode::Distinct => self.at.items.contains(&cluster),
            Mode::Changes => self.at.items.last() == Some(&cluster),
            Mode::Raw => false,
        }
    }

    fn take(&mut self, event: &Event) {
        self.at.items.push(event.cluster);
        match (self.at.items.len(), self.at.first_us.take()) {
            (1, _) => self.at.first_us = Some(event.time_us),
            (length, first_us) => {
                if let Some(first_us) = first_us {
                    self.walked.sequences += 1;
                    self.count(0, first_us);
                }
                self.count(length - 1, event.time_us);
                self.forget(2 * NEEDED);
            }
        }
    }

    /// Counts the item at a place, unless the user's day is full.
    fn count(&mut self, place: usize, time_us: i64) {
        let day = day(time_us);
        if day != self.at.day {
            (self.at.day, self.at.day_steps) = (day, 0);
        }
        if self.at.day_steps >= self.walker.user_day_max {
            self.walked.over_bound += 1;
            return;
        }
        self.at.day_steps += 1;
        self.walked.steps += 1;
        self.walked.steps_from_us = earlier(self.walked.steps_from_us, Some(time_us));
        let (history, next) = (&self.at.items[..place], self.at.items[place]);
        (self.step)(Counted { user: self.at.user, history, next, time_us, day });
    }

    /// Ends the sequence.
    fn cut(&mut self) {
        self.settle();
        self.at.items.clear();
        self.at.first_us = None;
    }

    fn end(mut self) -> (Standing, Walked) {
        self.settle();
        self.forget(NEEDED);
        (self.at, self.walked)
    }

    /// Notes where the user is, if the sequence counts.
    fn settle(&mut self) {
        if self.at.items.len() >= SEQUENCE_ITEMS_MIN {
            self.at.tail = last(&self.at.items, self.walker.depth).to_vec();
        }
    }

    /// Drops the items that no later step can need, once there are more than `items_max` items.
    fn forget(&mut self, items_max: usize) {
        if self.walker.rules.mode != Mode::Distinct && self.at.items.len() > items_max {
            self.at.items.drain(..self.at.items.len() - NEEDED);
        }
    }
}

/// The last `length` items.
pub fn last(items: &[u32], length: usize) -> &[u32] {
    &items[items.len().saturating_sub(length)..]
}

fn earlier(one_us: Option<i64>, other_us: Option<i64>) -> Option<i64> {
    one_us.into_iter().chain(other_us).min()
}

impl AddAssign for Walked {
    fn add_assign(&mut self, other: Self) {
        self.users += other.users;
        self.sequences += other.sequences;
        self.steps += other.steps;
        self.steps_from_us = earlier(self.steps_from_us, other.steps_from_us);
        self.over_bound += other.over_bound;
        self.late += other.late;
        self.late_users += other.late_users;
        self.late_us_max = self.late_us_max.max(other.late_us_max);
    }
}
