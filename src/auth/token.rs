//! A secret that its holder proves themselves with; it must never be shown, nor compared byte by byte.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Shortest token: 16 random bytes cannot be guessed, and fewer characters do not hold even half of that.
pub const TOKEN_BYTES_MIN: usize = 16;
/// Longest token: it travels in a header.
pub const TOKEN_BYTES_MAX: usize = 4096;

/// The scheme of the `Authorization` header, as RFC 6750 writes it.
const SCHEME: &str = "Bearer";

/// A secret that its holder proves themselves with.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// Why a token's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The disk refused.
    #[error("the token file {} cannot be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not one token.
    #[error("the token in {} {source}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: TokenFault,
    },
}

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Too short to be a secret, or too long to be sent.
    #[error("has {got} bytes, expected {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX}; make one with `openssl rand -hex 32`")]
    Length {
        /// Bytes of the token; one or two more than the limit where the file is longer.
        got: usize,
    },
    /// Not what a header can carry.
    #[error("holds a space or a character that is not ASCII; make one with `openssl rand -hex 32`")]
    Characters,
}

impl Token {
    /// Reads the one token of a file, as a command sends it; white space around it is dropped.
    ///
    /// # Errors
    /// When the file cannot be read, or holds anything else.
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let mut bytes = Vec::new();
        let file = File::open(path).and_then(|file| file.take(TOKEN_BYTES_MAX as u64 + 2).read_to_end(&mut bytes));
        file.map_err(|source| TokenError::Io { path: path.to_owned(), source })?;
        Self::new(bytes.trim_ascii()).map_err(|source| TokenError::Unusable { path: path.to_owned(), source })
    }

    /// A token of these bytes.
    ///
    /// # Errors
    /// When they are too few or too many, or not what a header can carry.
    pub fn new(bytes: &[u8]) -> Result<Self, TokenFault> {
        if !(TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&bytes.len()) {
            return Err(TokenFault::Length { got: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()));
        text.map(|text| Self(text.to_owned())).ok_or(TokenFault::Characters)
    }

    /// The value of the `Authorization` header that carries it.
    pub fn header(&self) -> String {
        format!("{SCHEME} {}", self.0)
    }

    /// Digests are compared in constant time, whatever the lengths: the time taken tells nothing about the token.
    pub(super) fn is(&self, presented: &blake3::Hash) -> bool {
        blake3::hash(self.0.as_bytes()) == *presented
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(hidden)")
    }
}

/// The token in a header's value; the scheme's case does not matter.
pub(super) fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(SCHEME.len())?;
    let known = scheme.eq_ignore_ascii_case(SCHEME.as_bytes()) && token.starts_with(b" ");
    known.then(|| token.trim_ascii())
}
