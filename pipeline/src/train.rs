//! The `train` command: from a log to a model.

pub mod math;
pub mod layout;
pub mod parameters;
pub(crate) mod block;
pub mod decoder;
pub mod optimiser;
pub mod step;
