//! The `refresh` command: from fresh events to a gated, published release, safe to be killed and to be run by a clock.
//!
//! ```text
//! count -> retrieve -> infer -> blend -> gate -> release -> publish -> report
//! ```
//!
//! Each stage leaves files and a marker in the run's directory; a run that is begun again goes on after the last marker,
//! and gives the bytes that it would have given.

pub mod config;
pub mod failpoint;
pub mod outcome;
pub mod settings;

pub use outcome::Outcome;
pub use settings::RefreshSettings;
