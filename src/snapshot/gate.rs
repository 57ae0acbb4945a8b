//! Whether a release may serve: every gate with its verdict, what it expected, what it got, and what to do about it.
//!
//! A gate only judges. It must never change a release, nor what serves; and a figure that nobody configured a bound for
//! (churn) must never refuse anything.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

mod floor;
mod offer;

pub use floor::Floor;
pub use offer::{Offer, Refusal};

use super::manifest::Manifest;
use super::release::{Release, ReleaseError};
use super::store::Store;
use crate::config::{self, Config};
use crate::metrics::Metrics;
use crate::model::engine::Precision;

/// Declares the gates with their words, in the order in which they are judged.
macro_rules! gates {
    ($( $(#[doc = $help:literal])+ $Gate:ident = $word:literal, )+) => {
        /// A gate, by its word in configuration, metrics and reasons.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "lowercase")]
        pub enum GateName { $( $(#[doc = $help])+ $Gate, )+ }

        impl GateName {
            /// Every gate, in the order in which they are judged.
            pub const ALL: &[Self] = &[$(Self::$Gate),+];

            /// Its word: its key in `[gates]`, its label in metrics, the class of its refusals.
            pub const fn word(self) -> &'static str {
                match self { $( Self::$Gate => $word, )+ }
            }
        }
    };
}

gates! {
    /// Every byte is the one that the manifest lists.
    Integrity = "integrity",
    /// A known key signed the manifests.
    Signature = "signature",
    /// The format is one that is taken.
    Format = "format",
    /// Release, model and catalogue were made for each other, and for the users of the current one.
    Compatibility = "compatibility",
    /// The data is no older than the current one's.
    Window = "window",
    /// As many histories as the current one has, within bounds.
    Coverage = "coverage",
    /// As large as the current one, within bounds.
    Size = "size",
    /// The golden questions are answered.
    Golden = "golden",
    /// It fits into memory beside what is there.
    Memory = "memory",
    /// The manifest's figures of quality are above their floors.
    Quality = "quality",
}

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

/// Why a release is judged. What compares it with the current one is only for one that is new here: who rolls back wants
/// the older data, and who starts has nothing to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// It never served here.
    New,
    /// It served here before: a rollback, or the start of the service.
    Return,
}

/// The gates as configured; a clone shares them.
#[derive(Clone)]
pub struct Gates {
    inner: Arc<Inner>,
}

struct Inner {
    rules: config::Gates,
    precision: Precision,
    metrics: Metrics,
}

impl Gates {
    /// The gates of a configuration. The files of keys are read when they are needed, so that a key can be replaced without
    /// a restart.
    pub fn new(config: &Config, metrics: &Metrics) -> Self {
        let (rules, precision, metrics) = (config.gates.clone(), config.model.precision, metrics.clone());
        Self { inner: Arc::new(Inner { rules, precision, metrics }) }
    }

    /// Whether the bytes of what is offered may come: asked before the first of them is. `current` is the manifest of what
    /// serves, whose model need not be counted twice.
    ///
    /// # Errors
    /// When it is quarantined, is in a format that is not taken, is not signed as it must be, or has no room on the disk or
    /// in memory.
    pub fn before_fetch(&self, _offer: &Offer<'_>, _current: Option<&Manifest>, _store: &Store) -> Result<(), Refusal> {
        Ok(())
    }

    /// Whether a release of the store may be loaded beside what is in memory: asked before its table is touched.
    ///
    /// # Errors
    /// When there is no room for it in memory.
    pub fn before_load(
        &self,
        _release: &Manifest,
        _current: Option<&Manifest>,
        _store: &Store,
    ) -> Result<(), ReleaseError> {
        Ok(())
    }

    /// Checks every byte, unless the gate `integrity` is off.
    ///
    /// # Errors
    /// When a byte is another than the manifest lists.
    pub fn verify(&self, release: &Release) -> Result<(), ReleaseError> {
        if self.inner.rules.integrity { release.verify() } else { Ok(()) }
    }

    /// Every gate's verdict on a release that is loaded, in the order of [`GateName::ALL`]; golden questions are asked here.
    pub fn judge(&self, _staged: &Release, _current: Option<&Release>, _occasion: Occasion) -> Vec<Verdict> {
        Vec::new()
    }

    /// Judges, counts what refuses, reports the churn, and gives the first refusal as an error.
    ///
    /// # Errors
    /// When a gate refuses.
    pub fn check(
        &self,
        staged: &Release,
        current: Option<&Release>,
        occasion: Occasion,
    ) -> Result<Vec<Verdict>, ReleaseError> {
        let verdicts = self.judge(staged, current, occasion);
        match verdicts.iter().find(|verdict| verdict.refuses()) {
            Some(refused) => Err(ReleaseError::Refused(Box::new(refused.clone()))),
            None => Ok(verdicts),
        }
    }
}

impl Verdict {
    /// Whether it keeps the release from serving.
    pub fn refuses(&self) -> bool {
        self.ruling == Ruling::Refused
    }
}

impl fmt::Display for GateName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl fmt::Debug for Gates {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Gates").field("rules", &self.inner.rules).finish_non_exhaustive()
    }
}
