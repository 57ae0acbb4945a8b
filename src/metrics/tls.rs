//! What encrypted doors count; a door that speaks no TLS shows nothing here.

use std::sync::Arc;

use super::registrar::Registrar;
use super::{TLS_CERTIFICATE_EXPIRY, TLS_CLIENT_CRL_EXPIRY, TLS_HANDSHAKE_FAILURES};

/// A door by its section's word, the operator's included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// JSON over HTTP.
    Http,
    /// Protobuf over gRPC.
    Grpc,
    /// The operator's.
    Admin,
}

/// The handles of encryption. A handshake costs thousands of times what looking a counter up does.
pub struct TlsMetrics {
    registrar: Arc<Registrar>,
}

impl Port {
    /// The word that spells it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Grpc => "grpc",
            Self::Admin => "admin",
        }
    }
}

impl TlsMetrics {
    pub(super) fn new(registrar: &Arc<Registrar>) -> Self {
        Self { registrar: registrar.clone() }
    }

    /// Counts a connection that could not be encrypted.
    pub fn failed(&self, port: Port) {
        self.registrar.counter(&TLS_HANDSHAKE_FAILURES, &[port.word()]).increment(1);
    }

    /// Shows when the certificate of a door ends, in seconds since 1970 UTC, and its count of failures from now on.
    pub fn ends(&self, port: Port, ends_unix_s: u64) {
        self.registrar.gauge(&TLS_CERTIFICATE_EXPIRY, &[port.word()]).set(ends_unix_s as f64);
        self.registrar.counter(&TLS_HANDSHAKE_FAILURES, &[port.word()]).increment(0);
    }

    /// Shows when the first of a door's lists of revoked clients ends, in seconds since 1970 UTC.
    pub fn lists_end(&self, port: Port, ends_unix_s: u64) {
        self.registrar.gauge(&TLS_CLIENT_CRL_EXPIRY, &[port.word()]).set(ends_unix_s as f64);
    }
}
