//! A whole log in memory, in the order in which sequences are cut.
//!
//! 16 bytes an event: training walks the log once for every refresh, which a log on disk would make slow.

use crate::event::Event;
use crate::read::Events;
use crate::sort::SortError;

/// Events by user, then by time.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The events; those of equal user and time are in the order of their files.
    pub events: Vec<Event>,
    /// How many clusters the catalogue has.
    pub clusters: u32,
}

impl Log {
    /// The events that were read.
    ///
    /// # Errors
    /// When what was spilled while reading cannot be read back.
    pub fn collect(events: Events, clusters: u32) -> Result<Self, SortError> {
        Ok(Self { events: events.sorter.finish()?.collect::<Result<_, _>>()?, clusters })
    }

    /// The first and the last event's time; `None` without events.
    pub fn span_us(&self) -> Option<(i64, i64)> {
        let times_us = || self.events.iter().map(|event| event.time_us);
        Some((times_us().min()?, times_us().max()?))
    }
}
