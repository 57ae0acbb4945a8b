//! The relations between keys that must hold; a rule must never judge a single key, whose bounds stand in the table.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::Config;
use super::words::{Reads, Signing};

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
    provable,
    |c| paired(["http.tls_cert_file", "http.tls_key_file"], [&c.http.tls_cert_file, &c.http.tls_key_file]),
    |c| paired(["grpc.tls_cert_file", "grpc.tls_key_file"], [&c.grpc.tls_cert_file, &c.grpc.tls_key_file]),
    |c| paired(["admin.tls_cert_file", "admin.tls_key_file"], [&c.admin.tls_cert_file, &c.admin.tls_key_file]),
    |c| shown(["http.tls_client_ca_file", "http.tls_cert_file"], [&c.http.tls_client_ca_file, &c.http.tls_cert_file]),
    |c| shown(["grpc.tls_client_ca_file", "grpc.tls_cert_file"], [&c.grpc.tls_client_ca_file, &c.grpc.tls_cert_file]),
    |c| {
        let keys = ["admin.tls_client_ca_file", "admin.tls_cert_file"];
        shown(keys, [&c.admin.tls_client_ca_file, &c.admin.tls_cert_file])
    },
    |c| {
        asked(
            ["http.tls_client_crl_file", "http.tls_client_ca_file"],
            [&c.http.tls_client_crl_file, &c.http.tls_client_ca_file],
        )
    },
    |c| {
        asked(
            ["grpc.tls_client_crl_file", "grpc.tls_client_ca_file"],
            [&c.grpc.tls_client_crl_file, &c.grpc.tls_client_ca_file],
        )
    },
    |c| {
        let keys = ["admin.tls_client_crl_file", "admin.tls_client_ca_file"];
        asked(keys, [&c.admin.tls_client_crl_file, &c.admin.tls_client_ca_file])
    },
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
    |c| {
        let keys = ["canary.check_ms", "canary.window_ms"];
        at_most(keys, [c.canary.check.as_millis(), c.canary.window.as_millis()])
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
    let guarded = config.admin.token_file.is_some() || config.admin.tls_client_ca_file.is_some();
    (!listen.ip().is_loopback() && !guarded).then(|| Clash {
        keys: ["admin.listen", "admin.token_file"],
        expected: "a token file, or admin.tls_client_ca_file, when the operator's door listens beyond loopback",
        got: format!("{listen} and no token file"),
    })
}

/// Nobody could read at all.
fn provable(config: &Config) -> Option<Clash> {
    let guarded = config.admin.token_file.is_some() || config.admin.tls_client_ca_file.is_some();
    (config.admin.reads == Reads::Token && !guarded).then(|| Clash {
        keys: ["admin.reads", "admin.token_file"],
        expected: "a token file, or admin.tls_client_ca_file, where reads need a role",
        got: "token and no token file".to_owned(),
    })
}

/// A certificate is nothing without its key, nor a key without its certificate.
fn paired(keys: [&'static str; 2], [cert, key]: [&Option<PathBuf>; 2]) -> Option<Clash> {
    (cert.is_some() != key.is_some()).then(|| Clash {
        keys,
        expected: "both or neither",
        got: format!("{} and {}", set(cert), set(key)),
    })
}

/// Only a door that shows a certificate can ask for one.
fn shown(keys: [&'static str; 2], files: [&Option<PathBuf>; 2]) -> Option<Clash> {
    needed(keys, files, "the door's own certificate where clients are asked for theirs")
}

/// Nobody is revoked where nobody is asked for a certificate.
fn asked(keys: [&'static str; 2], files: [&Option<PathBuf>; 2]) -> Option<Clash> {
    needed(keys, files, "the authorities of clients' certificates where some of those are revoked")
}

/// The first file is nothing without the second.
fn needed(keys: [&'static str; 2], [file, basis]: [&Option<PathBuf>; 2], expected: &'static str) -> Option<Clash> {
    (file.is_some() && basis.is_none()).then(|| Clash {
        keys,
        expected,
        got: format!("{} and {}", set(file), set(basis)),
    })
}

fn set(path: &Option<PathBuf>) -> String {
    path.as_ref().map_or_else(|| "no file".to_owned(), |path| path.display().to_string())
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
