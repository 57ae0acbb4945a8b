//! What one release answers to one history, with names, for people who try it: `segue lookup`, and the console.
//!
//! The answering itself is the service's own code. It must never be counted, kept or noted as a caller's question.

use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Candidate, Degraded, Told, climb_with, needs_model};
use crate::ask::Ask;
use crate::config::Rung;
use crate::fallback::ask_here;
use crate::snapshot::catalogue::Catalogue;
use crate::snapshot::release::Release;
use crate::snapshot::table::{SCORE_DECIMALS, Score};

mod complete;

pub use complete::complete;

/// An answer: the fields of the service's reply, and the name of every candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lookup {
    /// Best first within each source.
    pub candidates: Vec<Found>,
    /// Which path answered.
    pub source: String,
    /// The clusters that the first candidate was found under, oldest first.
    pub matched: Vec<u32>,
    /// Cluster ids of the history that the catalogue does not have.
    pub ignored: Vec<u32>,
    /// Why the answer is less than it could have been.
    pub degraded: Option<String>,
    /// The release that answered.
    pub release: String,
    /// Its snapshot.
    pub snapshot: String,
    /// The model that it names.
    pub model: Option<String>,
    /// Its catalogue.
    pub catalogue: String,
}

/// A candidate with its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// Its id.
    pub cluster: u32,
    /// How likely it is, 0 to 1.
    pub score: f64,
    /// Which path gave it.
    pub source: String,
    /// Its name.
    pub name: String,
}

/// Answers a question from a release. Where its model is needed, it is asked on the caller's own thread, for as long as it
/// takes: never on one that serves.
pub fn look_up(release: &Release, rungs: &[Rung], ask: &Ask) -> Lookup {
    let told = match release.model() {
        Some(_) if !needs_model(release, rungs, ask) => Told::Nothing,
        _ => ask_here(release, &ask.history),
    };
    Lookup::of(&climb_with(release, rungs, ask, &told))
}

impl Lookup {
    fn of(answer: &Answer<'_>) -> Self {
        let manifest = answer.release.manifest();
        let catalogue = answer.release.catalogue();
        Self {
            candidates: answer.candidates.iter().map(|candidate| Found::of(candidate, catalogue)).collect(),
            source: answer.source.label().to_owned(),
            matched: answer.matched.as_slice().to_vec(),
            ignored: answer.ignored.clone(),
            degraded: answer.degraded.map(|reason| Degraded::label(reason).to_owned()),
            release: manifest.version.to_string(),
            snapshot: manifest.snapshot.to_string(),
            model: manifest.model.as_ref().map(ToString::to_string),
            catalogue: manifest.catalogue.to_string(),
        }
    }
}

impl Found {
    fn of(candidate: &Candidate, catalogue: &Catalogue) -> Self {
        Self {
            cluster: candidate.cluster,
            score: decimal(candidate.score),
            source: candidate.source.label().to_owned(),
            name: catalogue.at(candidate.index).map(|cluster| cluster.name.clone()).unwrap_or_default(),
        }
    }
}

/// The score in decimal, as the service writes it: through `f32` it would show digits that it does not have.
fn decimal(score: Score) -> f64 {
    f64::from(score.decimal()) / f64::from(10_u32.pow(SCORE_DECIMALS))
}
