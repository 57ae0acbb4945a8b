//! Beside another implementation: the logits of Hugging Face's `LlamaForCausalLM` for a committed model, which
//! `tests/parity/parity.py` wrote.

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use segue::model::Model;
use segue::model::config::{Barred, ModelConfig, PromptConfig, Size};
use segue::model::engine::{Engine, Precision, Prompts, Scratch};
use segue::model::manifest::{CONFIG, LOGITS, WEIGHTS};
use segue::model::network::Network;
use segue::model::prompt::TOKEN_CLUSTER;
use segue::model::weights::{Weights, from_bytes};
use segue::model::write::{ModelAbout, write_model};
use segue::snapshot::manifest::MANIFEST;
use serde::Deserialize;
use tempfile::TempDir;

use crate::support::model::about;

/// What a logit may differ by.
const APART_MAX: f32 = 1e-4;

/// A prompt, and every cluster's logit after each of its tokens.
#[derive(Deserialize)]
struct Expected {
    tokens: Vec<u32>,
    logits: Vec<Vec<f32>>,
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/fixture")
}

fn expected() -> Vec<Expected> {
    let bytes = fs::read(fixture().join("logits.json")).expect("it is committed");
    serde_json::from_slice(&bytes).expect("the script wrote JSON")
}

/// A network with no round number: heads of 12, and a base and an epsilon that are not the usual ones and show.
fn config() -> ModelConfig {
    let prompt = PromptConfig { clusters: 70, history_max: 6, retrieved_max: 4, barred: Barred::History };
    let size = Size { hidden: 24, intermediate: 40, layers: 2, heads: 2 };
    let usual = ModelConfig::new(prompt, size).expect("a good size");
    ModelConfig { rope_theta: 500.0, rms_norm_eps: 0.01, ..usual }
}

fn read() -> (ModelConfig, Weights) {
    let file = |name| fs::read(fixture().join("parity-1").join(name)).expect("it is committed");
    let config = ModelConfig::from_json(&file(CONFIG)).expect("it is good");
    let weights = from_bytes(&file(WEIGHTS), &config).expect("they are good");
    (config, weights)
}

/// How far apart two rows are at most.
fn apart(got: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(got.len(), expected.len());
    got.iter().zip(expected).map(|(got, expected)| (got - expected).abs()).fold(0.0, f32::max)
}

#[test]
fn the_network_gives_the_other_implementations_logits() {
    let (config, weights) = read();
    let weights = VarBuilder::from_tensors(weights, DType::F32, &Device::Cpu);
    let network = Network::new(&config, weights).expect("every tensor is there");
    for Expected { tokens, logits } in expected() {
        let prompt = Tensor::new(&tokens[..], &Device::Cpu).and_then(|tokens| tokens.unsqueeze(0)).expect("a prompt");
        let rows = network.forward(&prompt).and_then(|rows| rows.squeeze(0)?.to_vec2::<f32>()).expect("it is asked");
        assert_eq!(rows.len(), logits.len());
        for (got, expected) in rows.iter().zip(&logits) {
            let apart = apart(&got[TOKEN_CLUSTER as usize..], expected);
            assert!(apart <= APART_MAX, "{tokens:?}: {apart} apart");
        }
    }
}

#[test]
fn the_engine_gives_the_other_implementations_logits() {
    let (config, weights) = read();
    let engine = Engine::new(&config, &weights, Precision::Full).expect("every tensor is there");
    let (mut prompts, mut logits, mut wanted) = (Prompts::default(), Vec::new(), Vec::new());
    for Expected { tokens, logits } in expected() {
        // Each prompt as it is, and cut short after each of its tokens.
        (1..=tokens.len()).for_each(|length| prompts.push(&tokens[..length]));
        wanted.extend(logits);
    }
    engine.logits(&mut Scratch::default(), &prompts, &mut logits);
    assert_eq!(logits.len(), wanted.len() * config.segue.clusters as usize);
    for (got, expected) in logits.chunks(config.segue.clusters as usize).zip(&wanted) {
        let apart = apart(got, expected);
        assert!(apart <= APART_MAX, "{apart} apart");
    }
}

#[test]
fn the_other_implementations_logits_tell_networks_apart() {
    let expected = expected();
    let spread: Vec<_> = expected.iter().flat_map(|prompt| &prompt.logits).collect();
    let first = spread.first().expect("there are some");
    assert!(spread.iter().skip(1).all(|row| apart(row, first) > 0.1), "every prompt gets the same");
    assert!(expected.iter().any(|prompt| prompt.tokens.len() == config().max_position_embeddings));
}

/// The committed weights give the committed files; where they do not, what they give lies in the build directory.
#[test]
fn the_committed_model_is_what_is_written_now() {
    let (store, (config, weights)) = (TempDir::new().expect("a temporary directory"), read());
    assert_eq!(config, self::config());
    let about = ModelAbout { version: "parity-1".parse().ok(), ..about(&"catalogue".parse().expect("a version name")) };
    let written = write_model(store.path(), about, &config, &weights).expect("the disk takes it").path;
    let committed = fixture().join("parity-1");
    // Golden logits may differ in their last digits on another processor, and with them the manifest.
    let same = |name: &&str| fs::read(committed.join(name)).ok() == fs::read(written.join(name)).ok();
    let changed: Vec<_> = [CONFIG, WEIGHTS].into_iter().filter(|name| !same(name)).collect();
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("parity/parity-1");
    fs::create_dir_all(&place).expect("the target directory can be written");
    for name in [CONFIG, WEIGHTS, LOGITS, MANIFEST] {
        fs::copy(written.join(name), place.join(name)).expect("the target directory can be written");
    }
    assert!(changed.is_empty(), "{changed:?} are not what is written now; that lies at {}", place.display());
    Model::load(&committed, Precision::Full).expect("the committed model is good");
}
