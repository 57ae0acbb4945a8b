//! What several test programs share; it must hold no test itself.

#![allow(dead_code, reason = "each test program uses its own part")]

pub(crate) mod caller;
pub(crate) mod certificates;
pub(crate) mod model;
pub(crate) mod release;
pub(crate) mod service;
pub(crate) mod spoken;
pub(crate) mod table;
pub(crate) mod vectors;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use segue::answer::LADDER;
use segue::config::{Config, MissingModel};

use caller::PATIENCE;

/// A service on `dir`, on ports that the system chooses, with limits small enough to reach and time enough that a busy
/// machine changes no result.
pub(crate) fn config(dir: &Path) -> Config {
    let mut config = Config::defaults(dir);
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    (config.http.listen, config.grpc.listen, config.admin.listen) = (any, any, any);
    config.runtime.workers = 2;
    config.request.history_max = 8;
    config.request.exclude_max = 4;
    config.request.limit_max = 20;
    config.request.batch_max = 6;
    config.request.in_flight_max = 8;
    config.request.deadline_default = PATIENCE;
    config.request.deadline_max = PATIENCE;
    config.http.header_read_timeout = 2 * PATIENCE;
    config.http.body_read_timeout = 2 * PATIENCE;
    config.model.timeout = PATIENCE / 2;
    // Most releases here name a model that nobody trained, and which nothing asks.
    config.model.missing = MissingModel::Serve;
    config.answer.rungs = LADDER.to_vec();
    config.drain.lame_duck = Duration::ZERO;
    config.drain.grace = PATIENCE;
    config
}
