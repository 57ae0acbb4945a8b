//! Tiny models to test with: untrained weights that are always the same, in a network of 32 numbers a token.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use candle_core::{Device, Tensor};
use segue::model::config::{Barred, ModelConfig, PromptConfig, Size};
use segue::model::golden::GoldenLogits;
use segue::model::open::read_model_manifest;
use segue::model::weights::{self, Weights};
use segue::model::write::{ModelAbout, PublishedModel, write_model};
use segue::snapshot::manifest::{MANIFEST, Provenance, Version};

/// The network's size.
pub(crate) const TINY: Size = Size { hidden: 32, intermediate: 48, layers: 2, heads: 2 };

/// A tiny network's configuration: histories of 6, 4 continuations, only novel clusters.
pub(crate) fn config(clusters: u32) -> ModelConfig {
    let prompt = PromptConfig { clusters, history_max: 6, retrieved_max: 4, barred: Barred::History };
    ModelConfig::new(prompt, TINY).expect("a good size")
}

/// Untrained weights that follow from `seed`: as the training starts with, but larger, so that answers differ.
pub(crate) fn weights(config: &ModelConfig, seed: u64) -> Weights {
    let mut numbers = Numbers(seed);
    let tensor = |shape: Vec<usize>| {
        let norm = shape.len() == 1;
        let number = |_| if norm { 1.0 + 0.2 * numbers.next() } else { 0.5 * numbers.next() };
        let count: usize = shape.iter().product();
        Tensor::from_vec((0..count).map(number).collect::<Vec<f32>>(), shape, &Device::Cpu)
            .expect("a number for each place")
    };
    let (names, shapes): (Vec<_>, Vec<_>) = weights::shapes(config).into_iter().unzip();
    names.into_iter().zip(shapes.into_iter().map(tensor)).collect()
}

/// What a model of a catalogue says of itself; its name follows from its content.
pub(crate) fn about(catalogue: &Version) -> ModelAbout {
    ModelAbout {
        version: None,
        catalogue: catalogue.clone(),
        parent: None,
        created_unix_s: Some(1_700_000_000),
        provenance: Provenance { tool: "segue tests".to_owned(), ..Provenance::default() },
        figures: BTreeMap::from([("hit_at_5".to_owned(), 0.25)]),
    }
}

/// Publishes a tiny model of a catalogue of so many clusters in the store `dir`. The same seed gives the same model.
pub(crate) fn publish(dir: &Path, catalogue: &Version, clusters: u32, seed: u64) -> PublishedModel {
    let config = config(clusters);
    write_model(dir, about(catalogue), &config, &weights(&config, seed)).expect("the disk takes it")
}

/// Gives a model another file, and a manifest that lists it as it is now.
pub(crate) fn replace(model: &Path, name: &str, bytes: &[u8]) {
    fs::write(model.join(name), bytes).expect("the model can be written");
    let path = model.join(MANIFEST);
    let mut manifest = read_model_manifest(model).expect("a manifest");
    let file = manifest.files.iter_mut().find(|file| file.name == name).expect("a file of the model");
    (file.bytes, file.blake3) = (bytes.len() as u64, blake3::hash(bytes).to_hex().to_string());
    fs::write(&path, manifest.to_json()).expect("the model can be written");
}

/// Makes the last weight no number.
pub(crate) fn no_number(weights: &mut [u8]) {
    let last = weights.len() - 4;
    weights[last..].copy_from_slice(&f32::NAN.to_le_bytes());
}

/// Makes a golden logit one that no arithmetic gives.
pub(crate) fn wrong_logit(golden: &mut Vec<u8>) {
    let mut read: GoldenLogits = serde_json::from_slice(golden).expect("golden logits");
    read.prompts[0].logits[0] += 100.0;
    *golden = read.to_json();
}

/// Numbers from -1 to 1 that look random: SplitMix64 (Steele, Lea and Flood, 2014).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}
