//! What can be wrong with a configuration, each with where it came from, what was expected and what was got; it must
//! never print a secret's contents.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Which source gave a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// No source; the key's default.
    Default,
    /// The configuration file.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// Line of the value, from 1.
        line: usize,
    },
    /// An environment variable, by its name.
    Variable(String),
    /// A command-line flag, without its dashes.
    Flag(String),
}

/// One thing that is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The named file cannot be read.
    #[error("{}: cannot be read: {source}; name a readable file with --config or SEGUE_CONFIG", path.display())]
    FileUnreadable {
        /// The file as it was named.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not TOML; nothing else in it was looked at.
    #[error("{}:{line}: expected TOML: {message}", path.display())]
    FileNotToml {
        /// The file as it was named.
        path: PathBuf,
        /// Line of the first fault, from 1.
        line: usize,
        /// What the parser said.
        message: String,
    },
    /// A section that does not exist.
    #[error("{origin}: unknown section [{name}]; {hint}")]
    UnknownSection {
        /// Where it stands.
        origin: Origin,
        /// The word in the brackets.
        name: String,
        /// What it was probably meant to be.
        hint: Hint,
    },
    /// A key that does not exist.
    #[error("{origin}: unknown key {name}; {hint}")]
    UnknownKey {
        /// Where it stands.
        origin: Origin,
        /// Its full name.
        name: String,
        /// What it was probably meant to be.
        hint: Hint,
    },
    /// A variable that starts with `SEGUE_` and means nothing.
    #[error("{origin}: no key has this variable; {hint}")]
    UnknownVariable {
        /// The variable.
        origin: Origin,
        /// What it was probably meant to be.
        hint: Hint,
    },
    /// A variable whose value is not Unicode text.
    #[error("{origin}: expected Unicode text, got bytes that are not; set it again or unset it")]
    NotUnicode {
        /// The variable.
        origin: Origin,
    },
    /// A value of the wrong type or out of bounds.
    #[error("{origin}: {name}: expected {expected}, got {got}")]
    Wrong {
        /// Where the value came from.
        origin: Origin,
        /// The key.
        name: &'static str,
        /// What a right value looks like.
        expected: String,
        /// The value as it was written.
        got: String,
    },
    /// A key without a default that no source sets.
    #[error("{name}: not set; expected {expected}: set it in the file, with --{flag} or with {variable}")]
    Missing {
        /// The key.
        name: &'static str,
        /// What a right value looks like.
        expected: String,
        /// Its flag, without dashes.
        flag: String,
        /// Its variable.
        variable: String,
    },
    /// Two values that are right alone and wrong together.
    #[error("{left} ({left_origin}) and {right} ({right_origin}): expected {expected}, got {got}")]
    Clash {
        /// One key.
        left: &'static str,
        /// Where its value came from.
        left_origin: Origin,
        /// The other key.
        right: &'static str,
        /// Where its value came from.
        right_origin: Origin,
        /// The relation that must hold.
        expected: &'static str,
        /// Both values.
        got: String,
    },
}

/// Everything that is wrong with a configuration, all sources together.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError {
    /// At least one, in the order they were found.
    pub problems: Vec<Problem>,
}

/// The end of a message about an unknown name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// A known name is close to it.
    DidYouMean(String),
    /// Nothing is close.
    SeeReference,
}

/// How alike two names must be (0 to 1) for one to be offered for the other; below it, offers are noise.
const LIKENESS_MIN: f64 = 0.75;

impl Hint {
    /// The known name closest to `name`, when one is close.
    pub fn nearest(name: &str, known: impl Iterator<Item = String>) -> Self {
        known
            .map(|candidate| (strsim::normalized_damerau_levenshtein(name, &candidate), candidate))
            .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map_or(Self::SeeReference, |(_, candidate)| Self::DidYouMean(candidate))
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DidYouMean(name) => write!(out, "did you mean {name}?"),
            Self::SeeReference => out.write_str("`segue config reference` lists every key"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::File { path, line } => write!(out, "{}:{line}", path.display()),
            Self::Variable(name) => write!(out, "variable {name}"),
            Self::Flag(name) => write!(out, "flag --{name}"),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => write!(out, "the configuration has 1 problem:")?,
            count => write!(out, "the configuration has {count} problems:")?,
        }
        self.problems.iter().try_for_each(|problem| write!(out, "\n  {problem}"))
    }
}
