//! The token file: who holds a role, a line each. It must never tell what a token is, not even in an error.
//!
//! ```text
//! # role    name    how it is proved
//! operator  alice   6f1c...            (a token)
//! reader    grafana 0b77...
//! operator  deploy  certificate        (the name of a client certificate)
//! ```
//!
//! A file of one bare token is an operator's, called `operator`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Role;
use super::token::{Token, TokenFault};
use crate::tls::Subject;

/// Most lines that hold a role: a team, its machines, and both tokens of each while they are rotated.
pub const HOLDERS_MAX: usize = 256;
/// Largest file that is read.
const FILE_BYTES_MAX: u64 = 256 * 1024;
/// Longest name: it stands in every line of the audit log.
const NAME_BYTES_MAX: usize = 64;
/// Stands where a token would, for who is known by a client certificate; shorter than any token.
const CERTIFICATE: &str = "certificate";
/// The holder of a file's one bare token.
const OPERATOR: &str = "operator";
/// Permission bits that let others than the owner and the group read or change a file.
#[cfg(unix)]
const OTHERS: u32 = 0o007;

/// Everyone who holds a role.
#[derive(Debug)]
pub(super) struct Holders(Vec<Holder>);

/// One who holds a role.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) role: Role,
    pub(super) name: String,
    proof: Proof,
}

/// How a holder proves who they are.
#[derive(Debug)]
enum Proof {
    Token(Token),
    /// By a certificate of this name.
    Certificate,
}

/// Why a token file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HoldersError {
    /// The disk refused.
    #[error("the token file {} cannot be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is not one of its kind.
    #[error("{} line {line}: {source}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// What is wrong.
        source: LineError,
    },
    /// Nobody could change anything.
    #[error("the token file {} names nobody; expected a token, or lines of `ROLE NAME TOKEN`", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// More than are read.
    #[error("the token file {} holds more than {HOLDERS_MAX} lines or {FILE_BYTES_MAX} bytes; expected a few lines", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
}

/// What is wrong with a line; it never says what the line holds but its role.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Not three words.
    #[error("expected `ROLE NAME TOKEN`, got {words} words; a bare token must be the file's only line")]
    Words {
        /// How many there are.
        words: usize,
    },
    /// No such role.
    #[error("expected the role reader or operator first")]
    Role,
    /// Not a name.
    #[error("expected a name of at most {NAME_BYTES_MAX} visible ASCII characters, without `segue:` in front")]
    Name,
    /// Not a token.
    #[error("the token {0}")]
    Token(#[from] TokenFault),
    /// Two lines with one proof: which role would it have?
    #[error("the {proof} is also that of line {line}; each may stand once")]
    Repeated {
        /// What both have.
        proof: &'static str,
        /// The other line.
        line: usize,
    },
    /// Not text.
    #[error("expected text in UTF-8")]
    Text,
}

impl Holders {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> Result<Self, HoldersError> {
        let mut bytes = Vec::new();
        let file = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
        file.map_err(|source| HoldersError::Io { path: path.to_owned(), source })?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(HoldersError::TooLong { path: path.to_owned() });
        }
        Self::parse(path, &bytes)
    }

    /// Whose token this is. Every token is looked at, whichever it is: the time taken tells nothing.
    pub(super) fn of_token(&self, presented: &[u8]) -> Option<&Holder> {
        let presented = blake3::hash(presented);
        let is = |holder: &Holder| matches!(&holder.proof, Proof::Token(token) if token.is(&presented));
        self.0.iter().fold(None, |found, holder| if is(holder) { Some(holder) } else { found })
    }

    /// Who is known by a certificate of this subject.
    pub(super) fn of_certificate(&self, subject: &Subject) -> Option<&Holder> {
        let named = |holder: &&Holder| matches!(holder.proof, Proof::Certificate) && holder.name == subject.name;
        self.0.iter().find(named)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, HoldersError> {
        let lines: Vec<_> = (1..).zip(bytes.split(|byte| *byte == b'\n')).filter(|(_, line)| counts(line)).collect();
        let at = |line, source| HoldersError::Line { path: path.to_owned(), line, source };
        match lines[..] {
            [] => Err(HoldersError::Empty { path: path.to_owned() }),
            [(line, bare)] if words(bare).count() == 1 => {
                Ok(Self(vec![Holder::bare(bare).map_err(|error| at(line, error.into()))?]))
            }
            _ if lines.len() > HOLDERS_MAX => Err(HoldersError::TooLong { path: path.to_owned() }),
            _ => {
                let read = |&(line, text): &(usize, &[u8])| Holder::read(text).map_err(|error| at(line, error));
                let holders = lines.iter().map(read).collect::<Result<Vec<_>, _>>()?;
                repeated(&holders).map_or(Ok(()), |(first, again)| {
                    let proof = holders[again].proof.word();
                    Err(at(lines[again].0, LineError::Repeated { proof, line: lines[first].0 }))
                })?;
                Ok(Self(holders))
            }
        }
    }
}

impl Proof {
    const fn word(&self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::Certificate => CERTIFICATE,
        }
    }
}

impl Holder {
    fn bare(token: &[u8]) -> Result<Self, TokenFault> {
        let token = Token::new(token.trim_ascii())?;
        Ok(Self { role: Role::Operator, name: OPERATOR.to_owned(), proof: Proof::Token(token) })
    }

    fn read(line: &[u8]) -> Result<Self, LineError> {
        let text: Vec<_> = words(line).collect();
        let [role, name, proof] = text[..] else { return Err(LineError::Words { words: text.len() }) };
        let role = std::str::from_utf8(role).ok().and_then(Role::from_word).ok_or(LineError::Role)?;
        let name = std::str::from_utf8(name).map_err(|_| LineError::Text)?;
        let nameable = name.len() <= NAME_BYTES_MAX && name.bytes().all(|byte| byte.is_ascii_graphic());
        // That is how the service signs what it does by itself.
        if !nameable || name.starts_with("segue:") {
            return Err(LineError::Name);
        }
        let proof = match proof == CERTIFICATE.as_bytes() {
            true => Proof::Certificate,
            false => Proof::Token(Token::new(proof)?),
        };
        Ok(Self { role, name: name.to_owned(), proof })
    }
}

/// Whether a line says anything.
fn counts(line: &[u8]) -> bool {
    !matches!(line.trim_ascii().first(), None | Some(b'#'))
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// The places of two lines with one token.
fn repeated(holders: &[Holder]) -> Option<(usize, usize)> {
    let same = |first: &Holder, again: &Holder| match (&first.proof, &again.proof) {
        (Proof::Token(first), Proof::Token(again)) => first == again,
        (Proof::Certificate, Proof::Certificate) => first.name == again.name,
        _ => false,
    };
    let pairs = (0..holders.len()).flat_map(|again| (0..again).map(move |first| (first, again)));
    pairs.into_iter().find(|&(first, again)| same(&holders[first], &holders[again]))
}

#[cfg(unix)]
pub(super) fn warn_of_readers(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = path.metadata().map_or(0, |found| found.permissions().mode());
    if mode & OTHERS != 0 {
        let mode = format!("{:o}", mode & 0o777);
        tracing::warn!(path = %path.display(), mode, "every user can read the token file; `chmod o= FILE` keeps them out");
    }
}

#[cfg(not(unix))]
pub(super) fn warn_of_readers(_: &Path) {}
