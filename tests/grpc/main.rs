//! The gRPC door over real sockets: every call, every status, and every stream at its end.

#[path = "../support/mod.rs"]
mod support;

mod door;

mod answers;
mod refusals;
mod stream;
mod catalogue;
mod health;
mod reflection;
mod drain;
