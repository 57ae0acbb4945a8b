//! TLS on the doors: which certificate a door shows, and whose it asks for. It must never fall back to less than was
//! configured: files that cannot be used leave the certificates before them in place.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

mod files;
mod follow;
mod material;
mod revocation;
mod subject;

pub use files::TlsFiles;
pub use follow::Follower;
pub use material::TlsError;
pub use subject::Subject;

use material::Material;

use crate::clock::unix_s;
use crate::listen::{Peer, Protocol, Stream};
use crate::metrics::{Metrics, Port};
use crate::trace::Seldom;

/// Longest wait for a client's part of a handshake: two round trips, over any network.
const HANDSHAKE_WAIT_MAX: Duration = Duration::from_secs(10);
/// Shortest time between two lines about connections that failed: anyone can make one fail.
const LINE_INTERVAL: Duration = Duration::from_secs(1);

/// TLS on one door.
pub struct Tls {
    port: Port,
    files: TlsFiles,
    spoken: &'static [&'static [u8]],
    used: Mutex<Used>,
    metrics: Metrics,
    told: Seldom,
}

/// What connections are encrypted with now.
struct Used {
    config: Arc<ServerConfig>,
    /// Of the certificate in it.
    shown: blake3::Hash,
    /// Of what was found at the last look, usable or not: it is tried, and told, once.
    looked_at: blake3::Hash,
}

/// Why a connection could not be encrypted.
#[derive(Debug, thiserror::Error)]
enum HandshakeError {
    #[error("the client speaks no TLS, and this door nothing else; call it by https")]
    Plain,
    #[error("{0}")]
    Io(std::io::Error),
    #[error("the client did not finish the handshake in {} s", HANDSHAKE_WAIT_MAX.as_secs())]
    Slow,
    #[error("the subject of the client's certificate cannot be read: {0}")]
    Subject(#[from] x509_cert::der::Error),
}

impl Tls {
    /// Loads the certificates of a door that speaks a protocol, if it has any files of them.
    ///
    /// # Errors
    /// When a file cannot be read or used.
    pub fn of<P: Protocol>(files: Option<TlsFiles>, metrics: &Metrics) -> Result<Option<Arc<Self>>, TlsError> {
        files.map(|files| Self::load(files, P::SPOKEN, metrics).map(Arc::new)).transpose()
    }

    /// Loads a door's certificates.
    ///
    /// # Errors
    /// When a file cannot be read or used.
    pub fn load(files: TlsFiles, spoken: &'static [&'static [u8]], metrics: &Metrics) -> Result<Self, TlsError> {
        let material = Material::read(&files)?;
        let used =
            Used { config: material.config(&files, spoken)?, shown: material.shown(), looked_at: material.digest() };
        let port = files.port;
        let tls = Self {
            used: Mutex::new(used),
            metrics: metrics.clone(),
            told: Seldom::new(LINE_INTERVAL),
            port,
            files,
            spoken,
        };
        tls.show(&material);
        Ok(tls)
    }

    /// Looks at the files, and uses what they hold from the next connection on if that has changed; what cannot be used
    /// is logged once, and changes nothing. Reads files.
    pub fn refresh(&self) {
        if let Err(error) = self.try_refresh() {
            tracing::error!(door = self.port.word(), "new certificates are not used, those before them are: {error}");
        }
    }

    /// The digest of the certificate that the next connection is shown, so that two can be told apart.
    pub fn shown(&self) -> blake3::Hash {
        self.used.lock().shown
    }

    /// Encrypts a connection, and adds to `peer` whom its certificate names; nothing where that fails, which is counted.
    pub(crate) async fn accept<S: Stream>(&self, stream: S, peer: Peer) -> Option<(TlsStream<S>, Peer)> {
        match self.handshake(stream).await {
            Ok((stream, certificate)) => Some((stream, Peer { certificate, ..peer })),
            Err(error) => {
                self.metrics.tls().failed(self.port);
                if self.told.is_due() {
                    tracing::warn!(door = self.port.word(), peer = %peer.address, "connection refused: {error}");
                }
                None
            }
        }
    }

    async fn handshake<S: Stream>(&self, stream: S) -> Result<(TlsStream<S>, Option<Subject>), HandshakeError> {
        let acceptor = TlsAcceptor::from(self.config());
        let accepted = tokio::time::timeout(HANDSHAKE_WAIT_MAX, acceptor.accept(stream)).await;
        let stream = accepted.map_err(|_| HandshakeError::Slow)?.map_err(HandshakeError::of)?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let subject = certificate.map(|certificate| Subject::of(certificate)).transpose()?;
        Ok((stream, subject))
    }

    fn config(&self) -> Arc<ServerConfig> {
        self.used.lock().config.clone()
    }

    fn try_refresh(&self) -> Result<(), TlsError> {
        let read = Material::read(&self.files);
        let digest = match &read {
            Ok(material) => material.digest(),
            Err(error) => blake3::hash(error.to_string().as_bytes()),
        };
        if !self.is_news(digest) {
            return Ok(());
        }
        let material = read?;
        let config = material.config(&self.files, self.spoken)?;
        {
            let mut used = self.used.lock();
            (used.config, used.shown) = (config, material.shown());
        }
        self.show(&material);
        Ok(())
    }

    /// Whether this was not what was found at the last look.
    fn is_news(&self, digest: blake3::Hash) -> bool {
        std::mem::replace(&mut self.used.lock().looked_at, digest) != digest
    }

    /// Says what is used from now on.
    fn show(&self, material: &Material) {
        let ends_unix_s = material.ends_unix_s();
        self.metrics.tls().ends(self.port, ends_unix_s);
        let ends = written(ends_unix_s);
        tracing::info!(door = self.port.word(), subject = material.subject(), %ends, "certificate in use");
        material.lists_end_unix_s().into_iter().for_each(|ends_unix_s| self.show_lists(ends_unix_s));
    }

    fn show_lists(&self, ends_unix_s: u64) {
        self.metrics.tls().lists_end(self.port, ends_unix_s);
        let (door, ends) = (self.port.word(), written(ends_unix_s));
        if ends_unix_s > unix_s() {
            tracing::info!(door, %ends, "revocation lists in use");
        } else {
            tracing::error!(door, %ends, "a revocation list has ended, and clients that it is about are refused: bring a new one");
        }
    }
}

/// A time as the log shows it.
fn written(time_unix_s: u64) -> impl std::fmt::Display {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(time_unix_s))
}

impl HandshakeError {
    fn of(error: std::io::Error) -> Self {
        use rustls::{Error, InvalidMessage};
        match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => Self::Plain,
            _ => Self::Io(error),
        }
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tls").field("port", &self.port).finish_non_exhaustive()
    }
}
