//! The least value of a quality figure, as `name=value`; it must never judge.

use std::fmt;
use std::str::FromStr;

/// A figure of quality by its name in the manifest, and the least that it may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Floor {
    /// The figure's name.
    pub name: String,
    /// The least value.
    pub least: f64,
}

/// Not a floor.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{got}` is no floor, expected a figure's name and the least value, such as `hit_5=0.25`")]
pub struct FloorError {
    /// What came.
    pub got: String,
}

impl Floor {
    /// All of several; `None` where one is none, or two are of one figure.
    pub fn all(texts: &[String]) -> Option<Vec<Self>> {
        let floors: Vec<Self> = texts.iter().map(|text| text.parse().ok()).collect::<Option<_>>()?;
        let repeated = |at: usize| floors[..at].iter().any(|floor| floor.name == floors[at].name);
        (!(0..floors.len()).any(repeated)).then_some(floors)
    }
}

impl FromStr for Floor {
    type Err = FloorError;

    fn from_str(text: &str) -> Result<Self, FloorError> {
        let parsed = text.split_once('=').and_then(|(name, least)| {
            let (name, least) = (name.trim().to_owned(), least.trim().parse().ok()?);
            Some(Self { name, least })
        });
        let sound = |floor: &Self| !floor.name.is_empty() && floor.least.is_finite();
        parsed.filter(sound).ok_or_else(|| FloorError { got: text.to_owned() })
    }
}

impl fmt::Display for Floor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}={}", self.name, self.least)
    }
}
