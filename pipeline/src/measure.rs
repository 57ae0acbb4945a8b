//! How well anyone predicts what came next: every predictor on the same requests, with the same knowledge and the same rules.
//!
//! A predictor only ranks clusters. What it may see, which clusters can never come next, and what counts as a hit is decided here, for
//! a count and a network alike.

use std::ops::Range;

use crate::examples::{AsOf, Example, Examples, Refresh};

pub mod ranking;
pub mod outcomes;
pub mod bootstrap;
pub mod offers;

pub use bootstrap::{Bootstrap, Interval, Mean};
pub use offers::Offers;
pub use outcomes::{Figures, Outcomes};
pub use ranking::{Rankings, rank_scores};

/// Ranks the clusters that may come next.
pub trait Predictor<E> {
    /// Ranks clusters for each request, in order, best first: one [`Rankings::push`] each. A cluster that is left out is never found.
    /// `as_of` holds what was known when the requests came. The requests are sorted by nothing but time.
    ///
    /// # Errors
    /// When it cannot.
    fn rank(&mut self, as_of: &AsOf<'_>, requests: &[Example<'_>], rankings: &mut Rankings) -> Result<(), E>;
}

/// The requests that predictors are tried on.
#[derive(Clone, Debug)]
pub struct Trial<'a> {
    /// All examples.
    pub examples: &'a Examples,
    /// The places of those that are requests.
    pub range: Range<usize>,
    /// What is known at each request's time.
    pub refresh: Refresh,
    /// How much of its history a request shows.
    pub history_max: usize,
}

impl Trial<'_> {
    /// Tries predictors on all requests, side by side; their outcomes in the same order.
    ///
    /// # Errors
    /// Those of the predictors.
    pub fn run<E>(&self, as_of: &mut AsOf<'_>, predictors: &mut [&mut dyn Predictor<E>]) -> Result<Vec<Outcomes>, E> {
        let mut outcomes = vec![Outcomes::new(as_of.smoothed().clusters); predictors.len()];
        self.refresh.walk((self.examples, self.range.clone()), as_of, |as_of, range| {
            let requests: Vec<_> = self.examples.iter(range).map(|example| example.recent(self.history_max)).collect();
            for (predictor, outcomes) in predictors.iter_mut().zip(&mut outcomes) {
                let mut rankings = Rankings::default();
                predictor.rank(as_of, &requests, &mut rankings)?;
                outcomes.extend(&requests, &rankings, as_of.mode());
            }
            Ok(())
        })?;
        Ok(outcomes)
    }
}
