//! The context of every example, as of the refresh that would have served it.
//!
//! Examples that a refresh answers from the same record share it, so that a year of contexts takes little more than its records.

use std::convert::Infallible;
use std::ops::Range;

use rustc_hash::FxHashMap;
use segue::model::prompt::Context;

use crate::examples::{AsOf, Examples, Refresh};

/// Contexts of a range of examples.
#[derive(Clone, Debug, Default)]
pub struct Contexts {
    from: usize,
    /// Which record is each example's.
    records: Vec<u32>,
    /// Every record of every refresh that was asked for.
    contexts: Vec<Context>,
}

impl Contexts {
    /// The contexts of the examples at the places `range`, as `refresh` would have given them. The history is read as far as is counted.
    ///
    /// # Panics
    /// When more than four billion records are asked for.
    pub fn new(examples: &Examples, range: Range<usize>, refresh: &Refresh, as_of: &mut AsOf<'_>) -> Self {
        let mut contexts = Self { from: range.start, ..Self::default() };
        let Ok(()) = refresh.walk::<Infallible>((examples, range), as_of, |as_of, range| {
            contexts.add_refresh(examples, range, as_of);
            Ok(())
        });
        contexts
    }

    /// The context of the example at a place.
    ///
    /// # Panics
    /// When the place is not in the range.
    pub fn get(&self, at: usize) -> &Context {
        &self.contexts[self.records[at - self.from] as usize]
    }

    fn add_refresh(&mut self, examples: &Examples, range: Range<usize>, as_of: &AsOf<'_>) {
        let mut known = FxHashMap::default();
        for example in examples.iter(range) {
            let (matched, key) = as_of.longest_suffix(example.history);
            let record = *known.entry((matched, key)).or_insert_with(|| {
                self.contexts.push(as_of.record(matched, key));
                u32::try_from(self.contexts.len() - 1).expect("at most four billion records")
            });
            self.records.push(record);
        }
    }
}
