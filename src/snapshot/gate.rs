//! Whether a release may serve: every gate with its verdict, what it expected, what it got, and what to do about it.
//!
//! A gate only judges. It must never change a release, nor what serves; and a figure that nobody configured a bound for
//! (churn) must never refuse anything.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

mod asked;
mod churn;
mod compare;
mod floor;
mod judged;
mod offer;
mod room;
mod signed;
mod verdict;

pub use churn::Churn;
pub use floor::Floor;
pub use offer::{Offer, Refusal};
pub use room::Need;
pub use verdict::{Ruling, Verdict};

use judged::Judged;
use verdict::Finding;

use super::manifest::{Manifest, Version};
use super::parcel::Parcel;
use super::release::{Release, ReleaseError};
use super::state;
use super::store::Store;
use crate::config::{self, Config, Signing};
use crate::memory::Memory;
use crate::metrics::Metrics;

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

/// Why a release is judged. Only one that is new here is compared with the current one and held to the floors of quality:
/// who rolls back wants the older data, and stricter rules must not leave a service that starts with nothing to serve.
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
    metrics: Metrics,
}

impl Gates {
    /// The gates of a configuration. The files of keys are read when they are needed, so that a key can be replaced without
    /// a restart.
    pub fn new(config: &Config, metrics: &Metrics) -> Self {
        Self { inner: Arc::new(Inner { rules: config.gates.clone(), metrics: metrics.clone() }) }
    }

    /// Whether the bytes of what is offered may come: asked before the first of them is. `current` is the manifest of what
    /// serves, whose model need not be counted twice.
    ///
    /// # Errors
    /// When it is quarantined, is in a format that is not taken, is not signed as it must be, or has no room on the disk or in memory.
    pub fn before_fetch(&self, offer: &Offer<'_>, current: Option<&Manifest>, store: &Store) -> Result<(), Refusal> {
        self.offered(offer, current, store)
            .inspect_err(|refusal| refusal.gate().into_iter().for_each(|gate| self.refused(gate)))
    }

    /// Makes the checks of a load that are on, of a release that lies complete in a directory which does not bear its name
    /// yet: before it gets it.
    ///
    /// # Errors
    /// When it could not serve.
    pub fn admit(&self, dir: &Path, version: &Version) -> Result<(), ReleaseError> {
        let release = Release::open_named(dir, version)?;
        let admitted = self.admits(&release);
        release.let_go();
        admitted
    }

    fn admits(&self, release: &Release) -> Result<(), ReleaseError> {
        self.verify(release)?;
        release.warm()?;
        let golden = self.ruled(GateName::Golden, |rules| asked::golden(rules, release));
        if golden.refuses() { Err(ReleaseError::Refused(Box::new(golden))) } else { Ok(()) }
    }

    /// Whether a release of the store may be loaded beside what is in memory: asked before its table is touched. Where it
    /// may not, letting go of a release that only waits (the previous one) may make room.
    ///
    /// # Errors
    /// When there is no room for it in memory.
    pub fn before_load(
        &self,
        release: &Manifest,
        current: Option<&Manifest>,
        store: &Store,
    ) -> Result<(), ReleaseError> {
        let need = Need::of(release, current, store);
        let verdict = self.ruled(GateName::Memory, |rules| room::memory(rules, &need, &Memory::now()));
        if verdict.refuses() { Err(ReleaseError::Refused(Box::new(verdict))) } else { Ok(()) }
    }

    /// Checks every byte, unless the gate `integrity` is off.
    ///
    /// # Errors
    /// When a byte is another than the manifest lists.
    pub fn verify(&self, release: &Release) -> Result<(), ReleaseError> {
        if self.inner.rules.integrity { release.verify() } else { Ok(()) }
    }

    /// Every gate's verdict on a release that is loaded, in the order of [`GateName::ALL`]; golden questions are asked here.
    pub fn judge(&self, staged: &Release, current: Option<&Release>, occasion: Occasion) -> Vec<Verdict> {
        let judged = Judged { staged, current, occasion };
        GateName::ALL.iter().map(|&gate| self.ruled(gate, |rules| judged.find(gate, rules))).collect()
    }

