//! Asks tables of any day about what really came next, for whoever compares tables.
//!
//! All tables are asked the same requests. What a table may hold is decided by who asks, before anything is asked.

use crate::drift::days::{DayCounts, TableOf, lot, start_us};
use crate::examples::{Example, Examples};
use crate::measure::{Outcomes, Rankings};
use crate::rank::Ranking;
use crate::sequence::Mode;
use crate::smooth::Smoothed;

/// Clusters of a ranking that any figure looks at.
const TOP: usize = 10;

/// The most requests that are asked; of a larger log, some users are.
const REQUESTS_MAX: usize = 100_000;

/// The requests of a log, by day.
#[derive(Clone, Debug)]
pub struct Requests<'a> {
    /// All of them.
    pub examples: &'a Examples,
    /// The counts that answer.
    pub days: &'a DayCounts,
    /// Says which clusters can never come next.
    pub mode: Mode,
    /// The share of users who are asked.
    share: f64,
}

impl<'a> Requests<'a> {
    /// The requests of a log, of so many users that they are not too many.
    pub fn new(examples: &'a Examples, days: &'a DayCounts, mode: Mode) -> Self {
        let share = (REQUESTS_MAX as f64 / examples.len().max(1) as f64).min(1.0);
        Self { examples, days, mode, share }
    }

    /// The share of users who are asked.
    pub fn share(&self) -> f64 {
        self.share
    }

    /// The requests of a UTC day.
    pub fn of_day(&self, day: i32) -> Vec<Example<'a>> {
        let range = self.examples.place_at(start_us(day))..self.examples.place_at(start_us(day + 1));
        let asked = |example: &Example<'_>| f64::from(lot(example.user, 0)) <= self.share * f64::from(u32::MAX);
        self.examples.iter(range).filter(asked).collect()
    }

    /// What came of asking tables about days in ascending order: for each day, the table that `of` gives for it. A table that serves several
    /// days is made once.
    pub fn ask(&self, asked: impl IntoIterator<Item = i32>, of: impl Fn(i32) -> TableOf) -> Outcomes {
        let mut outcomes = Outcomes::new(self.days.clusters());
        let mut held: Option<(TableOf, Smoothed)> = None;
        for day in asked {
            let wanted = of(day);
            if held.as_ref().is_none_or(|(has, _)| *has != wanted) {
                held = Some((wanted, self.days.table(&wanted)));
            }
            if let Some((_, table)) = &held {
                self.put(day, table, &mut outcomes);
            }
        }
        outcomes
    }

    fn put(&self, day: i32, table: &Smoothed, outcomes: &mut Outcomes) {
        let requests = self.of_day(day);
        let mut rankings = Rankings::default();
        for request in &requests {
            let (length, key) = self.days.key(request.history);
            let ranked = Ranking::new(table, length, key).map(|(cluster, _)| cluster);
            // Those that can never come next are passed over later.
            rankings.push(ranked.take(TOP + self.mode.barred(request.history).len()));
        }
        outcomes.extend(&requests, &rankings, self.mode);
    }
}
