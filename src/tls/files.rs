//! Where a door's certificates are; it must never open them.

use std::path::PathBuf;

use crate::config;
use crate::metrics::Port;

/// The files of one door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Which door.
    pub port: Port,
    /// Its certificate, and those that lead to its authority's.
    pub cert: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
    /// The authorities of clients' certificates; without it clients are not asked for one.
    pub client_ca: Option<PathBuf>,
    /// Whether a client that is asked and shows none is refused.
    pub client_required: bool,
}

impl TlsFiles {
    /// Those of the HTTP door, if it speaks TLS.
    pub fn http(config: &config::Http) -> Option<Self> {
        let files = (config.tls_cert_file.clone()?, config.tls_key_file.clone()?);
        Some(Self::new(Port::Http, files, config.tls_client_ca_file.clone()))
    }

    /// Those of the gRPC door, if it speaks TLS.
    pub fn grpc(config: &config::Grpc) -> Option<Self> {
        let files = (config.tls_cert_file.clone()?, config.tls_key_file.clone()?);
        Some(Self::new(Port::Grpc, files, config.tls_client_ca_file.clone()))
    }

    /// Those of the operator's door, if it speaks TLS.
    pub fn admin(config: &config::Admin) -> Option<Self> {
        let files = (config.tls_cert_file.clone()?, config.tls_key_file.clone()?);
        let files = Self::new(Port::Admin, files, config.tls_client_ca_file.clone());
        Some(Self { client_required: config.tls_client_required, ..files })
    }

    fn new(port: Port, (cert, key): (PathBuf, PathBuf), client_ca: Option<PathBuf>) -> Self {
        Self { port, cert, key, client_ca, client_required: true }
    }
}
