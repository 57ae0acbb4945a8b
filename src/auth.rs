//! Who may change what is served: whoever holds the token. It must never log, show or compare a token byte by byte.
//!
//! The token's file is read again at every call that changes something. Those are rare, and a rotated token counts at
//! once, without a restart, a signal or a copy that could go stale. Reads are open to whoever reaches the door.
//!
//! Roles have their place in [`Auth::check`]: it would give back what the caller may do instead of nothing.

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
/// Permission bits that let others than the owner and the group read or change a file.
#[cfg(unix)]
const OTHERS: u32 = 0o007;

/// A secret that its holders prove themselves with.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// Decides which calls may change something.
#[derive(Clone, Debug)]
pub struct Auth {
    token_file: Option<PathBuf>,
}

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
    /// Too short to be a secret, or too long to be sent.
    #[error(
        "the token in {} has {got} bytes, expected {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX}; \
         make one with `openssl rand -hex 32`", path.display()
    )]
    Length {
        /// The file.
        path: PathBuf,
        /// Bytes of the token; one more than the limit where the file is longer.
        got: usize,
    },
    /// Not what a header can carry.
    #[error("the token in {} holds a space or a character that is not ASCII; make one with `openssl rand -hex 32`", path.display())]
    Characters {
        /// The file.
        path: PathBuf,
    },
}

/// Why a call may not change anything.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// No token came.
    #[error("this call changes what is served and needs the header `authorization: Bearer TOKEN`")]
    Missing,
    /// Another token came.
    #[error("the token is not the one in the service's `admin.token_file`")]
    Unknown,
    /// Ours cannot be read: nobody may change anything until it can.
    #[error("the service cannot read its own token; its log says why")]
    Unreadable(#[source] TokenError),
}

impl Auth {
    /// Reads the token once, so that a missing or weak one is found at the start; without a file every call may change
    /// something, which the configuration allows on loopback only.
    pub fn new(token_file: Option<&Path>) -> Result<Self, TokenError> {
        if let Some(path) = token_file {
            Token::read(path)?;
            warn_of_readers(path);
        }
        Ok(Self { token_file: token_file.map(Path::to_owned) })
    }

    /// Whether a token is asked for at all.
    pub fn asks(&self) -> bool {
        self.token_file.is_some()
    }

    /// Lets a call pass that carries the token, by the value of its `Authorization` header. Reads a file.
    pub fn check(&self, authorization: Option<&[u8]>) -> Result<(), AuthError> {
        let Some(path) = &self.token_file else { return Ok(()) };
        let presented = authorization.and_then(bearer).ok_or(AuthError::Missing)?;
        let token = Token::read(path).map_err(AuthError::Unreadable)?;
        if token.is(presented) { Ok(()) } else { Err(AuthError::Unknown) }
    }
}

impl Token {
    /// Reads a token from a file; white space around it is dropped.
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let mut bytes = Vec::new();
        let file = File::open(path).and_then(|file| file.take(TOKEN_BYTES_MAX as u64 + 2).read_to_end(&mut bytes));
        file.map_err(|source| TokenError::Io { path: path.to_owned(), source })?;
        let token = bytes.trim_ascii();
        if !(TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&token.len()) {
            return Err(TokenError::Length { path: path.to_owned(), got: token.len() });
        }
        let text = std::str::from_utf8(token).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()));
        text.map(|text| Self(text.to_owned())).ok_or_else(|| TokenError::Characters { path: path.to_owned() })
    }

    /// The value of the `Authorization` header that carries it.
    pub fn header(&self) -> String {
        format!("{SCHEME} {}", self.0)
    }

    /// Digests are compared in constant time, whatever the lengths: the time taken tells nothing about the token.
    fn is(&self, presented: &[u8]) -> bool {
        blake3::hash(self.0.as_bytes()) == blake3::hash(presented)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(hidden)")
    }
}

