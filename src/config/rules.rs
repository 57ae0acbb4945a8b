//! The relations between keys that must hold; a rule must never judge a single key, whose bounds stand in the table.

use std::net::SocketAddr;

use super::{Config, Signing};

/// Two values that do not go together.
#[derive(Debug)]
pub(super) struct Clash {
    /// The two keys' names.
    pub keys: [&'static str; 2],
    /// The relation that must hold.
    pub expected: &'static str,
    /// Both values.
    pub got: String,
}

/// Every relation.
pub(super) const RULES: &[fn(&Config) -> Option<Clash>] = &[
    |c| apart(["http.listen", "grpc.listen"], [c.http.listen, c.grpc.listen]),
    |c| apart(["http.listen", "admin.listen"], [c.http.listen, c.admin.listen]),
    |c| apart(["grpc.listen", "admin.listen"], [c.grpc.listen, c.admin.listen]),
    guarded,
    checkable,
    |c| {
        let keys = ["request.limit_default", "request.limit_max"];
        at_most(keys, [c.request.limit_default as u128, c.request.limit_max as u128])
    },
    |c| {
        let keys = ["request.deadline_default_ms", "request.deadline_max_ms"];
        at_most(keys, [c.request.deadline_default.as_millis(), c.request.deadline_max.as_millis()])
    },
    |c| {
        let keys = ["request.batch_max", "request.in_flight_max"];
        at_most(keys, [c.request.batch_max as u128, c.request.in_flight_max as u128])
    },
];

/// Two doors on one port: the system may let both bind (they share ports between workers) and split the traffic.
fn apart(keys: [&'static str; 2], [left, right]: [SocketAddr; 2]) -> Option<Clash> {
    let same_ip = left.ip() == right.ip() || left.ip().is_unspecified() || right.ip().is_unspecified();
    (same_ip && left.port() == right.port() && left.port() != 0).then(|| Clash {
        keys,
        expected: "different addresses",
        got: format!("{left} and {right}"),
    })
}

fn guarded(config: &Config) -> Option<Clash> {
    let listen = config.admin.listen;
    (!listen.ip().is_loopback() && config.admin.token_file.is_none()).then(|| Clash {
        keys: ["admin.listen", "admin.token_file"],
        expected: "a token file when the operator's door listens beyond loopback",
        got: format!("{listen} and no token file"),
    })
}

fn checkable(config: &Config) -> Option<Clash> {
    let gates = &config.gates;
    (gates.signature == Signing::Required && gates.signature_keys.is_empty()).then(|| Clash {
        keys: ["gates.signature", "gates.signature_keys"],
        expected: "at least one key where signatures are required",
        got: format!("\"{}\" and no key", gates.signature.word()),
    })
}

fn at_most(keys: [&'static str; 2], [left, right]: [u128; 2]) -> Option<Clash> {
    (left > right).then(|| Clash {
        keys,
        expected: "the first to be at most the second",
        got: format!("{left} and {right}"),
    })
}
