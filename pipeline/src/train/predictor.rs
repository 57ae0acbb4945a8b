//! A network as a predictor: the one that is measured beside the counts, on the same requests, with the contexts that they came with.

use std::convert::Infallible;

use rayon::prelude::*;
use segue::model::config::PromptConfig;
use segue::model::engine::Prompts;
use segue::model::prompt;

use super::decoder::Decoder;
use super::layout::Layout;
use super::math::loss::bar;
use crate::examples::{AsOf, Example};
use crate::measure::{Predictor, Rankings, rank_scores};

/// Requests asked at once.
const CHUNK_SIZE: usize = 64;

/// Weights and how to ask them.
#[derive(Clone, Copy, Debug)]
pub struct NetworkPredictor<'a> {
    /// The network's places.
    pub layout: &'a Layout,
    /// Its weights.
    pub parameters: &'a [f32],
    /// How prompts are made.
    pub prompt: PromptConfig,
}

impl Predictor<Infallible> for NetworkPredictor<'_> {
    fn rank(&mut self, as_of: &AsOf<'_>, requests: &[Example<'_>], rankings: &mut Rankings) -> Result<(), Infallible> {
        let ranked: Vec<Vec<Vec<u32>>> = requests
            .par_chunks(CHUNK_SIZE)
            .map_init(|| Decoder::new(self.layout.clone()), |decoder, requests| self.ask(decoder, as_of, requests))
            .collect();
        ranked.into_iter().flatten().for_each(|ranked| rankings.push(ranked));
        Ok(())
    }
}

impl NetworkPredictor<'_> {
    fn ask(&self, decoder: &mut Decoder, as_of: &AsOf<'_>, requests: &[Example<'_>]) -> Vec<Vec<u32>> {
        let (mut prompts, mut tokens) = (Prompts::default(), Vec::new());
        for request in requests {
            prompt::write(&self.prompt, request.history, &as_of.retrieve(request.history), &mut tokens);
            prompts.push(&tokens);
        }
        let mut logits = decoder.logits(self.parameters, &prompts).to_vec();
        let rows = logits.chunks_exact_mut(self.prompt.clusters as usize).zip(requests);
        let rank = |(logits, request): (&mut [f32], &Example<'_>)| {
            bar(logits, self.prompt.barred.of(request.history));
            rank_scores(logits)
        };
        rows.map(rank).collect()
    }
}
