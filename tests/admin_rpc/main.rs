//! The operator's calls over gRPC, as a stock client makes them: the same facts and refusals as over HTTP.

#[path = "../support/admin.rs"]
mod support;

mod caller;
mod life;
mod push;
mod refusals;
mod watch;
