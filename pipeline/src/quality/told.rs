//! What the model tells of the histories that are looked up, with the context that a release of the counts would give it.

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use segue::model::Model;
use segue::model::prompt::Context;
use segue::model::rank::{Question, Ranked, Working};

use crate::candidates::retrieve::Retrieval;

/// Histories asked at once by one thread.
const BATCH: usize = 16;

/// The model's list for each history.
#[derive(Debug, Default)]
pub(super) struct Told(FxHashMap<Vec<u32>, Ranked>);

impl Told {
    /// Asks about every history but the empty one, of which a model has nothing to say.
    pub(super) fn ask(model: &Model, retrieval: Retrieval<'_>, histories: &[Vec<u32>]) -> Self {
        let asked: Vec<&Vec<u32>> = histories.iter().filter(|history| !history.is_empty()).collect();
        let answer = |working: &mut Working, histories: &[&Vec<u32>]| {
            let contexts: Vec<Context> = histories.iter().map(|history| retrieval.retrieve(history)).collect();
            let questions = histories.iter().zip(&contexts).map(|(history, context)| Question { history, context });
            model.answer(working, &questions.collect::<Vec<_>>(), usize::from(retrieval.choice.width))
        };
        let ranked: Vec<Vec<Ranked>> = asked.par_chunks(BATCH).map_init(Working::default, answer).collect();
        Self(asked.into_iter().cloned().zip(ranked.into_iter().flatten()).collect())
    }

    /// The list for a history.
    pub(super) fn of(&self, history: &[u32]) -> Option<&[(u32, f32)]> {
        self.0.get(history).map(Vec::as_slice)
    }
}
