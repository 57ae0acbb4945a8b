//! How good a release would have been: the same answers as the service's, on requests that nothing of it had seen.
//!
//! Nothing held out reaches an answer: counts end where the requests begin, and the model came before.

use std::collections::BTreeMap;
use std::path::Path;

use segue::model::Model;
use segue::snapshot::catalogue::Catalogue;
use segue::snapshot::release::Release;
use serde::{Deserialize, Serialize};

use crate::blend::Blended;
use crate::candidates::choose::Choice;
use crate::measure::{Bootstrap, Interval};
use crate::smooth::Smoothed;

/// A held-out question: at this time, a user with this history went on to that cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The user's number or hash.
    pub user: u64,
    /// When `next` was engaged with, in microseconds since 1970.
    pub time_us: i64,
    /// Cluster ids, oldest first, at most 16.
    pub history: Vec<u32>,
    /// The id of the cluster that came next.
    pub next: u32,
}

/// A release as it would have been made when the requests began.
#[derive(Clone, Copy, Debug)]
pub struct Rehearsal<'a> {
    /// The requests; those before `as_of_us` are left out.
    pub requests: &'a [Request],
    /// The end of what was counted, in microseconds since 1970: only earlier events are in `smoothed`.
    pub as_of_us: i64,
    /// The clusters there are.
    pub catalogue: &'a Catalogue,
    /// The counts as of then.
    pub smoothed: &'a Smoothed,
    /// The model, which is run for the histories asked and no others; `None` rehearses the counts alone.
    pub model: Option<&'a Model>,
    /// How many candidates, of which histories, without which clusters.
    pub choice: Choice,
    /// What the model's opinion is worth.
    pub weight: Weight,
    /// The release that serves now.
    pub previous: Option<&'a Release>,
    /// How intervals are drawn.
    pub bootstrap: Bootstrap,
    /// Where the rehearsed release is written for the time of the rehearsal.
    pub dir: &'a Path,
}

/// What the model's opinion is worth in a blend, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Weight {
    /// The best of a small grid on the held-out requests.
    #[default]
    Chosen,
    /// This.
    Given(f64),
}

/// A rehearsal's end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rehearsed {
    /// The weight to blend with.
    pub weight: f64,
    /// Every weight tried, with its figures.
    pub tried: Vec<Tried>,
    /// How good the release would have been with that weight.
    pub quality: Quality,
}

/// One weight of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// The weight.
    pub weight: f64,
    /// Its figures.
    pub figures: Interval,
}

/// The figures that gates judge and manifests carry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Requests that all were measured on.
    pub requests: u64,
    /// Users who made them.
    pub users: u64,
    /// The release.
    pub release: Answered,
    /// The popular list, whatever the history.
    pub popularity: Answered,
    /// The release that serves now; `None` without one, or where it had seen the requests.
    pub previous: Option<Answered>,
    /// The release less the popular list, on the same draws of users.
    pub over_popularity: Interval,
    /// The release less the previous one.
    pub over_previous: Option<Interval>,
    /// How alike the new release and the previous one answer.
    pub agreement: Option<Agreement>,
    /// What was made.
    pub made: Made,
}

/// How one contestant answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// Hit rates, MRR and NDCG among the first ten.
    pub figures: Interval,
    /// The share of requests whose very history the table holds.
    pub coverage: f64,
    /// The share of the first ten that the history does not have.
    pub novelty: f64,
    /// The mean surprise of the first ten in bits: -log2 of a cluster's share of all events.
    pub surprise_bits: f64,
    /// The share of the catalogue that stood among the first ten of any request.
    pub catalogue_coverage: f64,
    /// How unevenly the first ten are spread over the catalogue: 0 is even, 1 is one cluster alone.
    pub gini: f64,
}

/// How alike two releases answer the same requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// The share of requests with the same first candidate.
    pub top_1: f64,
    /// The mean Jaccard similarity of the first five.
    pub jaccard_5: f64,
}

/// What was made, as far as it can be known before it is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// The share of the candidates given that the catalogue has.
    pub match_rate: f64,
    /// Histories in the table, the empty one included.
    pub histories: u64,
    /// Those of the previous release.
    pub previous_histories: Option<u64>,
    /// Bytes of the table.
    pub table_bytes: u64,
}

/// Rehearses a release: the answer is computed as of the start of the held-out time, then measured on what came.
///
/// # Errors
/// When no request is left, or when the rehearsed release cannot be written.
pub fn rehearse(rehearsal: &Rehearsal<'_>) -> anyhow::Result<Rehearsed> {
    let _ = rehearsal;
    anyhow::bail!("not yet")
}

impl Quality {
    /// The same with what is known of the blend that will be published, and how alike it and the previous release answer.
    ///
    /// # Errors
    /// When the blend cannot be read.
    pub fn of_blend(self, blended: (&Blended, &Path), rehearsal: &Rehearsal<'_>) -> anyhow::Result<Self> {
        let _ = (blended, rehearsal);
        anyhow::bail!("not yet")
    }

    /// Flat names and figures, as a manifest carries them.
    pub fn named(&self) -> BTreeMap<String, f64> {
        BTreeMap::new()
    }
}
