//! Authorities, the certificates that they issue, and callers that show them; it must hold no test.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned};
use tempfile::TempDir;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::caller::PATIENCE;

/// Who issues certificates.
pub(crate) struct Authority {
    dir: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
    name: String,
    /// What whoever shows one of its certificates shows as well: its own, unless all trust it anyway.
    chain: String,
}

/// What a certificate is for, and when.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Made {
    /// Now and for servers.
    Server,
    /// Now and for clients.
    Client,
    /// For clients of last century.
    Ended,
    /// For clients of next century.
    NotYet,
    /// For clients, without a common name and with a URI instead.
    Workload,
}

/// The files of a certificate.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let name = name_of(&key);
        Self::of(CertifiedIssuer::self_signed(authority(&name), key).expect("a certificate"), name)
    }

    /// One whom this one trusts, and nobody else by itself.
    pub(crate) fn below(&self) -> Self {
        let key = KeyPair::generate().expect("a key");
        let name = name_of(&key);
        let issuer = CertifiedIssuer::signed_by(authority(&name), key, &self.issuer).expect("a certificate");
        Self { chain: issuer.pem(), ..Self::of(issuer, name) }
    }

    /// One that pretends to be this one.
    pub(crate) fn namesake(&self) -> Self {
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(authority(&self.name), key).expect("a certificate");
        Self::of(issuer, self.name.clone())
    }

    fn of(issuer: CertifiedIssuer<'static, KeyPair>, name: String) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        fs::write(dir.path().join("ca.crt"), issuer.pem()).expect("the directory can be written");
        Self { dir, issuer, name, chain: String::new() }
    }

    /// The file that makes others trust it.
    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("ca.crt")
    }

    /// A certificate for a name; one of a server is also for 127.0.0.1.
    pub(crate) fn issue(&self, name: &str, made: Made) -> Issued {
        let file = name.replace(['/', ':'], "-");
        let path = |kind| self.dir.path().join(format!("{file}.{kind}"));
        let issued = Issued { cert: path("crt"), key: path("key") };
        self.issue_into(&issued, name, made);
        issued
    }

    /// The same, in the place of another.
    pub(crate) fn issue_into(&self, into: &Issued, name: &str, made: Made) {
        let names = match made {
            Made::Server => vec!["127.0.0.1".to_owned(), "localhost".to_owned()],
            Made::Workload => vec![name.to_owned()],
            _ => vec![],
        };
        let mut params = CertificateParams::new(names).expect("good names");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Example");
        if made == Made::Workload {
            params.subject_alt_names = vec![rcgen::SanType::URI(name.try_into().expect("ASCII"))];
        } else {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        params.extended_key_usages = vec![match made {
            Made::Server => ExtendedKeyUsagePurpose::ServerAuth,
            _ => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        (params.not_before, params.not_after) = match made {
            Made::Ended => (date_time_ymd(1990, 1, 1), date_time_ymd(1999, 1, 1)),
            Made::NotYet => (date_time_ymd(2100, 1, 1), date_time_ymd(2101, 1, 1)),
            _ => (date_time_ymd(2000, 1, 1), date_time_ymd(2090, 1, 1)),
        };
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        fs::write(&into.key, key.serialize_pem()).expect("the directory can be written");
        fs::write(&into.cert, certificate.pem() + &self.chain).expect("the directory can be written");
    }

    /// A list of those of its certificates that no longer count, made in a year and good for half of a century.
    pub(crate) fn revoke(&self, revoked: &[&Issued], year: i32) -> String {
        let revoked = revoked.iter().map(|issued| RevokedCertParams {
            serial_number: serial(issued),
            revocation_time: date_time_ymd(2000, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(year, 1, 1),
            next_update: date_time_ymd(year + 50, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).expect("a list").pem().expect("as text")
    }

    /// What a client needs who trusts this authority, and shows a certificate or none.
    pub(crate) fn client(&self, shown: Option<&Issued>, spoken: &[&[u8]]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        certificates(&self.file()).into_iter().for_each(|authority| roots.add(authority).expect("an authority"));
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("they are").with_root_certificates(roots);
        let mut config = match shown {
            None => builder.with_no_client_auth(),
            Some(Issued { cert, key }) => {
                let key = PrivateKeyDer::from_pem_file(key).expect("a key");
                builder.with_client_auth_cert(certificates(cert), key).expect("they belong together")
            }
        };
        config.alpn_protocols = spoken.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config)
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([]).expect("no name is a fine one");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// Each has a name of its own, as in the world.
fn name_of(key: &KeyPair) -> String {
    format!("authority {}", blake3::hash(key.public_key_raw()))[..20].to_owned()
}

fn serial(issued: &Issued) -> SerialNumber {
    let certificate = Certificate::from_der(&certificates(&issued.cert)[0]).expect("a certificate");
    SerialNumber::from_slice(certificate.tbs_certificate.serial_number.as_bytes())
}

fn certificates(path: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(path).expect("a file").collect::<Result<_, _>>().expect("certificates")
}

/// An encrypted connection.
pub(crate) struct Line {
    stream: StreamOwned<ClientConnection, TcpStream>,
}

impl Line {
    /// Connects; nothing is said yet, and the handshake is made with the first byte.
    pub(crate) fn to(address: SocketAddr, config: &Arc<ClientConfig>) -> Self {
        let socket = TcpStream::connect(address).expect("the door is open");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time above zero");
        let name = ServerName::from(address.ip());
        let connection = ClientConnection::new(config.clone(), name).expect("a name");
        Self { stream: StreamOwned::new(connection, socket) }
    }

    /// Asks over HTTP/1.1, and reads the reply's status and body.
    pub(crate) fn call(&mut self, method: &str, path: &str, headers: &[&str]) -> io::Result<(u16, String)> {
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n{headers}\r\n");
        self.stream.write_all(head.as_bytes())?;
        let head = self.read_head()?;
        let number = |text: &str| text.trim().parse::<usize>().ok();
        let status = head.split(' ').nth(1).and_then(number).expect("a status line") as u16;
        let length = head.lines().find_map(|line| number(line.strip_prefix("content-length:")?)).unwrap_or(0);
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    /// The certificate that the service showed.
    pub(crate) fn shown(&self) -> Option<CertificateDer<'static>> {
        self.stream.conn.peer_certificates()?.first().map(|certificate| certificate.clone().into_owned())
    }

    /// What both sides agreed to speak.
    pub(crate) fn spoken(&self) -> Option<&[u8]> {
        self.stream.conn.alpn_protocol()
    }

    /// Whether this goes on with an earlier session.
    pub(crate) fn is_resumed(&self) -> bool {
        self.stream.conn.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    fn read_head(&mut self) -> io::Result<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        Ok(String::from_utf8_lossy(&head).to_lowercase())
    }
}
