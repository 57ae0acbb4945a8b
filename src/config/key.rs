//! What a key is: its name in each source, its kind with default and bounds, its help; it must never know a value.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::value::Value;

/// The longest wait any key accepts: an hour. Longer ones are mistakes of unit.
pub const WAIT_MS_MAX: u64 = 3_600_000;

/// A named group of keys: `[name]` in the file.
#[derive(Debug)]
pub struct Section {
    /// The word in the brackets.
    pub name: &'static str,
    /// What the group is for, a line each.
    pub help: &'static [&'static str],
    /// Its keys, in the order of the reference.
    pub keys: &'static [Key],
}

/// One key: a row of the table that the file, the flags, the variables and the reference all come from.
#[derive(Debug)]
pub struct Key {
    /// Its section's word: `http`.
    pub section: &'static str,
    /// Its own word: `listen`.
    pub word: &'static str,
    /// Both, as messages write it: `http.listen`.
    pub name: &'static str,
    /// What it is for, a line each.
    pub help: &'static [&'static str],
    /// What it takes.
    pub kind: Kind,
}

/// What a key takes, with its default and bounds.
#[derive(Debug)]
pub enum Kind {
    /// An IP address and port.
    Address {
        /// Used when no source sets the key.
        default: SocketAddr,
    },
    /// A whole number between two others, both allowed.
    Number {
        /// Used when no source sets the key.
        default: u64,
        /// The least allowed.
        min: u64,
        /// The most allowed.
        max: u64,
    },
    /// A share: above 0, at most 1.
    Share {
        /// Used when no source sets the key.
        default: f64,
    },
    /// `true` or `false`.
    Switch {
        /// Used when no source sets the key.
        default: bool,
    },
    /// One word of several.
    Word {
        /// Used when no source sets the key.
        default: &'static str,
        /// Every word allowed.
        allowed: &'static [&'static str],
    },
    /// Different words in an order that matters.
    Words {
        /// Used when no source sets the key.
        default: &'static [&'static str],
        /// Every word allowed.
        allowed: &'static [&'static str],
    },
    /// A directory that must be named: there is no sensible default.
    Directory,
    /// A file. Not set unless named.
    File {
        /// The path that the reference shows.
        example: &'static str,
    },
    /// A file whose contents are a secret: only its path is ever shown. Not set unless named.
    SecretFile {
        /// The path that the reference shows.
        example: &'static str,
    },
    /// Files, none unless named.
    Files {
        /// A list to show in the reference.
        example: &'static str,
    },
    /// Floors of figures, none unless named.
    Floors {
        /// A list to show in the reference.
        example: &'static str,
    },
    /// A directory, or a prefix of an object store by its URL. Not set unless named.
    Place,
    /// The name of a release, a model or a channel.
    Name {
        /// Used when no source sets the key.
        default: &'static str,
    },
}

impl Key {
    /// `--http-listen` without the dashes in front.
    pub fn flag(&self) -> String {
        self.name.replace(['.', '_'], "-")
    }

    /// `SEGUE_HTTP_LISTEN`.
    pub fn variable(&self) -> String {
        format!("SEGUE_{}", self.name.replace('.', "_").to_uppercase())
    }
}

impl Kind {
    /// The value when no source sets the key; `None` when one must.
    pub fn default(&self) -> Option<Value> {
        match self {
            Self::Address { default } => Some(Value::Address(*default)),
            Self::Number { default, .. } => Some(Value::Number(*default)),
            Self::Share { default } => Some(Value::Share(*default)),
            Self::Switch { default } => Some(Value::Switch(*default)),
            Self::Word { default, .. } => Some(Value::Word((*default).to_owned())),
            Self::Words { default, .. } => Some(Value::Words(default.iter().map(|w| (*w).to_owned()).collect())),
            Self::File { .. } | Self::SecretFile { .. } => Some(Value::Unset),
            Self::Files { .. } | Self::Floors { .. } | Self::Place => Some(Value::Unset),
            Self::Name { default } => default.parse().ok().map(Value::Name),
            Self::Directory => None,
        }
    }

    /// A value that passes, for a key that must go on being checked after its own value failed.
    pub fn stand_in(&self) -> Value {
        self.default().unwrap_or(Value::Path(PathBuf::new()))
    }

    /// A value to show in the reference where there is no default.
    pub fn example(&self) -> Option<&'static str> {
        match self {
            Self::Directory => Some("\"/var/lib/segue\""),
            Self::File { example } | Self::SecretFile { example } => Some(example),
            Self::Files { example } | Self::Floors { example } => Some(example),
            Self::Place => Some("\"s3://bucket/prefix\""),
            _ => None,
        }
    }
}

/// What a right value looks like, for messages: "a whole number from 1 to 64".
impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { .. } => out.write_str("an IP address and port such as \"127.0.0.1:8080\""),
            Self::Number { min, max, .. } => write!(out, "a whole number from {min} to {max}"),
            Self::Share { .. } => out.write_str("a share above 0, at most 1"),
            Self::Switch { .. } => out.write_str("true or false"),
            Self::Word { allowed, .. } => write!(out, "one of {}", allowed.join(", ")),
            Self::Words { allowed, .. } => write!(out, "a list of different words out of {}", allowed.join(", ")),
            Self::Directory => out.write_str("the path of a directory"),
            Self::File { .. } | Self::SecretFile { .. } => out.write_str("the path of a file"),
            Self::Files { .. } => out.write_str("a list of different paths of files"),
            Self::Floors { .. } => out.write_str("a list of floors such as \"hit_5=0.25\", each of another figure"),
            Self::Place => out.write_str("a directory, or a URL such as \"s3://bucket/prefix\""),
            Self::Name { .. } => out.write_str("a name of letters, digits, `.`, `_` and `-`"),
        }
    }
}
