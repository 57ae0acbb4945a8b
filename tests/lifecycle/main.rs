//! The life of releases in a running service: what an operator may ask of them, in any order, and what a kill leaves.

#[path = "../support/admin.rs"]
mod admin;

mod back;
mod commands;
mod killed;
mod model;
mod outside;
mod random;
mod stand;
mod start;
