//! What a key is given (`Raw`), what it holds once checked (`Value`), and the typed field it becomes (`Held`); no
//! value here may be out of its key's bounds.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::key::Kind;
use crate::snapshot::gate::Floor;
use crate::snapshot::manifest::Version;

/// A value as some source wrote it, before any check.
#[derive(Clone, Debug, PartialEq)]
pub enum Raw {
    /// From a flag or a variable: text that takes whatever type the key wants.
    Untyped(String),
    /// A TOML value, with the text that wrote it.
    Toml {
        /// The value as the parser understood it.
        value: toml::Value,
        /// The same value as it stands in the file, for messages.
        written: String,
    },
}

/// A value that passed its key's check.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An IP address and port.
    Address(SocketAddr),
    /// A whole number: a count, bytes or milliseconds, as the key's name says.
    Number(u64),
    /// A share, above 0 and at most 1.
    Share(f64),
    /// True or false.
    Switch(bool),
    /// One word of a closed vocabulary.
    Word(String),
    /// Several different words of a closed vocabulary, in order.
    Words(Vec<String>),
    /// A path, not looked at yet.
    Path(PathBuf),
    /// Paths, not looked at yet.
    Paths(Vec<PathBuf>),
    /// Floors of different figures.
    Floors(Vec<Floor>),
    /// A directory or a URL, not looked at yet.
    Place(String),
    /// The name of a release, a model or a channel.
    Name(Version),
    /// Nothing, where nothing is allowed.
    Unset,
}

/// A field type that a checked value becomes; `None` when the key's kind is not the field's type.
pub trait Held: Sized {
    /// The field for `value`.
    fn held(value: &Value) -> Option<Self>;
}

impl Raw {
    /// The checked value, or `None` when this is not what `kind` expects.
    pub fn check(&self, kind: &Kind) -> Option<Value> {
        match kind {
            Kind::Address { .. } => self.text()?.parse().ok().map(Value::Address),
            Kind::Number { min, max, .. } => self.number().filter(|n| (min..=max).contains(&n)).map(Value::Number),
            Kind::Share { .. } => self.real().filter(|&n| n > 0.0 && n <= 1.0).map(Value::Share),
            Kind::Switch { .. } => self.switch().map(Value::Switch),
            Kind::Word { allowed, .. } => self.text().filter(|w| allowed.contains(w)).map(|w| Value::Word(w.into())),
            Kind::Words { allowed, .. } => self.words().filter(|words| different(words, allowed)).map(Value::Words),
            Kind::Directory | Kind::File { .. } | Kind::SecretFile { .. } => {
                self.text().filter(|path| !path.is_empty()).map(path)
            }
            Kind::Files { .. } => self.words().filter(|paths| apart(paths)).map(|paths| Value::Paths(all(paths))),
            Kind::Floors { .. } => self.words().and_then(|floors| Floor::all(&floors)).map(Value::Floors),
            Kind::Place => self.text().filter(|place| !place.is_empty()).map(|place| Value::Place(place.to_owned())),
            Kind::Name { .. } => self.text()?.parse().ok().map(Value::Name),
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Untyped(text) => Some(text),
            Self::Toml { value, .. } => value.as_str(),
        }
    }

    fn number(&self) -> Option<u64> {
        match self {
            Self::Untyped(text) => text.parse().ok(),
            Self::Toml { value, .. } => value.as_integer()?.try_into().ok(),
        }
    }

    fn real(&self) -> Option<f64> {
        match self {
            Self::Untyped(text) => text.parse().ok(),
            Self::Toml { value, .. } => value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64)),
        }
    }

    fn switch(&self) -> Option<bool> {
        match self {
            Self::Untyped(text) => text.parse().ok(),
            Self::Toml { value, .. } => value.as_bool(),
        }
    }

    fn words(&self) -> Option<Vec<String>> {
        match self {
            Self::Untyped(text) => Some(text.split(',').map(|word| word.trim().to_owned()).collect()),
            Self::Toml { value, .. } => value.as_array()?.iter().map(|word| Some(word.as_str()?.to_owned())).collect(),
        }
    }
}

