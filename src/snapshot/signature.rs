//! Signatures of manifests: ed25519 over the very bytes of `manifest.json`, in `manifest.sig` beside it.
//!
//! A manifest lists the digest of every other file, so its signature is a release's. Signature and keys are what
//! `openssl` reads and writes: 64 raw bytes, and PEM. Nothing here must ever show a private key.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};

use super::manifest::{MANIFEST, SIGNATURE};
use super::publish::PARTIAL;
use super::store::sync_dir;

/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;
/// Bytes of a public key.
const KEY_BYTES: usize = 32;
/// What stands before an ed25519 key in its `SubjectPublicKeyInfo` (RFC 8410).
const KEY_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// What stands before an ed25519 seed in its PKCS #8 (RFC 8410): version 1, which every tool reads.
const SECRET_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// Bytes of a file that are read: a signature and a key in PEM are far shorter, and nothing longer is either.
const FILE_BYTES_MAX: u64 = 16 << 10;
/// Characters of base64 on a line of PEM.
const PEM_COLUMNS: usize = 64;
/// Hexadecimal digits of a key's name: enough to tell an operator's keys apart.
const NAME_DIGITS: usize = 16;

/// A signature of a manifest. As text it is 128 hexadecimal digits, fit for a header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; SIGNATURE_BYTES]);

/// A key that may have signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; KEY_BYTES]);

/// A key that signs. It is never shown.
pub struct SigningKey(Ed25519KeyPair);

/// Why a key or a signature cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// The file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not a public key.
    #[error("{} is no ed25519 public key, expected the PEM that `segue keygen` writes (`BEGIN PUBLIC KEY`)", path.display())]
    PublicKey {
        /// The file.
        path: PathBuf,
    },
    /// Not a private key.
    #[error("{} is no ed25519 private key, expected the PEM that `segue keygen` writes (`BEGIN PRIVATE KEY`)", path.display())]
    PrivateKey {
        /// The file.
        path: PathBuf,
    },
    /// Not a signature.
    #[error("{what} has {got} bytes, expected the {SIGNATURE_BYTES} of an ed25519 signature; sign the manifest again")]
    Length {
        /// Where it came from.
        what: String,
        /// Its bytes.
        got: usize,
    },
    /// There is none where there must be one.
    #[error("{} is not signed, expected a {SIGNATURE} beside its {MANIFEST}; sign it with `segue sign DIR --key FILE`", dir.display())]
    Unsigned {
        /// Where it should be.
        dir: PathBuf,
    },
    /// None of the keys made it.
    #[error(
        "the {SIGNATURE} in {} is of none of the keys {known:?}; sign it with one of them, or check with the key of whoever did",
        dir.display()
    )]
    Unknown {
        /// Where it lies.
        dir: PathBuf,
        /// The names of the keys that were tried.
        known: Vec<String>,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes for a key; try again")]
    Random,
}

/// The key, of several, that signed the manifest in a directory.
pub fn check_signed(dir: &Path, keys: &[PublicKey]) -> Result<PublicKey, SignatureError> {
    let path = dir.join(MANIFEST);
    let manifest = fs::read(&path).map_err(|source| SignatureError::Io { path, source })?;
    let signature = Signature::read(dir)?.ok_or_else(|| SignatureError::Unsigned { dir: dir.to_owned() })?;
    let known = || keys.iter().map(PublicKey::to_string).collect();
    let signer = keys.iter().find(|key| key.signed(&manifest, &signature)).copied();
    signer.ok_or_else(|| SignatureError::Unknown { dir: dir.to_owned(), known: known() })
}

impl Signature {
    /// The signature that lies in a directory, if one does.
    pub fn read(dir: &Path) -> Result<Option<Self>, SignatureError> {
        let path = dir.join(SIGNATURE);
        match read_start(&path) {
            Ok(bytes) => Self::from_bytes(&bytes, SIGNATURE).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(SignatureError::Io { path, source }),
        }
    }

    /// Lays it into a directory, in the place of one that is there; durable when this returns.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        let mut partial = tempfile::Builder::new().prefix(PARTIAL).make_in(dir, |path| File::create_new(path))?;
        partial.write_all(&self.0)?;
        partial.as_file().sync_all()?;
        partial.persist(dir.join(SIGNATURE)).map_err(|error| error.error)?;
        sync_dir(dir)
    }

    /// The signature that these bytes are; `what` says where they came from.
    pub fn from_bytes(bytes: &[u8], what: &str) -> Result<Self, SignatureError> {
        let wrong = |_| SignatureError::Length { what: what.to_owned(), got: bytes.len() };
        bytes.try_into().map(Self).map_err(wrong)
    }

    /// Its bytes, as `manifest.sig` holds them.
    pub fn as_bytes(&self) -> &[u8; SIGNATURE_BYTES] {
        &self.0
    }
}

fn read_start(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl PublicKey {
    /// Reads a key's file.
    pub fn read(path: &Path) -> Result<Self, SignatureError> {
        let pem = read_start(path).map_err(|source| SignatureError::Io { path: path.to_owned(), source })?;
        Self::from_pem(&pem).ok_or_else(|| SignatureError::PublicKey { path: path.to_owned() })
    }

    /// The key's PEM.
    pub fn to_pem(self) -> String {
        pem("PUBLIC KEY", &[&KEY_HEAD[..], &self.0].concat())
    }

    /// Whether it made a signature of these bytes.
    pub fn signed(&self, message: &[u8], signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, &signature.0).is_ok()
    }

    fn from_pem(pem: &[u8]) -> Option<Self> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).ok()?;
        der.strip_prefix(&KEY_HEAD)?.try_into().ok().map(Self)
    }
}

/// A short name, which follows from the key.
impl fmt::Display for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&blake3::hash(&self.0).to_hex()[..NAME_DIGITS])
    }
}

impl SigningKey {
    /// A new key, and the PEM to keep it in.
    pub fn generate() -> Result<(Self, String), SignatureError> {
        let mut seed = [0; KEY_BYTES];
        SystemRandom::new().fill(&mut seed).map_err(|_| SignatureError::Random)?;
        let text = pem("PRIVATE KEY", &[&SECRET_HEAD[..], &seed].concat());
        let key = Self::from_pem(text.as_bytes()).ok_or(SignatureError::Random)?;
        Ok((key, text))
    }

    /// Reads a key's file.
    pub fn read(path: &Path) -> Result<Self, SignatureError> {
        let pem = read_start(path).map_err(|source| SignatureError::Io { path: path.to_owned(), source })?;
        Self::from_pem(&pem).ok_or_else(|| SignatureError::PrivateKey { path: path.to_owned() })
    }

    /// The key that tells its signatures.
    pub fn public(&self) -> PublicKey {
        let bytes = self.0.public_key().as_ref();
        PublicKey(bytes.try_into().expect("an ed25519 public key has 32 bytes"))
    }

    /// Signs.
    pub fn sign(&self, message: &[u8]) -> Signature {
        let signed = self.0.sign(message);
        Signature(signed.as_ref().try_into().expect("an ed25519 signature has 64 bytes"))
    }

    fn from_pem(pem: &[u8]) -> Option<Self> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).ok()?;
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).ok().map(Self)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Signature({self})")
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SigningKey(of {})", self.public())
    }
}

impl FromStr for Signature {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let byte = |pair: &[u8]| Some((digit(*pair.first()?)? * 16 + digit(*pair.get(1)?)?) as u8);
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
        Self::from_bytes(&bytes.unwrap_or_default(), "the signature")
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines = body.as_bytes().chunks(PEM_COLUMNS).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}
