//! Where each tensor of the network stands in one flat vector of parameters.
//!
//! One vector makes a gradient, an optimiser's moment and a checkpoint one vector each. Tensors that are multiplied with the same rows stand
//! side by side (keys with values, gate with up), so that one product does for both.

use std::ops::Range;

use segue::model::config::ModelConfig;
use segue::model::prompt::TOKEN_CLUSTER;

/// The places of a network's tensors.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Width of a token's vector.
    pub width: usize,
    /// Width of the feed-forward network's inner vector.
    pub inner: usize,
    /// Heads of attention.
    pub heads: usize,
    /// Longest prompt.
    pub positions: usize,
    /// Added to a mean square before its root is taken.
    pub eps: f32,
    /// Base of the rotary angles.
    pub theta: f64,
    /// A vector for each token (tokens x width), also the matrix of the output.
    pub embedding: Range<usize>,
    /// The blocks, first to last.
    pub blocks: Vec<BlockPlaces>,
    /// The last norm.
    pub norm: Range<usize>,
}

/// The places of one block's tensors.
#[derive(Clone, Debug)]
pub struct BlockPlaces {
    /// The norm before attention.
    pub attention_norm: Range<usize>,
    /// Queries: width x width.
    pub queries: Range<usize>,
    /// Keys, then values: 2 width x width.
    pub pairs: Range<usize>,
    /// What becomes of the heads' answers: width x width.
    pub out: Range<usize>,
    /// The norm before the feed-forward network.
    pub forward_norm: Range<usize>,
    /// Gate, then up: 2 inner x width.
    pub gates: Range<usize>,
    /// Down: width x inner.
    pub down: Range<usize>,
}

/// A tensor by Hugging Face's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Such as `model.layers.0.self_attn.q_proj.weight`.
    pub name: String,
    /// Its place.
    pub place: Range<usize>,
    /// Its shape: one size for a norm, else outputs and inputs.
    pub shape: Vec<usize>,
}

/// Hands out places one after the other.
struct Next(usize);

impl Next {
    fn take(&mut self, size: usize) -> Range<usize> {
        self.0 += size;
        self.0 - size..self.0
    }
}

impl Layout {
    /// The places for a configured network.
    pub fn new(config: &ModelConfig) -> Self {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let mut next = Next(0);
        let embedding = next.take(config.vocab_size * width);
        let blocks = (0..config.num_hidden_layers).map(|_| BlockPlaces::new(&mut next, width, inner)).collect();
        Self {
            width,
            inner,
            heads: config.num_attention_heads,
            positions: config.max_position_embeddings,
            eps: config.rms_norm_eps as f32,
            theta: config.rope_theta,
            embedding,
            blocks,
            norm: next.take(width),
        }
    }

    /// Parameters in all.
    pub fn size(&self) -> usize {
        self.norm.end
    }

    /// The clusters' part of the embedding: the matrix of the output.
    pub fn clusters(&self) -> Range<usize> {
        self.embedding.start + TOKEN_CLUSTER as usize * self.width..self.embedding.end
    }

    /// Every tensor, in the order of their places.
    pub fn named(&self) -> Vec<Named> {
        let width = self.width;
        let embedding = Named {
            name: "model.embed_tokens.weight".to_owned(),
            shape: vec![self.embedding.len() / width, width],
            place: self.embedding.clone(),
        };
        let norm = Named { name: "model.norm.weight".to_owned(), shape: vec![width], place: self.norm.clone() };
        let blocks = self.blocks.iter().enumerate().flat_map(|(at, block)| block.named(at, width));
        std::iter::once(embedding).chain(blocks).chain([norm]).collect()
    }

    /// Places whose weights decay: the matrices inside the blocks. Norms scale, and an embedding's rows are seen unevenly often.
    pub fn decays(&self) -> Vec<Range<usize>> {
        let of = |block: &BlockPlaces| [block.queries.start..block.out.end, block.gates.start..block.down.end];
        self.blocks.iter().flat_map(of).collect()
    }
}

impl BlockPlaces {
    fn new(next: &mut Next, width: usize, inner: usize) -> Self {
        Self {
            attention_norm: next.take(width),
            queries: next.take(width * width),
            pairs: next.take(2 * width * width),
            out: next.take(width * width),
            forward_norm: next.take(width),
            gates: next.take(2 * inner * width),
            down: next.take(width * inner),
        }
    }

    fn named(&self, at: usize, width: usize) -> Vec<Named> {
        let (keys, values) = halves(&self.pairs);
        let (gate, up) = halves(&self.gates);
        let inner = self.down.len() / width;
        let tensors = [
            ("input_layernorm", &self.attention_norm, vec![width]),
            ("self_attn.q_proj", &self.queries, vec![width, width]),
            ("self_attn.k_proj", &keys, vec![width, width]),
            ("self_attn.v_proj", &values, vec![width, width]),
            ("self_attn.o_proj", &self.out, vec![width, width]),
            ("post_attention_layernorm", &self.forward_norm, vec![width]),
            ("mlp.gate_proj", &gate, vec![inner, width]),
            ("mlp.up_proj", &up, vec![inner, width]),
            ("mlp.down_proj", &self.down, vec![width, inner]),
        ];
        let named = |(name, place, shape): (&str, &Range<usize>, _)| Named {
            name: format!("model.layers.{at}.{name}.weight"),
            place: place.clone(),
            shape,
        };
        tensors.into_iter().map(named).collect()
    }
}

fn halves(place: &Range<usize>) -> (Range<usize>, Range<usize>) {
    let middle = place.start + place.len() / 2;
    (place.start..middle, middle..place.end)
}
