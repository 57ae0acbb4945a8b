//! What can be wrong with a refresh's configuration, each with its line, what was expected and what was got.

use std::fmt;
use std::path::PathBuf;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The text is not TOML; nothing else was looked at.
    NotToml {
        /// From 1.
        line: usize,
        /// What the parser said.
        message: String,
    },
    /// A section or key that does not exist.
    Unknown {
        /// From 1.
        line: usize,
        /// Its full name.
        name: String,
        /// What it was probably meant to be.
        hint: Option<String>,
    },
    /// A value of the wrong type, or out of bounds.
    Wrong {
        /// From 1.
        line: usize,
        /// The key's full name.
        name: String,
        /// What a right value looks like.
        expected: String,
        /// The value as it was written.
        got: String,
    },
    /// A key without a default that is not given.
    Missing {
        /// The key's full name.
        name: String,
        /// What a right value looks like.
        expected: String,
    },
    /// A gate's limit that makes no sense.
    Gate {
        /// Of the section.
        line: usize,
        /// What is wrong, and what was expected.
        what: String,
    },
    /// Values that are right alone and wrong together.
    Clash {
        /// Of their section.
        line: usize,
        /// The keys.
        keys: String,
        /// The relation that must hold.
        expected: &'static str,
    },
}

/// Everything that is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError {
    /// The file as it was named.
    pub path: PathBuf,
    /// At least one, by line; what is missing first.
    pub problems: Vec<Problem>,
}

impl Problem {
    /// Where it stands, from 1; 0 for what is missing.
    pub fn line(&self) -> usize {
        match self {
            Self::NotToml { line, .. }
            | Self::Unknown { line, .. }
            | Self::Wrong { line, .. }
            | Self::Gate { line, .. }
            | Self::Clash { line, .. } => *line,
            Self::Missing { .. } => 0,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotToml { line, message } => write!(out, "line {line}: expected TOML: {message}"),
            Self::Unknown { line, name, hint: Some(hint) } => {
                write!(out, "line {line}: unknown {name}; did you mean {hint}?")
            }
            Self::Unknown { line, name, hint: None } => {
                write!(out, "line {line}: unknown {name}; deploy/refresh.toml shows every key")
            }
            Self::Wrong { line, name, expected, got } => {
                write!(out, "line {line}: {name}: expected {expected}, got {got}")
            }
            Self::Gate { line, what } => write!(out, "line {line}: gates.{what}"),
            Self::Missing { name, expected } => write!(out, "{name}: not given; expected {expected}"),
            Self::Clash { line, keys, expected } => write!(out, "line {line}: {keys}: expected {expected}"),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, count) = (self.path.display(), self.problems.len());
        write!(out, "{path} has {count} problem{}:", if count == 1 { "" } else { "s" })?;
        self.problems.iter().try_for_each(|problem| write!(out, "\n  {problem}"))
    }
}
