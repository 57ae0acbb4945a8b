//! Every history that the counts or the model know, once, in a release's order, with the model's list where there is one.
//!
//! A merge of two sorted streams: neither is held in memory.

use std::cmp::Ordering;
use std::iter::Peekable;

use super::mix::Mixer;
use crate::candidates::PlacedCandidates;
use crate::candidates::choose::digits;
use crate::sort::{SortError, Sorted};

/// The histories to come.
pub(super) struct Rows<'a> {
    counted: Peekable<Box<dyn Iterator<Item = Vec<u32>> + 'a>>,
    given: Sorted<PlacedCandidates>,
    /// The next row given.
    ahead: Option<Row>,
    /// Histories that only the model knew.
    pub(super) of_model: u64,
    /// Histories that only the counts knew.
    pub(super) of_counts: u64,
    /// Rows given for a history that had one before: the first stands.
    pub(super) twice: u64,
}

/// A history and the model's list.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    pub(super) history: Vec<u32>,
    pub(super) model: Option<Vec<(u32, f32)>>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(mixer: Mixer<'a>, given: Sorted<PlacedCandidates>) -> Result<Self, SortError> {
        let counted: Box<dyn Iterator<Item = Vec<u32>> + 'a> = Box::new(counted(mixer));
        let mut rows = Self { counted: counted.peekable(), given, ahead: None, of_model: 0, of_counts: 0, twice: 0 };
        rows.ahead = rows.next_given(None)?;
        Ok(rows)
    }

    /// The next history.
    pub(super) fn next(&mut self) -> Result<Option<Row>, SortError> {
        let order = match (self.counted.peek(), &self.ahead) {
            (None, None) => return Ok(None),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(counted), Some(given)) => release_order(counted, &given.history),
        };
        self.of_model += u64::from(order.is_gt());
        let counted = if order.is_gt() { None } else { self.counted.next() };
        if order.is_lt() {
            self.of_counts += counted.iter().filter(|history| !history.is_empty()).count() as u64;
            return Ok(counted.map(|history| Row { history, model: None }));
        }
        let given = self.ahead.take();
        self.ahead = self.next_given(given.as_ref())?;
        Ok(given)
    }

    /// The next row given for another history than the last one's.
    fn next_given(&mut self, last: Option<&Row>) -> Result<Option<Row>, SortError> {
        for row in self.given.by_ref() {
            let candidates = row?.candidates;
            if last.is_none_or(|last| last.history != candidates.history) {
                return Ok(Some(Row { history: candidates.history, model: Some(candidates.candidates) }));
            }
            self.twice += 1;
        }
        Ok(None)
    }
}

/// The popular list's history, then those with a row of their own in the counts.
fn counted(mixer: Mixer<'_>) -> impl Iterator<Item = Vec<u32>> {
    let Mixer { smoothed, choice, .. } = mixer;
    let level = move |length: usize| {
        let keys = smoothed.levels[length - 1].level.histories.iter();
        keys.filter(move |key| choice.has(smoothed, length, **key))
            .map(move |key| digits(*key, length, smoothed.clusters))
    };
    std::iter::once(Vec::new()).chain((1..=smoothed.levels.len()).flat_map(level))
}

fn release_order(left: &[u32], right: &[u32]) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}
