//! The model: a small decoder over cluster tokens that answers histories the table does not hold.
//!
//! ```text
//! files     config.json, model.safetensors, golden.json, manifest.json -> open -> verify -> build -> check
//! answer    history + retrieved continuations -> prompt -> engine -> logits -> rank -> candidates
//! ```
//!
//! [`network`] is the definition, on candle: training differentiates it, and the engine is measured against it.
//! [`engine`] is the same mathematics arranged for one thread and no allocation.

pub mod config;
pub mod prompt;
pub mod manifest;
pub mod weights;
pub mod network;
pub mod engine;
pub mod golden;
pub mod write;
pub mod open;
pub mod load;
pub mod rank;
pub mod worker;
pub mod breaker;

pub use load::{Model, ModelError};
