//! Serves precomputed next-interest candidates from a hot-swappable table.

pub mod answer;
pub mod error;
// Operating it.
pub mod metrics;
pub mod trace;
