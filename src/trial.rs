//! A release on trial beside the one that serves: what its answers are counted by, who compares them, and who ends it.
//!
//! A request pays for a trial only while one is on, and never waits for it.

use std::sync::Arc;

use crate::snapshot::live::Live;

pub mod figures;
pub mod judge;
pub mod spread;
pub mod tally;

use figures::TrialFigures;
use tally::Totals;

/// The trial's part of the room: every door's answers come by here.
#[derive(Debug)]
pub struct Trials {
    live: Arc<Live>,
}

impl Trials {
    /// Watches what is lined up in `live`.
    pub fn new(live: Arc<Live>) -> Self {
        Self { live }
    }

    /// The trial that is on and what it showed so far; `None` while none is.
    pub fn figures(&self) -> Option<TrialFigures> {
        TrialFigures::of(self.live.lineup()?.as_ref(), &self.totals())
    }

    /// What all trials counted since the start of the process.
    pub fn totals(&self) -> Totals {
        self.live.tally().totals()
    }
}
