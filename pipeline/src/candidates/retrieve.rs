//! What a release of some counts would retrieve for a history: the record of the longest part of it that the table would hold.
//!
//! It reads the counts as the table would store them, without a table.

use segue::model::prompt::Context;
use segue::snapshot::table::Score;

use crate::candidates::choose::Choice;
use crate::smooth::Smoothed;

/// Counts, seen through the table that a release would make of them.
#[derive(Clone, Copy, Debug)]
pub struct Retrieval<'a> {
    /// The counts.
    pub smoothed: &'a Smoothed,
    /// What the table would hold of them.
    pub choice: Choice,
}

impl Retrieval<'_> {
    /// The context that a release would give.
    pub fn retrieve(&self, history: &[u32]) -> Context {
        let (matched, key) = self.longest_suffix(history);
        self.record(matched, key)
    }

    /// The last clusters of a history, as many as are counted, with their key.
    pub fn counted_suffix<'h>(&self, history: &'h [u32]) -> (&'h [u32], u64) {
        let suffix = &history[history.len().saturating_sub(self.smoothed.levels.len())..];
        let clusters = u64::from(self.smoothed.clusters);
        (suffix, suffix.iter().fold(0, |key, cluster| key * clusters + u64::from(*cluster)))
    }

    /// The length and the key of the longest suffix of a history that a release would hold; length 0 is the popular list.
    pub fn longest_suffix(&self, history: &[u32]) -> (usize, u64) {
        let (suffix, key) = self.counted_suffix(history);
        let keys = (1..=suffix.len()).rev().map(|length| (length, self.smoothed.without_oldest(key, length)));
        keys.into_iter().find(|(length, key)| self.choice.has(self.smoothed, *length, *key)).unwrap_or_default()
    }

    /// The record of a history of a length, given by its key: scores as the table stores them and a release gives them back.
    /// Empty where nothing was counted.
    pub fn record(&self, matched: usize, key: u64) -> Context {
        let row = self.choice.row(self.smoothed, matched, key);
        let stored = |(cluster, score): (u32, f32)| Some((cluster, Score::nearest(score)?.value()));
        Context { matched, continuations: row.candidates.into_iter().filter_map(stored).collect() }
    }
}