impl fmt::Display for Raw {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untyped(text) => write!(out, "{text:?}"),
            Self::Toml { written, .. } => out.write_str(written),
        }
    }
}

fn path(text: &str) -> Value {
    Value::Path(PathBuf::from(text))
}

fn all(paths: Vec<String>) -> Vec<PathBuf> {
    paths.into_iter().map(PathBuf::from).collect()
}

/// At least one word, each allowed, none twice.
fn different(words: &[String], allowed: &[&str]) -> bool {
    !words.is_empty() && words.iter().all(|word| allowed.contains(&word.as_str())) && apart(words)
}

/// None empty, none twice.
fn apart(words: &[String]) -> bool {
    let repeated = |at: usize| words[at].is_empty() || words[..at].contains(&words[at]);
    !(0..words.len()).any(repeated)
}

/// Written as TOML writes it; `Unset` as the empty string.
impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(out, "\"{address}\""),
            Self::Number(number) => write!(out, "{number}"),
            Self::Share(share) => write!(out, "{share:?}"),
            Self::Switch(on) => write!(out, "{on}"),
            Self::Word(word) => write!(out, "\"{word}\""),
            Self::Words(words) => write!(out, "{words:?}"),
            Self::Path(path) => write!(out, "{}", toml::Value::String(path.to_string_lossy().into_owned())),
            Self::Paths(paths) => write!(out, "{paths:?}"),
            Self::Floors(floors) => write!(out, "{:?}", floors.iter().map(Floor::to_string).collect::<Vec<_>>()),
            Self::Place(place) => write!(out, "{}", toml::Value::String(place.clone())),
            Self::Name(name) => write!(out, "\"{name}\""),
            Self::Unset => Ok(()),
        }
    }
}

impl Held for SocketAddr {
    fn held(value: &Value) -> Option<Self> {
        match value {
            Value::Address(address) => Some(*address),
            _ => None,
        }
    }
}

impl Held for u64 {
    fn held(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }
}

impl Held for usize {
    fn held(value: &Value) -> Option<Self> {
        u64::held(value)?.try_into().ok()
    }
}

/// Every wait is configured in milliseconds.
impl Held for Duration {
    fn held(value: &Value) -> Option<Self> {
        u64::held(value).map(Duration::from_millis)
    }
}

impl Held for f64 {
    fn held(value: &Value) -> Option<Self> {
        match value {
            Value::Share(share) => Some(*share),
            _ => None,
        }
    }
}

impl Held for bool {
    fn held(value: &Value) -> Option<Self> {
        match value {
            Value::Switch(on) => Some(*on),
            _ => None,
        }
    }
}

impl Held for PathBuf {
    fn held(value: &Value) -> Option<Self> {
        match value {
            Value::Path(path) => Some(path.clone()),
            _ => None,
        }
    }
}

impl Held for Option<PathBuf> {
    fn held(value: &Value) -> Option<Self> {
        match value {
            Value::Unset => Some(None),
            set => PathBuf::held(set).map(Some),
        }
    }
}

impl Held for Vec<PathBuf> {
    fn held(value: &Value) -> Option<Self> {
        match value {
            Value::Unset => Some(Self::new()),
            Value::Paths(paths) => Some(paths.clone()),
            _ => None,
        }
    }
}

impl Held for Option<String> {
    fn held(value: &Value) -> Option<Self> {
        match value {
            Value::Unset => Some(None),
            Value::Place(place) => Some(Some(place.clone())),
            _ => None,
        }
    }
}

impl Held for Vec<Floor> {
    fn held(value: &Value) -> Option<Self> {
        match value {
            Value::Unset => Some(Self::new()),
            Value::Floors(floors) => Some(floors.clone()),
            _ => None,
        }
    }
}

impl Held for Vec<String> {
    fn held(value: &Value) -> Option<Self> {
        match value {
            Value::Words(words) => Some(words.clone()),
            _ => None,
        }
    }
}

impl Held for Version {
    fn held(value: &Value) -> Option<Self> {
        match value {
            Value::Name(name) => Some(name.clone()),
            _ => None,
        }
    }
}
