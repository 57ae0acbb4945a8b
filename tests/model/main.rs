//! The model: its prompt, its network beside another implementation, its files, and what it answers.

#[path = "../support/mod.rs"]
mod support;

mod config;
mod damage;
mod files;
mod network;
mod parity;
mod prompt;
mod rank;
