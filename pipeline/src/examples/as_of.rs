//! The counts as of a time: what a release built at that time would hold.
//!
//! It counts with the very code that builds releases, and only events strictly before its time.

use segue::model::prompt::Context;

use crate::build::CountSettings;
use crate::candidates::choose::Choice;
use crate::candidates::retrieve::Retrieval;
use crate::count::{Counter, Counts};
use crate::decay::{Decay, US_PER_DAY};
use crate::event::Event;
use crate::examples::Log;
use crate::sequence::{Cutter, Mode, Rules};
use crate::smooth::{Constants, Smoothed};

/// How the counts are made: as a build with the same settings makes them.
#[derive(Clone, Debug)]
pub struct Counting {
    /// How a log is counted.
    pub count: CountSettings,
    /// The longest history that is counted.
    pub depth: u8,
    /// The most continuations of one history.
    pub width: u8,
}

/// The counts as of a time.
#[derive(Debug)]
pub struct AsOf<'a> {
    log: &'a Log,
    counting: &'a Counting,
    until_us: i64,
    smoothed: Smoothed,
}

impl Counting {
    /// Where sequences begin and end, in the whole log.
    pub fn rules(&self) -> Rules {
        Rules { mode: self.count.mode, gap_us: self.count.gap_days.map(us), since_us: None }
    }

    fn choice(&self) -> Choice {
        Choice { width: self.width, seen_min: self.count.seen_min, mode: self.count.mode }
    }

    fn counts<'e>(&self, clusters: u32, events: impl Iterator<Item = &'e Event> + Clone) -> Counts {
        let last_us = events.clone().map(|event| event.time_us).max().unwrap_or_default();
        let decay = Decay::new(last_us, self.count.half_life_days);
        let mut counter = Counter::new(clusters, self.depth, decay).with_user_day_max(self.count.user_day_max);
        let since_us = self.count.window_days.map(|days| last_us.saturating_sub(us(days)));
        let rules = Rules { since_us, ..self.rules() };
        let mut cutter = Cutter::new(rules, clusters as usize, |user, steps: &[_]| counter.add(user, steps));
        events.for_each(|event| cutter.push(*event));
        cutter.finish();
        counter.finish().with_users_min(self.count.users_min)
    }
}

impl<'a> AsOf<'a> {
    /// The counts as of the beginning of time: none.
    pub fn new(log: &'a Log, counting: &'a Counting) -> Self {
        let until_us = i64::MIN;
        Self { log, counting, until_us, smoothed: smoothed_before(until_us, log, counting) }
    }

    /// Probabilities that were counted elsewhere, of what came before a time.
    pub fn given(log: &'a Log, counting: &'a Counting, (until_us, smoothed): (i64, Smoothed)) -> Self {
        Self { log, counting, until_us, smoothed }
    }

    /// Moves to a time, forward or back: only events strictly before it count.
    pub fn advance(&mut self, until_us: i64) {
        if std::mem::replace(&mut self.until_us, until_us) != until_us {
            self.smoothed = smoothed_before(until_us, self.log, self.counting);
        }
    }

    /// The time that everything counted lies before.
    pub fn until_us(&self) -> i64 {
        self.until_us
    }

    /// The probabilities.
    pub fn smoothed(&self) -> &Smoothed {
        &self.smoothed
    }

    /// Which repeats stay in a sequence.
    pub fn mode(&self) -> Mode {
        self.counting.count.mode
    }

    /// The last clusters of a history, as many as are counted, with their key.
    pub fn counted_suffix<'h>(&self, history: &'h [u32]) -> (&'h [u32], u64) {
        self.retrieval().counted_suffix(history)
    }

    /// The length and the key of the longest suffix of a history that a release would hold; length 0 is the popular list.
    pub fn longest_suffix(&self, history: &[u32]) -> (usize, u64) {
        self.retrieval().longest_suffix(history)
    }

    /// The context that a release would give: the record of the longest suffix that it holds.
    pub fn retrieve(&self, history: &[u32]) -> Context {
        self.retrieval().retrieve(history)
    }

    /// The record of a history of a length, given by its key: scores as the table stores them and a release gives them back.
    /// Empty where nothing was counted.
    pub fn record(&self, matched: usize, key: u64) -> Context {
        self.retrieval().record(matched, key)
    }

    fn retrieval(&self) -> Retrieval<'_> {
        Retrieval { smoothed: &self.smoothed, choice: self.counting.choice() }
    }
}

fn smoothed_before(until_us: i64, log: &Log, counting: &Counting) -> Smoothed {
    let known = log.events.iter().filter(|event| event.time_us < until_us);
    let counts = counting.counts(log.clusters, known);
    Smoothed::new(counts, &Constants::new(&counting.count.smoothing, counting.depth))
}

fn us(days: f64) -> i64 {
    (days * US_PER_DAY) as i64
}
