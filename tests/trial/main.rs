//! A release on trial: who sees it, what is compared for nobody to see, and who takes it back.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

#[path = "../support/mod.rs"]
mod support;

mod canary;
mod doors;
mod guard;
mod lineup;
#[path = "../fallback/puppet.rs"]
#[allow(dead_code, reason = "the other program that uses it uses all of it")]
mod puppet;
mod shadow;
mod share;
mod site;
