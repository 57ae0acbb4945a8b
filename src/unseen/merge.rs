//! Counts of many spans as one, scaled to what all requests would have given; it must never hide what is missing.

use std::collections::HashMap;
use std::io::BufRead;

use super::History;
use super::file::{Header, Row, Span, UnseenError};
use crate::snapshot::manifest::Version;

/// Counts of spans, being added up.
#[derive(Debug, Default)]
pub struct Merge {
    counts: HashMap<History, Scaled>,
    headers: Vec<Header>,
    length_max: Option<usize>,
}

/// Counts divided by their samples' shares.
#[derive(Clone, Copy, Debug, Default)]
struct Scaled {
    count: f64,
    missed_max: f64,
}

impl Merge {
    /// Histories are cut to their most recent `length_max` clusters first, if given.
    pub fn new(length_max: Option<usize>) -> Self {
        Self { length_max, ..Self::default() }
    }

    /// Adds every span of a file, or of several files one after the other.
    pub fn add(&mut self, input: impl BufRead) -> Result<(), UnseenError> {
        let (counts, length_max) = (&mut self.counts, self.length_max);
        let headers = Span::read(input, &mut |header, row| {
            let kept = row.history.len().saturating_sub(length_max.unwrap_or(usize::MAX));
            let scaled = counts.entry(History::of(&row.history[kept..])).or_default();
            scaled.count += row.count as f64 / header.sample;
            scaled.missed_max += row.missed_max as f64 / header.sample;
        })?;
        self.headers.extend(headers);
        Ok(())
    }

    /// All of it as one span of sample 1.
    pub fn finish(self) -> Span {
        let row = |(history, scaled): (&History, &Scaled)| Row {
            history: history.as_slice().to_vec(),
            count: scaled.count.round() as u64,
            missed_max: scaled.missed_max.round() as u64,
        };
        let rows = self.counts.iter().map(row).collect();
        Span::new(self.header(), rows)
    }

    fn header(&self) -> Header {
        let from_unix_s = self.headers.iter().map(|header| header.from_unix_s).min().unwrap_or_default();
        let to_unix_s = self.headers.iter().map(|header| header.to_unix_s).max().unwrap_or_default();
        let dropped: f64 = self.headers.iter().map(|header| header.dropped as f64 / header.sample).sum();
        Header::new(self.release(), [from_unix_s, to_unix_s], 1.0).with_dropped(dropped.round() as u64)
    }

    /// The release of all of them, if it is one.
    fn release(&self) -> Option<Version> {
        let (first, others) = self.headers.split_first()?;
        let same = others.iter().all(|header| header.release == first.release);
        first.release.clone().filter(|_| same)
    }
}
