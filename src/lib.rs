//! Segue serves a user's next interests from a hot-swappable table of precomputed candidates.
//!
//! ```text
//! request   http | grpc -> admit -> answer: live.lend( current or trial: table -> [memo -> model] -> suffix -> popular ) -> encode -> [trials]
//! snapshot  pipeline -> write -> publish -> (push | pull) -> store -> reload: gates -> open -> verify -> model -> warm -> check -> [stage -> trial] -> swap
//! ```
//!
//! The two flows meet at one line: the `live.lend` in [`answer`](answer::answer). Modules stand in reading order.

// The program.
pub mod cli;
pub mod config;
pub mod serve;

// The request, in order.
pub mod listen;
pub mod http;
pub mod grpc;
pub mod wire;
pub mod admit;
pub mod ask;
pub mod room;
pub mod answer;
pub mod fallback;
pub mod memo;
pub mod model;
pub mod unseen;
pub mod lookup;
pub mod error;

// The snapshot, in order.
pub mod snapshot;
pub mod trial;
// From where it is published to where it serves.
pub mod cloud;
pub mod depot;
pub mod pull;

// Operating it.
pub mod metrics;
pub mod trace;
pub mod drain;
mod clock;
pub mod priority;
pub mod memory;
pub mod admin;
pub mod console;
pub mod auth;
pub mod audit;
pub mod tls;
