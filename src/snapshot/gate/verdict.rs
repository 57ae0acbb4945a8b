//! What a gate found, in words and for programs; it must never judge.

use std::fmt;

use serde::Serialize;

use super::GateName;

/// What a gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ruling {
    /// The release may pass; the text says so where there was nothing to judge by.
    Passed,
    /// It may not.
    Refused,
    /// The gate is off, or does not apply.
    Off,
}

/// What one gate found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The gate.
    pub gate: GateName,
    /// What it says.
    pub ruling: Ruling,
    /// The verdict for people: what was expected, what came, and, where it refuses, what to do.
    pub text: String,
    /// What was expected; empty where nothing was.
    pub expected: String,
    /// What came; empty where nobody looked.
    pub got: String,
}

/// What a gate's rule found, before it is a verdict.
#[derive(Clone, Debug)]
pub(super) enum Finding {
    /// It is as expected, or is not.
    Looked {
        /// Whether it is.
        holds: bool,
        /// What was expected.
        expected: String,
        /// What came.
        got: String,
        /// What to do where it is not.
        advice: String,
    },
    /// There was nothing to judge by, which passes; why.
    Nothing(&'static str),
    /// The gate does not apply; why.
    Off(&'static str),
}

impl Finding {
    /// The same, with the words of who can do something about it.
    pub(super) fn advised(self, say: impl Into<String>) -> Self {
        match self {
            Self::Looked { holds, expected, got, .. } => Self::Looked { holds, expected, got, advice: say.into() },
            other => other,
        }
    }

    /// What was looked at; [`Finding::advised`] should follow.
    pub(super) fn looked(holds: bool, expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self::Looked { holds, expected: expected.into(), got: got.into(), advice: String::new() }
    }

    /// Both, of which this one holds: the other where that is a refusal.
    pub(super) fn and(self, other: Self) -> Self {
        let join = |one: String, other: String| format!("{one}, {other}");
        match (self, other) {
            (
                Self::Looked { expected, got, .. },
                Self::Looked { holds: true, expected: expected_too, got: got_too, advice },
            ) => Self::Looked { holds: true, expected: join(expected, expected_too), got: join(got, got_too), advice },
            (_, other) => other,
        }
    }

    /// Whether it is a refusal.
    pub(super) fn refuses(&self) -> bool {
        matches!(self, Self::Looked { holds: false, .. })
    }

    /// The verdict of a gate that found this.
    pub(super) fn verdict(self, gate: GateName) -> Verdict {
        let (ruling, text, expected, got) = match self {
            Self::Looked { holds: true, expected, got, .. } => {
                (Ruling::Passed, format!("{got} (expected {expected})"), expected, got)
            }
            Self::Looked { expected, got, advice, .. } => {
                let text = format!("gate {gate}: expected {expected}, got {got}; {advice}");
                (Ruling::Refused, text, expected, got)
            }
            Self::Nothing(why) => (Ruling::Passed, why.to_owned(), String::new(), String::new()),
            Self::Off(why) => (Ruling::Off, why.to_owned(), String::new(), String::new()),
        };
        Verdict { gate, ruling, text, expected, got }
    }
}

impl Verdict {
    /// Whether it keeps the release from serving.
    pub fn refuses(&self) -> bool {
        self.ruling == Ruling::Refused
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}
