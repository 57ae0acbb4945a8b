//! Smoothed counts with a window or a half-life of their own, to find which pays.
//!
//! It only makes the tables that it is told to; which is best is said elsewhere.

use super::walk::{Answering, Asked, Lists, Stretch};
use crate::drift::days::{DayCounts, TableOf};
use crate::rank::Ranking;
use crate::smooth::Smoothed;

/// How old an event may be, and how fast it fades.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Memory {
    /// Only so many days before the refresh count; `None` is all.
    pub window_days: Option<i32>,
    /// An event counts half after so many days; `None` is never.
    pub half_life_days: Option<f64>,
}

/// Answers from smoothed counts alone.
#[derive(Clone, Copy, Debug)]
pub struct Counted<'a> {
    /// The counts by day.
    pub days: &'a DayCounts,
    /// Which of them make a table.
    pub memory: Memory,
}

impl Memory {
    /// What makes the table of a day.
    pub fn before(self, day: i32) -> TableOf {
        TableOf { window_days: self.window_days, half_life_days: self.half_life_days, ..TableOf::before(day) }
    }
}

impl Answering for Counted<'_> {
    type Table = Smoothed;

    fn contenders(&self) -> usize {
        1
    }

    fn table(&self, stretch: &Stretch) -> Smoothed {
        self.days.table(&self.memory.before(stretch.day))
    }

    fn rank(&self, smoothed: &Smoothed, _: &Stretch, asked: &Asked<'_>) -> Vec<Lists> {
        let rank = |history: &&[u32]| {
            let (length, key) = self.days.key(history);
            Ranking::new(smoothed, length, key).map(|(cluster, _)| cluster).collect()
        };
        vec![asked.histories.iter().map(rank).collect()]
    }
}
