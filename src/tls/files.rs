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
    /// The lists of clients' certificates that were revoked; without it none is.
    pub client_crl: Option<PathBuf>,
    /// Whether a client that is asked and shows none is refused.
    pub client_required: bool,
}

impl TlsFiles {
    /// Those of the HTTP door, if it speaks TLS.
    pub fn http(config: &config::Http) -> Option<Self> {
        let files = (config.tls_cert_file.clone()?, config.tls_key_file.clone()?);
        Some(Self::new(Port::Http, files, [&config.tls_client_ca_file, &config.tls_client_crl_file]))
    }

    /// Those of the gRPC door, if it speaks TLS.
    pub fn grpc(config: &config::Grpc) -> Option<Self> {
        let files = (config.tls_cert_file.clone()?, config.tls_key_file.clone()?);
        Some(Self::new(Port::Grpc, files, [&config.tls_client_ca_file, &config.tls_client_crl_file]))
    }

    /// Those of the operator's door, if it speaks TLS.
    pub fn admin(config: &config::Admin) -> Option<Self> {
        let files = (config.tls_cert_file.clone()?, config.tls_key_file.clone()?);
        let files = Self::new(Port::Admin, files, [&config.tls_client_ca_file, &config.tls_client_crl_file]);
        Some(Self { client_required: config.tls_client_required, ..files })
    }

    fn new(port: Port, (cert, key): (PathBuf, PathBuf), clients: [&Option<PathBuf>; 2]) -> Self {
        let [client_ca, client_crl] = clients.map(Clone::clone);
        Self { port, cert, key, client_ca, client_crl, client_required: true }
    }
}
