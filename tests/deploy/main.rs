//! The deployment files against the program they deploy: ports, paths, times, names and contexts must never drift apart.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

#[path = "../support/admin.rs"]
mod site;

mod files;
mod image;
mod kubernetes;
mod chart;
mod host;
mod settings;
mod commands;
mod alerts;