    /// Judges, reports the churn, and gives the first refusal as an error: whoever gives the release up counts that one, the
    /// others are counted here.
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
        let refused: Vec<_> = verdicts.iter().filter(|verdict| verdict.refuses()).collect();
        for verdict in refused.iter().skip(1) {
            // The first is told by whoever gets the error.
            tracing::warn!(release = %staged.manifest().version, gate = %verdict.gate, "refused as well: {verdict}");
            self.refused(verdict.gate);
        }
        match refused.first() {
            Some(first) => Err(ReleaseError::Refused(Box::new((*first).clone()))),
            None => {
                current.into_iter().for_each(|current| self.report(staged, current));
                Ok(verdicts)
            }
        }
    }

    /// How much a release would change what is answered first; `None` where nobody wants to know, or nothing can be compared.
    pub fn churn(&self, staged: &Release, current: &Release) -> Option<f64> {
        match self.inner.rules.churn_histories_max {
            0 => None,
            histories_max => Churn::between(staged, current, histories_max).share(),
        }
    }

    fn offered(&self, offer: &Offer<'_>, current: Option<&Manifest>, store: &Store) -> Result<(), Refusal> {
        let need = match offer.parcel {
            Parcel::Release(release) => {
                not_quarantined(release, store)?;
                self.passed(GateName::Format, |rules| asked::format(rules, release))?;
                Need::of(release, current, store)
            }
            Parcel::Model(model) => Need::of_model(model),
        };
        self.passed(GateName::Signature, |rules| signed::offered(rules, offer.manifest, offer.signature))?;
        room::disk(offer, store)?;
        self.passed(GateName::Memory, |rules| room::memory(rules, &need, &Memory::now()))
    }

    fn passed(&self, gate: GateName, find: impl FnOnce(&config::Gates) -> Finding) -> Result<(), Refusal> {
        let verdict = self.ruled(gate, find);
        if verdict.refuses() { Err(Refusal::Gate(Box::new(verdict))) } else { Ok(()) }
    }

    /// A gate's verdict; it looks at nothing where it is off.
    fn ruled(&self, gate: GateName, find: impl FnOnce(&config::Gates) -> Finding) -> Verdict {
        let rules = &self.inner.rules;
        let finding = if is_on(rules, gate) { find(rules) } else { Finding::Off("the gate is off") };
        finding.verdict(gate)
    }

    fn report(&self, staged: &Release, current: &Release) {
        let Some(churn) = self.churn(staged, current) else { return };
        self.inner.metrics.gate().churned(churn);
        let (release, against) = (&staged.manifest().version, &current.manifest().version);
        tracing::info!(%release, %against, churn, "share of histories whose first candidate changes");
    }

    fn refused(&self, gate: GateName) {
        self.inner.metrics.gate().refused(gate);
    }
}

/// Refuses what may never serve here again.
fn not_quarantined(release: &Manifest, store: &Store) -> Result<(), Refusal> {
    // A pointer that cannot be read is told of by whoever follows it.
    let state = store.state().unwrap_or_default();
    match state.quarantined.get(&release.version) {
        Some(why) => Err(state::Refusal::Quarantined { version: release.version.clone(), why: why.clone() }.into()),
        None => Ok(()),
    }
}

/// Whether a gate is on. Signatures have words of their own, which their rule reads.
fn is_on(rules: &config::Gates, gate: GateName) -> bool {
    match gate {
        GateName::Integrity => rules.integrity,
        GateName::Signature => rules.signature != Signing::Off,
        GateName::Format => rules.format,
        GateName::Compatibility => rules.compatibility,
        GateName::Window => rules.window,
        GateName::Coverage => rules.coverage,
        GateName::Size => rules.size,
        GateName::Golden => rules.golden,
        GateName::Memory => rules.memory,
        GateName::Quality => rules.quality,
    }
}

impl fmt::Display for GateName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

impl fmt::Debug for Gates {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Gates").field("rules", &self.inner.rules).finish_non_exhaustive()
    }
}
