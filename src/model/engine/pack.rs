//! Packing: a network's matrices, one after the other as they are read, in one piece of memory.

use std::collections::HashMap;

use candle_core::{Error, Result, Tensor};

use super::super::config::ModelConfig;
use super::super::prompt::TOKEN_CLUSTER;
use super::attention::Rotary;
use super::decoder::{Decoder, Layer, Matrix};
use super::kernel::Kernel;
use super::panel::{COLUMNS, LANES, Step};
use super::product::Packed;
use crate::priority;

/// Packs a network. Fails only where a tensor is missing or is not f32.
pub(super) fn pack<P: Packed>(config: &ModelConfig, tensors: &HashMap<String, Tensor>) -> Result<Decoder<P>> {
    let mut packer = Packer { tensors, panels: Vec::new() };
    let layers = (0..config.num_hidden_layers).map(|layer| packer.layer(layer)).collect::<Result<_>>()?;
    let embedding = packer.values("model.embed_tokens.weight")?;
    let (width, first, clusters) =
        (config.hidden_size, TOKEN_CLUSTER as usize * config.hidden_size, config.segue.clusters as usize);
    let mut logits = Packer { tensors, panels: Vec::<Step>::new() };
    logits.matrix(embedding[first..].chunks_exact(width).take(clusters));
    let head = width / config.num_attention_heads;
    Ok(Decoder {
        kernel: Kernel::available()[0],
        head,
        inner: config.intermediate_size,
        eps: config.rms_norm_eps as f32,
        rotary: Rotary::new(head, config.rope_theta, config.max_position_embeddings),
        norm: packer.values("model.norm.weight")?,
        panels: packer.panels,
        embedding,
        layers,
        logits: logits.panels,
        clusters,
    })
}

struct Packer<'a, P> {
    tensors: &'a HashMap<String, Tensor>,
    panels: Vec<P>,
}

impl<P: Packed> Packer<'_, P> {
    fn layer(&mut self, number: usize) -> Result<Layer> {
        let values = |name: &str| self.values(&format!("model.layers.{number}.{name}.weight"));
        let before = values("input_layernorm")?;
        let after = values("post_attention_layernorm")?;
        let [q, k, v, o] = ["q_proj", "k_proj", "v_proj", "o_proj"].map(|name| values(&format!("self_attn.{name}")));
        let [gate, up, down] = ["gate_proj", "up_proj", "down_proj"].map(|name| values(&format!("mlp.{name}")));
        let (q, k, v, o, gate, up, down) = (q?, k?, v?, o?, gate?, up?, down?);
        let width = before.len();
        let inner = down.len() / width;
        Ok(Layer {
            before,
            keys_values: self.matrix(k.chunks_exact(width).chain(v.chunks_exact(width))),
            queries: self.matrix(q.chunks_exact(width)),
            heads: self.matrix(o.chunks_exact(width)),
            after,
            gate_up: self.matrix(woven(&gate, &up, width)),
            down: self.matrix(down.chunks_exact(inner)),
        })
    }

    /// The values of a tensor, row after row.
    fn values(&self, name: &str) -> Result<Vec<f32>> {
        let tensor = self.tensors.get(name).ok_or_else(|| Error::CannotFindTensor { path: name.to_owned() }.bt())?;
        tensor.flatten_all()?.to_vec1()
    }

    /// Packs a matrix given by its columns, which is how Hugging Face stores it: a row for each output.
    fn matrix<'a>(&mut self, columns: impl Iterator<Item = &'a [f32]>) -> Matrix {
        priority::offer(); // As between the pieces of a table: a load must not hold up requests.
        let start = self.panels.len();
        let columns: Vec<_> = columns.collect();
        let width = columns.iter().map(|column| column.len()).max().unwrap_or(0);
        for chunk in columns.chunks(COLUMNS) {
            let mut panel: [&[f32]; COLUMNS] = [&[]; _];
            panel[..chunk.len()].copy_from_slice(chunk);
            P::pack(&panel, &mut self.panels);
        }
        Matrix { panels: start..self.panels.len(), depth: width.div_ceil(P::DEPTH), width }
    }
}

/// The columns of two matrices in turns of [`LANES`], each turn filled up with empty ones.
fn woven<'a>(gate: &'a [f32], up: &'a [f32], width: usize) -> impl Iterator<Item = &'a [f32]> {
    let turn = move |values: &'a [f32]| {
        let columns = values.chunks_exact(width);
        let empty = LANES - columns.len();
        columns.chain(std::iter::repeat_n(&[][..], empty))
    };
    let turns = gate.chunks(LANES * width).zip(up.chunks(LANES * width));
    turns.flat_map(move |(gate, up)| turn(gate).chain(turn(up)))
}
