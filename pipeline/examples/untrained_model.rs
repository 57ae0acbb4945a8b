//! Writes a model of untrained weights for a release's catalogue, to measure and to try things with; it must never be served.
//!
//! `cargo run --release -p segue-pipeline --example untrained_model -- RELEASE_DIR STORE_DIR [HIDDEN LAYERS HEADS INNER]`

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use candle_core::{Device, Tensor};
use rand::{RngExt, SeedableRng};
use segue::model::config::{Barred, ModelConfig, PromptConfig, Size};
use segue::model::weights::{self, Weights};
use segue::model::write::{ModelAbout, write_model};
use segue::snapshot::manifest::Provenance;
use segue::snapshot::release::Release;

/// Spread of the weights: as Llama's training begins with.
const SPREAD: f32 = 0.02;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [release, store, sizes @ ..] = &words[..] else { anyhow::bail!("give RELEASE_DIR and STORE_DIR") };
    let sizes = sizes.iter().map(|size| size.parse()).collect::<Result<Vec<usize>, _>>()?;
    let [hidden, layers, heads, intermediate] = sizes.try_into().unwrap_or([256, 4, 4, 704]);
    let release = Release::open(&std::fs::canonicalize(release)?).context("the release cannot be opened")?;
    let clusters = release.table().shape().clusters;
    let prompt = PromptConfig { clusters, history_max: 16, retrieved_max: 8, barred: Barred::History };
    let config = ModelConfig::new(prompt, Size { hidden, intermediate, layers, heads })?;
    let about = ModelAbout {
        version: None,
        catalogue: release.manifest().catalogue.clone(),
        parent: None,
        created_unix_s: None,
        provenance: Provenance { tool: "untrained_model".to_owned(), ..Provenance::default() },
        figures: BTreeMap::new(),
    };
    let written = write_model(Path::new(store), about, &config, &untrained(&config)?)?;
    println!("{}", written.path.display());
    Ok(())
}

fn untrained(config: &ModelConfig) -> anyhow::Result<Weights> {
    let mut numbers = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let mut tensor = |shape: Vec<usize>| {
        let norm = shape.len() == 1;
        let mut number = || if norm { 1.0 } else { SPREAD * numbers.random_range(-1.732_f32..1.732) };
        let count: usize = shape.iter().product();
        Tensor::from_vec((0..count).map(|_| number()).collect::<Vec<f32>>(), shape, &Device::Cpu)
    };
    let shapes = weights::shapes(config).into_iter();
    Ok(shapes.map(|(name, shape)| Ok((name, tensor(shape)?))).collect::<candle_core::Result<_>>()?)
}
