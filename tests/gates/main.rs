//! The gates, each seen refusing its own fault with a reason, passing what is sound, and silent when it is off.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

#[path = "../support/mod.rs"]
mod support;

mod faults;
mod fetch;
mod locked;
mod made;
mod residence;
mod service;
mod signed;
