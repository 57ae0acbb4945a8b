//! What the files of a door hold, and the configuration of TLS that follows from it. It must never show a key.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use x509_cert::Certificate;
use x509_cert::der::{self, Decode};

use super::files::TlsFiles;
use super::revocation::RevocationLists;
use super::subject::Subject;

/// Largest file that is read: some hundred certificates, or some twenty thousand that were revoked. Every handshake reads
/// such a list whole, to check its signature, so that a larger one would hold up who is answered meanwhile.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The content of a door's files, read at one time.
pub(super) struct Material {
    cert: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
    client_crl: Option<Vec<u8>>,
    revoked: Option<RevocationLists>,
    shown: Certificate,
}

/// Why a door's certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The disk refused.
    #[error("{} cannot be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Larger than any of its kind.
    #[error("{} has more than {FILE_BYTES_MAX} bytes, expected some certificates, a key or revocation lists in PEM", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Not what the key asks for.
    #[error("{} is not what it should be: expected {expected}, in PEM; got {source}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// What the reader met.
        source: pem::Error,
    },
    /// Not a certificate inside.
    #[error("{} holds a certificate that cannot be read: {source}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: der::Error,
    },
    /// Certificate and key do not go together, or are of a kind that is not known.
    #[error("the certificate of {} and the key of {} cannot be used together: {source}", cert.display(), key.display())]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// Not a list inside.
    #[error("{} holds a revocation list that cannot be read: {source}", path.display())]
    RevocationList {
        /// The file.
        path: PathBuf,
        /// Why.
        source: der::Error,
    },
    /// The lists are of a kind that is not known: without an end, of changes only, or of several authorities in one.
    #[error("the revocation lists of {} cannot be used: {source}; expected whole lists of version 2, each signed by the authority of the certificates that it is about and with a nextUpdate", path.display())]
    RevocationLists {
        /// The file.
        path: PathBuf,
        /// Why.
        source: VerifierBuilderError,
    },
    /// The authorities cannot be used.
    #[error("the authorities of {} cannot be used: {source}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// Why.
        source: VerifierBuilderError,
    },
    /// One of the authorities cannot be used.
    #[error("an authority of {} cannot be used: {source}", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

impl Material {
    /// Reads a door's files.
    pub(super) fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let cert = read(&files.cert)?;
        let first = certificates(&files.cert, &cert)?.swap_remove(0);
        let unreadable = |source| TlsError::Certificate { path: files.cert.clone(), source };
        let client_crl = files.client_crl.as_deref().map(read).transpose()?;
        let revoked = files.client_crl.as_deref().zip(client_crl.as_deref());
        Ok(Self {
            revoked: revoked.map(|(path, pem)| RevocationLists::read(path, pem)).transpose()?,
            client_crl,
            shown: Certificate::from_der(&first).map_err(unreadable)?,
            key: read(&files.key)?,
            client_ca: files.client_ca.as_deref().map(read).transpose()?,
            cert,
        })
    }

    /// Of everything in it.
    pub(super) fn digest(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        let clients = [&self.client_ca, &self.client_crl].map(|part| part.as_deref().unwrap_or_default());
        for part in [self.cert.as_slice(), &self.key].into_iter().chain(clients) {
            hasher.update(&part.len().to_le_bytes()).update(part);
        }
        hasher.finalize()
    }

    /// Of the door's own certificate.
    pub(super) fn shown(&self) -> blake3::Hash {
        blake3::hash(&self.cert)
    }

    /// Whom the door's own certificate names.
    pub(super) fn subject(&self) -> String {
        Subject::read(&self.shown).map_or_else(|_| "unknown".to_owned(), |subject| subject.text)
    }

    /// When the door's own certificate ends, in seconds since 1970 UTC.
    pub(super) fn ends_unix_s(&self) -> u64 {
        self.shown.tbs_certificate.validity.not_after.to_unix_duration().as_secs()
    }

    /// When the first list of revoked clients ends, in seconds since 1970 UTC, if the door has lists.
    pub(super) fn lists_end_unix_s(&self) -> Option<u64> {
        self.revoked.as_ref().map(RevocationLists::ends_unix_s)
    }

    /// What to encrypt with.
    pub(super) fn config(
        &self,
        files: &TlsFiles,
        spoken: &'static [&'static [u8]],
    ) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let pair = |source| TlsError::Pair { cert: files.cert.clone(), key: files.key.clone(), source };
        let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        let builder = builder.map_err(pair)?.with_client_cert_verifier(self.verifier(files, provider)?);
        let chain = certificates(&files.cert, &self.cert)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|source| TlsError::Pem {
            path: files.key.clone(),
            expected: "a private key",
            source,
        })?;
        let mut config = builder.with_single_cert(chain, key).map_err(pair)?;
        config.alpn_protocols = spoken.iter().map(|protocol| protocol.to_vec()).collect();
        if self.client_ca.is_some() {
            // Whoever resumes a session is not asked again: an expired or revoked certificate would go on counting.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Arc::new(config))
    }

    fn verifier(
        &self,
        files: &TlsFiles,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let (Some(path), Some(pem)) = (&files.client_ca, &self.client_ca) else {
            return Ok(WebPkiClientVerifier::no_client_auth());
        };
        let mut roots = RootCertStore::empty();
        for authority in certificates(path, pem)? {
            roots.add(authority).map_err(|source| TlsError::Authority { path: path.clone(), source })?;
        }
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let builder = if files.client_required { builder } else { builder.allow_unauthenticated() };
        // Where there are lists, every certificate on the way to the authority must be on none of a list that still holds:
        // whoever could keep a new list from coming could otherwise bring back whom it revokes.
        let builder = builder.with_crls(self.revoked.iter().flat_map(RevocationLists::ders));
        builder.enforce_revocation_expiration().build().map_err(|source| match (&files.client_crl, source) {
            (Some(path), source @ VerifierBuilderError::InvalidCrl(_)) => {
                TlsError::RevocationLists { path: path.clone(), source }
            }
            (_, source) => TlsError::Authorities { path: path.clone(), source },
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    read.map_err(|source| TlsError::Io { path: path.to_owned(), source })?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(TlsError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

/// Every certificate of a file; at least one.
fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unusable = |source| TlsError::Pem { path: path.to_owned(), expected: "at least one certificate", source };
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().map_err(unusable)?;
    if found.is_empty() { Err(unusable(pem::Error::NoItemsFound)) } else { Ok(found) }
}
