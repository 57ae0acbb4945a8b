//! What a call proves itself with, and what the service's certificate is checked against; no secret is ever shown.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use super::ClientError;
use crate::auth::Token;

/// Largest file that is read: some hundred certificates.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What proves who calls, and who is called.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The token to show.
    pub token: Option<Token>,
    /// File with the authorities, in PEM, that the service's certificate is checked against instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// File with the certificate to show, in PEM.
    pub cert_file: Option<PathBuf>,
    /// File with that certificate's private key, in PEM.
    pub key_file: Option<PathBuf>,
}

impl Access {
    /// How to speak TLS. Reads the files.
    ///
    /// # Errors
    /// When one cannot be read, or holds something else.
    pub fn tls(&self) -> Result<TlsConfig, ClientError> {
        let roots = match &self.ca_file {
            Some(path) => RootCerts::new_with_certs(&certificates(path)?),
            None => RootCerts::WebPki,
        };
        let shown = match (&self.cert_file, &self.key_file) {
            (Some(cert), Some(key)) => Some(ClientCert::new_with_certs(&certificates(cert)?, private_key(key)?)),
            _ => None,
        };
        Ok(TlsConfig::builder().root_certs(roots).client_cert(shown).build())
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, ClientError> {
    let certificates: Vec<_> = items(path)?
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() { Err(unusable(path, "at least one certificate")) } else { Ok(certificates) }
}

fn private_key(path: &Path) -> Result<PrivateKey<'static>, ClientError> {
    let key = items(path)?.into_iter().find_map(|item| match item {
        PemItem::PrivateKey(key) => Some(key),
        _ => None,
    });
    key.ok_or_else(|| unusable(path, "a private key"))
}

fn items(path: &Path) -> Result<Vec<PemItem<'static>>, ClientError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes));
    read.map_err(|source: io::Error| ClientError::File { path: path.to_owned(), source })?;
    parse_pem(&bytes).collect::<Result<_, _>>().map_err(|_| unusable(path, "PEM"))
}

fn unusable(path: &Path, expected: &'static str) -> ClientError {
    ClientError::Pem { path: path.to_owned(), expected }
}
