//! A configuration is refused where it describes another network, or one too large, before anything is made of it.

use std::collections::BTreeSet;

use segue::model::config::{Barred, ModelConfig, ModelConfigError, PARAMETERS_MAX, PromptConfig, Size};
use serde_json::{Value, json};

use crate::support::model::{TINY, config};
use crate::support::table::{variant, variants};

/// A field of the JSON, a value for it, and what the refusal must say.
const REFUSED: &[(&str, &str, &str)] = &[
    ("/architectures", r#"["GPT2LMHeadModel"]"#, "`architectures` is `GPT2LMHeadModel`, expected `LlamaForCausalLM`"),
    ("/architectures", "[]", "`architectures` is ``"),
    ("/model_type", r#""mistral""#, "`model_type` is `mistral`, expected `llama`"),
    ("/tie_word_embeddings", "false", "`tie_word_embeddings` is `false`, expected `true`"),
    ("/hidden_act", r#""gelu""#, "`hidden_act` is `gelu`, expected `silu`"),
    ("/attention_bias", "true", "`attention_bias` is `true`, expected `false`"),
    ("/mlp_bias", "true", "`mlp_bias` is `true`, expected `false`"),
    ("/torch_dtype", r#""bfloat16""#, "`torch_dtype` is `bfloat16`, expected `float32`"),
    ("/hidden_size", "0", "`hidden_size` is 0, expected 2 to 4096"),
    ("/hidden_size", "4098", "`hidden_size` is 4098, expected 2 to 4096"),
    ("/hidden_size", "18446744073709551615", "`hidden_size` is 18446744073709551615"),
    ("/hidden_size", "34", "34 numbers a token do not divide into 2 heads of an even width"),
    ("/intermediate_size", "0", "`intermediate_size` is 0"),
    ("/intermediate_size", "1000000000", "`intermediate_size` is 1000000000"),
    ("/num_hidden_layers", "0", "`num_hidden_layers` is 0"),
    ("/num_hidden_layers", "65", "`num_hidden_layers` is 65, expected 1 to 64"),
    ("/num_attention_heads", "0", "`num_attention_heads` is 0"),
    ("/num_attention_heads", "65", "`num_attention_heads` is 65"),
    ("/num_attention_heads", "32", "32 numbers a token do not divide into 32 heads"),
    ("/num_key_value_heads", "1", "`num_key_value_heads` is 1, expected 2"),
    ("/vocab_size", "64", "`vocab_size` is 64, expected 63"),
    ("/max_position_embeddings", "16", "`max_position_embeddings` is 16, expected 17 to 4096"),
    ("/max_position_embeddings", "5000", "`max_position_embeddings` is 5000"),
    ("/segue/clusters", "0", "`segue.clusters` is 0"),
    ("/segue/clusters", "4294967295", "`segue.clusters` is 4294967295"),
    ("/segue/clusters", "41", "`vocab_size` is 63, expected 64"),
    ("/segue/history_max", "0", "`segue.history_max` is 0"),
    ("/segue/history_max", "7", "`max_position_embeddings` is 17, expected 18"),
    ("/segue/history_max", "1025", "`segue.history_max` is 1025"),
    ("/segue/retrieved_max", "1025", "`segue.retrieved_max` is 1025"),
    ("/rms_norm_eps", "0", "`rms_norm_eps` is 0"),
    ("/rms_norm_eps", "-1e-5", "`rms_norm_eps` is -0.00001"),
    ("/rope_theta", "1", "`rope_theta` is 1"),
    ("/rope_theta", "1e300", "`rope_theta` is 1"),
    ("/rope_scaling", "null", "unknown field `rope_scaling`"),
    ("/segue/window", "1", "unknown field `window`"),
    ("/hidden_size", "-1", "cannot be read"),
];

#[test]
fn what_describes_another_network_is_refused() {
    let mut seen = BTreeSet::from(["Parameters".to_owned()]);
    for (field, value, expected) in REFUSED {
        let mut json: Value = serde_json::from_slice(&config(40).to_json()).expect("it is JSON");
        let (parent, name) = field.rsplit_once('/').expect("a field has a path");
        json.pointer_mut(parent).expect("it is there")[name] = serde_json::from_str(value).expect("it is JSON");
        let error = ModelConfig::from_json(json.to_string().as_bytes()).expect_err(field);
        assert!(error.to_string().contains(expected), "{field} {value}: {error}");
        seen.insert(variant(&error));
    }
    assert_eq!(seen, variants("src/model/config.rs", "ModelConfigError"));
}

#[test]
fn what_is_too_large_in_all_is_refused() {
    let prompt = PromptConfig { clusters: 1 << 20, history_max: 16, retrieved_max: 8, barred: Barred::History };
    let size = Size { hidden: 4096, intermediate: 16_384, layers: 64, heads: 64 };
    let error = ModelConfig::new(prompt, size).expect_err("4 G weights of embeddings alone");
    assert!(matches!(error, ModelConfigError::Parameters { got } if got > 16 * PARAMETERS_MAX), "{error}");
    let prompt = PromptConfig { history_max: usize::MAX, retrieved_max: usize::MAX, ..prompt };
    ModelConfig::new(prompt, TINY).expect_err("no such prompt");
}

#[test]
fn a_configuration_reads_back_and_counts_its_weights() {
    let prompt = PromptConfig { clusters: 761, history_max: 16, retrieved_max: 8, barred: Barred::History };
    let config = ModelConfig::new(prompt, Size { hidden: 256, intermediate: 704, layers: 4, heads: 4 }).expect("good");
    assert_eq!(ModelConfig::from_json(&config.to_json()).expect("it was just written"), config);
    let weights: usize =
        segue::model::weights::shapes(&config).iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
    assert_eq!((config.parameters(), config.head_size()), (weights as u64, 64));
    assert_eq!(json!(config)["torch_dtype"], "float32");
}
