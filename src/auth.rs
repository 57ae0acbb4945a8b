//! Who may do what at the operator's door: whoever holds a token or a certificate of the right role. It must never log,
//! show or compare a token byte by byte.
//!
//! The token file is read again at every call that needs a role. Those are rare, and a rotated token counts at once,
//! without a restart, a signal or a copy that could go stale.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

mod holders;
mod token;

pub use holders::{HOLDERS_MAX, HoldersError};
pub use token::{TOKEN_BYTES_MAX, TOKEN_BYTES_MIN, Token, TokenError};

use holders::Holders;

use crate::config;
use crate::listen::Peer;

/// Who makes a change where neither a token nor a certificate is asked for.
const LOCAL: &str = "local";

/// What a caller may do; each role may do all that the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look.
    Reader,
    /// Look, and change what is served.
    Operator,
}

/// Somebody whose right to a call was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name in the token file; without one the certificate's subject, or `local`; `segue:` and a part's name for
    /// what the service does by itself.
    pub who: String,
    /// What it may do.
    pub role: Role,
    /// The subject of its certificate, if it showed one.
    pub certificate: Option<String>,
    /// Where it called from; nowhere for what the service does by itself.
    pub peer: Option<SocketAddr>,
}

/// Decides who may call what.
#[derive(Clone, Debug)]
pub struct Auth {
    token_file: Option<PathBuf>,
    /// Whether a client's certificate, which the handshake has checked, proves anything here.
    certificates: bool,
    reads_ask: bool,
}

/// Why a call is refused.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Nothing came that proves who calls.
    #[error(
        "this call needs the role {needed}: send the header `authorization: Bearer TOKEN`, or a client certificate that the \
         service's `admin.token_file` names"
    )]
    Missing {
        /// The least role that may.
        needed: Role,
    },
    /// Another token came.
    #[error("the token is not one in the service's `admin.token_file`")]
    Unknown,
    /// A known caller, who may not do this.
    #[error("{who} is a {got}, and this call needs the role {needed}")]
    Role {
        /// The caller's name.
        who: String,
        /// The role it has.
        got: Role,
        /// The least role that may.
        needed: Role,
    },
    /// Ours cannot be read: nobody who needs a role gets in until it can.
    #[error("the service cannot read its own tokens; its log says why")]
    Unreadable(#[source] HoldersError),
}

impl Role {
    /// The word that spells it, in the token file and the audit log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Operator => "operator",
        }
    }

    /// The role that a word spells, if any.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Reader, Self::Operator].into_iter().find(|role| role.word() == word)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

impl Caller {
    /// The service itself, by the part of it that acts: who changed something that nobody asked for over the door.
    pub fn service(part: &str) -> Self {
        Self { who: format!("segue:{part}"), role: Role::Operator, certificate: None, peer: None }
    }

    fn new(who: &str, role: Role, peer: &Peer) -> Self {
        let certificate = peer.certificate.as_ref().map(|subject| subject.text.clone());
        Self { who: who.to_owned(), role, certificate, peer: Some(peer.address) }
    }
}

impl Auth {
    /// Reads the tokens once, so that missing or weak ones are found at the start. Where neither a token file nor
    /// client certificates are configured, every call may change something: the configuration allows that on loopback only.
    ///
    /// # Errors
    /// When the token file cannot be used.
    pub fn new(config: &config::Admin) -> Result<Self, HoldersError> {
        if let Some(path) = &config.token_file {
            Holders::read(path)?;
            holders::warn_of_readers(path);
        }
        Ok(Self {
            token_file: config.token_file.clone(),
            certificates: config.tls_client_ca_file.is_some(),
            reads_ask: config.reads == config::Reads::Token,
        })
    }

    /// Whether a call of a role has to prove who makes it.
    pub fn asks(&self, needed: Role) -> bool {
        let provable = self.token_file.is_some() || self.certificates;
        provable && (needed > Role::Reader || self.reads_ask)
    }

    /// Lets a call pass that may be made, and says by whom: by the value of its `Authorization` header, and by where it
    /// came from. Reads a file.
    ///
    /// # Errors
    /// When the caller may not, or the tokens cannot be read.
    pub fn check(&self, needed: Role, authorization: Option<&[u8]>, peer: &Peer) -> Result<Caller, AuthError> {
        let caller = self.identify(needed, authorization.and_then(token::bearer), peer)?;
        if caller.role >= needed {
            return Ok(caller);
        }
        Err(AuthError::Role { who: caller.who, got: caller.role, needed })
    }

    fn identify(&self, needed: Role, token: Option<&[u8]>, peer: &Peer) -> Result<Caller, AuthError> {
        let subject = peer.certificate.as_ref().filter(|_| self.certificates);
        let Some(path) = &self.token_file else { return self.without_tokens(needed, peer) };
        let holders = Holders::read(path).map_err(AuthError::Unreadable)?;
        let holder = match (token, subject) {
            (Some(token), _) => holders.of_token(token).ok_or(AuthError::Unknown)?,
            (None, Some(subject)) => holders.of_certificate(subject).ok_or(AuthError::Missing { needed })?,
            (None, None) => return Err(AuthError::Missing { needed }),
        };
        Ok(Caller::new(&holder.name, holder.role, peer))
    }

    /// Who has a certificate of the configured authority may do everything, where no file says less.
    fn without_tokens(&self, needed: Role, peer: &Peer) -> Result<Caller, AuthError> {
        match &peer.certificate {
            Some(subject) => Ok(Caller::new(&subject.text, Role::Operator, peer)),
            None if self.certificates => Err(AuthError::Missing { needed }),
            None => Ok(Caller::new(LOCAL, Role::Operator, peer)),
        }
    }
}

#[cfg(test)]
mod tests;
