//! The HTTP door of a whole service, over real sockets: every call, every status, and every way to hold a connection.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod batch;
mod cache;
mod catalogue;
mod connections;
mod limits;
mod openapi;
mod refusals;