/// The token in a header's value; the scheme's case does not matter.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(SCHEME.len())?;
    let known = scheme.eq_ignore_ascii_case(SCHEME.as_bytes()) && token.starts_with(b" ");
    known.then(|| token.trim_ascii())
}

#[cfg(unix)]
fn warn_of_readers(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = path.metadata().map_or(0, |found| found.permissions().mode());
    if mode & OTHERS != 0 {
        let mode = format!("{:o}", mode & 0o777);
        tracing::warn!(path = %path.display(), mode, "every user can read the token file; `chmod o= FILE` keeps them out");
    }
}

#[cfg(not(unix))]
fn warn_of_readers(_: &Path) {}

#[cfg(test)]
mod tests {
    use super::{Auth, AuthError, TOKEN_BYTES_MAX, Token, TokenError};
    use std::fs;
    use std::path::PathBuf;
    use tempfile::TempDir;

    const SECRET: &str = "0123456789abcdef";

    fn file(content: &str) -> (TempDir, PathBuf) {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, content).unwrap();
        (dir, path)
    }

    #[test]
    fn weak_and_unusable_tokens_are_refused() {
        let long = "x".repeat(TOKEN_BYTES_MAX + 1);
        let rows = [
            ("", "has 0 bytes, expected 16 to 4096"),
            ("  \n", "has 0 bytes, expected 16 to 4096"),
            ("0123456789abcde\n", "has 15 bytes, expected 16 to 4096"),
            (&long, "has 4097 bytes, expected 16 to 4096"),
            ("0123456789 abcdef", "holds a space or a character that is not ASCII"),
            ("0123456789äbcdef", "holds a space or a character that is not ASCII"),
        ];
        for (content, expected) in rows {
            let (_dir, path) = file(content);
            let error = Auth::new(Some(&path)).unwrap_err().to_string();
            assert!(error.contains(expected), "{content:?}: {error}");
        }
        let (dir, _) = file("");
        assert!(matches!(Auth::new(Some(&dir.path().join("none"))), Err(TokenError::Io { .. })));
    }

    #[test]
    fn only_the_token_passes() {
        let (_dir, path) = file(&format!(" {SECRET}\n"));
        let auth = Auth::new(Some(&path)).unwrap();
        for passes in ["Bearer 0123456789abcdef", "bearer 0123456789abcdef", "BEARER   0123456789abcdef "] {
            assert!(auth.check(Some(passes.as_bytes())).is_ok(), "{passes}");
        }
        for missing in ["", "Basic 0123456789abcdef", "Bearer0123456789abcdef", "0123456789abcdef", "Bear"] {
            assert!(matches!(auth.check(Some(missing.as_bytes())), Err(AuthError::Missing)), "{missing}");
        }
        assert!(matches!(auth.check(None), Err(AuthError::Missing)));
        for unknown in ["Bearer ", "Bearer 0123456789abcdeF", "Bearer 0123456789abcdef0", "Bearer 0123456789abcde"] {
            assert!(matches!(auth.check(Some(unknown.as_bytes())), Err(AuthError::Unknown)), "{unknown}");
        }
    }

    #[test]
    fn a_rotated_token_counts_at_once_and_a_lost_one_shuts_the_door() {
        let (_dir, path) = file(SECRET);
        let auth = Auth::new(Some(&path)).unwrap();
        let old = Token::read(&path).unwrap().header();
        fs::write(&path, "fedcba9876543210").unwrap();
        assert!(matches!(auth.check(Some(old.as_bytes())), Err(AuthError::Unknown)));
        assert!(auth.check(Some(b"Bearer fedcba9876543210")).is_ok());
        fs::remove_file(&path).unwrap();
        assert!(matches!(auth.check(Some(b"Bearer fedcba9876543210")), Err(AuthError::Unreadable(_))));
    }

    #[test]
    fn a_token_hides_itself() {
        let (_dir, path) = file(SECRET);
        assert_eq!(format!("{:?}", Token::read(&path).unwrap()), "Token(hidden)");
    }
}
