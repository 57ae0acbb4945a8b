//! Encrypted doors as clients and operators meet them, over real sockets: good certificates, none, foreign and expired
//! ones, and new ones.

#[path = "../support/mod.rs"]
mod support;

mod clients;
mod command;
mod doors;
mod renewal;
mod revocation;
