//! The swap: unseen by those who ask meanwhile, and undone by nothing that is pushed.

#[path = "../support/mod.rs"]
mod support;

mod model;
mod refused;
mod signed;
mod stress;
