//! Reads events from files of any format, row by row, into a sorter.
//!
//! The formats only find the fields of a row; what a field means is decided once, in [`decode`], so that one log in three formats gives
//! the same events. No reader holds more than one row (or one batch of Parquet) in memory.

use std::path::Path;

use crate::event::Event;
use crate::progress::Progress;
use crate::refusals::{Reason, Refusal, Refusals};
use crate::sort::Sorter;

pub mod error;
pub mod field;
pub mod source;
mod csv;
mod jsonl;
pub(crate) mod parquet;
pub mod decode;

pub use decode::{Decoder, Target};
pub use error::ReadError;
pub use field::{Columns, Field, RawRow, RowSink, TimeUnit};
pub use source::{Format, Source};

/// Reads whole files and keeps what they add up to.
#[derive(Debug)]
pub struct EventReader<'a> {
    columns: &'a Columns,
    decoder: Decoder<'a>,
    refusals: Refusals,
    sorter: Sorter<Event>,
    tally: Tally,
    file: String,
}

/// What reading added up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows met, used or not.
    pub rows: u64,
    /// Rows that became events.
    pub events: u64,
    /// Sound rows left out because their weight is below the minimum.
    pub below_weight: u64,
    /// Users met.
    pub users: u64,
    /// The first and the last event's time in microseconds; `None` without events.
    pub window_us: Option<(i64, i64)>,
}

/// The events, not yet in order, with what was met on the way.
#[derive(Debug)]
pub struct Events {
    /// Holds the events.
    pub sorter: Sorter<Event>,
    /// The figures.
    pub tally: Tally,
    /// The rows that could not be used.
    pub refusals: Refusals,
    /// The [hash](crate::users::hash_of_text) of each user, by number.
    pub hashes: Vec<u64>,
}

impl Tally {
    /// Counts one more event.
    #[inline]
    pub fn add_event(&mut self, time_us: i64) {
        self.events += 1;
        let (first, last) = self.window_us.unwrap_or((time_us, time_us));
        self.window_us = Some((first.min(time_us), last.max(time_us)));
    }

    /// Adds what another part of the log added up to; users may be in both, and are not added.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.events += other.events;
        self.below_weight += other.below_weight;
        let spans = [self.window_us, other.window_us].into_iter().flatten();
        self.window_us = spans.reduce(|left, right| (left.0.min(right.0), left.1.max(right.1)));
    }
}

impl<'a> EventReader<'a> {
    /// A reader that fills `sorter` and enters what it cannot use in `refusals`.
    pub fn new(columns: &'a Columns, decoder: Decoder<'a>, refusals: Refusals, sorter: Sorter<Event>) -> Self {
        Self { columns, decoder, refusals, sorter, tally: Tally::default(), file: String::new() }
    }

    /// Reads one file to its end.
    ///
    /// # Errors
    /// When the file cannot be read or lacks a column; at the first refused row when strict.
    pub fn read(&mut self, path: &Path, format: Format, progress: &Progress) -> Result<(), ReadError> {
        self.read_source(&Source::new(path, progress), &source::file_name(path), format)
    }

    /// The same of a file that is open, which refusals call `name`.
    ///
    /// # Errors
    /// Those of [`EventReader::read`].
    pub fn read_source(&mut self, source: &Source<'_>, name: &str, format: Format) -> Result<(), ReadError> {
        name.clone_into(&mut self.file);
        let columns = self.columns;
        rows(source, columns, (format, self))
    }

    /// Everything that was read.
    pub fn finish(mut self) -> Events {
        self.tally.users = self.decoder.users() as u64;
        Events { sorter: self.sorter, tally: self.tally, refusals: self.refusals, hashes: self.decoder.into_hashes() }
    }

    fn keep(&mut self, event: Event) -> Result<(), ReadError> {
        self.tally.add_event(event.time_us);
        Ok(self.sorter.push(event)?)
    }
}

/// Finds every row of a file.
pub(crate) fn rows(
    source: &Source<'_>,
    columns: &Columns,
    (format, sink): (Format, &mut dyn RowSink),
) -> Result<(), ReadError> {
    match format {
        Format::Csv => csv::read(source, columns, sink),
        Format::Jsonl => jsonl::read(source, columns, sink),
        Format::Parquet => parquet::read(source, columns, sink),
    }
}

impl RowSink for EventReader<'_> {
    fn row(&mut self, row: RawRow<'_>) -> Result<(), ReadError> {
        match self.decoder.decode(&row) {
            Ok(Some(event)) => {
                self.tally.rows += 1;
                self.keep(event)
            }
            Ok(None) => {
                self.tally.rows += 1;
                self.tally.below_weight += 1;
                Ok(())
            }
            Err(refused) => self.bad(row.row, refused.reason, &refused.got),
        }
    }

    fn bad(&mut self, row: u64, reason: Reason, got: &str) -> Result<(), ReadError> {
        self.tally.rows += 1;
        Ok(self.refusals.refuse(Refusal::new(&self.file, row, reason, got))?)
    }
}
