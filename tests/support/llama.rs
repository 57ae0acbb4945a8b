//! A Llama of random weights, and its forward written as the formulas stand, in 64-bit floats. Never fast.

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use segue::model::config::{Barred, ModelConfig, PromptConfig, Size};
use segue::model::prompt::TOKEN_CLUSTER;

pub(crate) struct Llama {
    pub(crate) config: ModelConfig,
    weights: HashMap<String, (Vec<f32>, Vec<usize>)>,
}

type Vector = Vec<f64>;

impl Llama {
    /// (width, heads, inner width, layers, clusters)
    pub(crate) fn random([width, heads, inner, layers, clusters]: [usize; 5], seed: u64) -> Self {
        let config = config([width, heads, inner, layers, clusters]);
        let mut llama = Self { config, weights: HashMap::new() };
        let mut random = Random(seed + 1);
        llama.add("model.embed_tokens".to_owned(), &[llama.config.vocab_size, width], &mut random);
        llama.add("model.norm".to_owned(), &[width], &mut random);
        for layer in 0..layers {
            for norm in ["input_layernorm", "post_attention_layernorm"] {
                llama.add(format!("model.layers.{layer}.{norm}"), &[width], &mut random);
            }
            for name in ["q_proj", "k_proj", "v_proj", "o_proj"] {
                llama.add(format!("model.layers.{layer}.self_attn.{name}"), &[width, width], &mut random);
            }
            for (name, shape) in
                [("gate_proj", [inner, width]), ("up_proj", [inner, width]), ("down_proj", [width, inner])]
            {
                llama.add(format!("model.layers.{layer}.mlp.{name}"), &shape, &mut random);
            }
        }
        llama
    }

    fn add(&mut self, name: String, shape: &[usize], random: &mut Random) {
        let (centre, spread) = if shape.len() == 1 { (1.0, 0.3) } else { (0.0, 1.7 / (shape[1] as f32).sqrt()) };
        let values = (0..shape.iter().product()).map(|_| centre + spread * random.next()).collect();
        self.weights.insert(format!("{name}.weight"), (values, shape.to_vec()));
    }

    pub(crate) fn tensors(&self) -> HashMap<String, Tensor> {
        let tensor =
            |values: &[f32], shape: &[usize]| Tensor::from_slice(values, shape, &Device::Cpu).expect("it fits");
        self.weights.iter().map(|(name, (values, shape))| (name.clone(), tensor(values, shape))).collect()
    }

    pub(crate) fn clusters(&self) -> usize {
        self.config.segue.clusters as usize
    }

    /// A prompt of random tokens.
    pub(crate) fn prompt(&self, length: usize, seed: u64) -> Vec<u32> {
        let mut random = Random(seed + 77);
        (0..length).map(|_| ((random.next() + 1.0) / 2.0 * self.config.vocab_size as f32) as u32).collect()
    }

    /// The clusters' logits after the last token.
    pub(crate) fn logits(&self, prompt: &[u32]) -> Vec<f64> {
        let row = |token: &u32| self.row("model.embed_tokens", *token as usize);
        let mut stream: Vec<Vector> = prompt.iter().map(row).collect();
        for layer in 0..self.config.num_hidden_layers {
            let normed: Vec<_> =
                stream.iter().map(|x| self.norm(&format!("model.layers.{layer}.input_layernorm"), x)).collect();
            let found = self.attention(layer, &normed);
            stream.iter_mut().zip(found).for_each(|(x, found)| add(x, &found));
            for x in &mut stream {
                let normed = self.norm(&format!("model.layers.{layer}.post_attention_layernorm"), x);
                let [gate, up] = ["gate_proj", "up_proj"]
                    .map(|name| self.times(&format!("model.layers.{layer}.mlp.{name}"), &normed));
                let inner: Vector = gate.iter().zip(up).map(|(gate, up)| gate / (1.0 + (-gate).exp()) * up).collect();
                add(x, &self.times(&format!("model.layers.{layer}.mlp.down_proj"), &inner));
            }
        }
        let last = self.norm("model.norm", stream.last().expect("a prompt has a token"));
        self.times("model.embed_tokens", &last)[TOKEN_CLUSTER as usize..].to_vec()
    }

    fn attention(&self, layer: usize, rows: &[Vector]) -> Vec<Vector> {
        let [q, k, v] = ["q_proj", "k_proj", "v_proj"].map(|name| {
            rows.iter().map(|x| self.times(&format!("model.layers.{layer}.self_attn.{name}"), x)).collect::<Vec<_>>()
        });
        let head = self.config.hidden_size / self.config.num_attention_heads;
        let mix = |at: usize| {
            let mut mixed = vec![0.0; self.config.hidden_size];
            for first in (0..mixed.len()).step_by(head) {
                let part = first..first + head;
                let query = self.turned(&q[at][part.clone()], at);
                let score = |j: usize| dot(&query, &self.turned(&k[j][part.clone()], j)) / (head as f64).sqrt();
                let scores: Vec<f64> = (0..=at).map(|j| score(j).exp()).collect();
                let whole: f64 = scores.iter().sum();
                for (score, v) in scores.iter().zip(&v) {
                    part.clone().for_each(|column| mixed[column] += score / whole * v[column]);
                }
            }
            self.times(&format!("model.layers.{layer}.self_attn.o_proj"), &mixed)
        };
        (0..rows.len()).map(mix).collect()
    }

    fn turned(&self, x: &[f64], position: usize) -> Vector {
        let half = x.len() / 2;
        let angle = |i: usize| position as f64 * self.config.rope_theta.powf(-((i % half) as f64) / half as f64);
        let other = |i: usize| if i < half { -x[i + half] } else { x[i - half] };
        (0..x.len()).map(|i| x[i] * angle(i).cos() + other(i) * angle(i).sin()).collect()
    }

    fn norm(&self, name: &str, x: &[f64]) -> Vector {
        let (weights, _) = &self.weights[&format!("{name}.weight")];
        let root = (dot(x, x) / x.len() as f64 + self.config.rms_norm_eps).sqrt();
        x.iter().zip(weights).map(|(x, &weight)| x / root * f64::from(weight)).collect()
    }

    fn times(&self, name: &str, x: &[f64]) -> Vector {
        let (values, shape) = &self.weights[&format!("{name}.weight")];
        let dot = |row: &[f32]| row.iter().zip(x).map(|(&weight, x)| f64::from(weight) * x).sum();
        values.chunks_exact(shape[1]).map(dot).collect()
    }

    fn row(&self, name: &str, row: usize) -> Vector {
        let (values, shape) = &self.weights[&format!("{name}.weight")];
        values[row * shape[1]..][..shape[1]].iter().map(|&value| f64::from(value)).collect()
    }
}

fn config([width, heads, inner, layers, clusters]: [usize; 5]) -> ModelConfig {
    let prompt = PromptConfig { clusters: clusters as u32, history_max: 16, retrieved_max: 8, barred: Barred::History };
    let size = Size { hidden: width, intermediate: inner, layers, heads };
    ModelConfig::new(prompt, size).expect("the tests' sizes are those of a network")
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(x: &mut [f64], y: &[f64]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}

/// SplitMix64.
struct Random(u64);

impl Random {
    /// In [-1, 1).
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}
