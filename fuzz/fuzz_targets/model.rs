//! Any bytes as the files of a model: parsing never panics, and what was parsed writes and reads back the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use segue::model::config::{Barred, ModelConfig, PromptConfig, Size};
use segue::model::golden::GoldenLogits;
use segue::model::manifest::ModelManifest;
use segue::model::weights;

/// A configuration whose files are small enough to be found by chance; seeds are those of `tests/parity/fixture`.
fn config() -> ModelConfig {
    let prompt = PromptConfig { clusters: 70, history_max: 6, retrieved_max: 4, barred: Barred::History };
    ModelConfig::new(prompt, Size { hidden: 24, intermediate: 40, layers: 2, heads: 2 }).expect("a good size")
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(manifest) = ModelManifest::from_json(bytes) {
        assert_eq!(ModelManifest::from_json(&manifest.to_json()).ok(), Some(manifest));
    }
    if let Ok(config) = ModelConfig::from_json(bytes) {
        assert_eq!(ModelConfig::from_json(&config.to_json()).ok(), Some(config));
    }
    if let Ok(golden) = GoldenLogits::from_json(bytes, &config()) {
        assert_eq!(GoldenLogits::from_json(&golden.to_json(), &config()).ok(), Some(golden));
    }
    if let Ok(weights) = weights::from_bytes(bytes, &config()) {
        let written = weights::to_bytes(&weights).expect("they were read");
        assert!(weights::from_bytes(&written, &config()).is_ok());
    }
});
