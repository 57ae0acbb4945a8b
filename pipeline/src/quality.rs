//! How good a release would have been: the same answers as the service's, on requests that nothing of it had seen.
//!
//! ```text
//! requests -> [held] -> histories looked up -> [told] the model's lists -> mixed -> [excerpt] -> [answers] -> [contest] -> [named]
//! ```
//!
//! Nothing held out reaches an answer: counts end where the requests begin, and the model came before.

use std::path::Path;

use segue::model::Model;
use segue::snapshot::catalogue::Catalogue;
use segue::snapshot::format::Shape;
use segue::snapshot::release::Release;
use serde::{Deserialize, Serialize};

use crate::blend::{Blended, rows_of};
use crate::candidates::Candidates;
use crate::candidates::choose::Choice;
use crate::measure::{Bootstrap, Interval, Mean};
use crate::smooth::Smoothed;

mod answers;
mod contest;
mod excerpt;
mod held;
mod named;
mod rehearsed;
mod told;

pub use crate::kept::Request;
pub use held::as_of_us;
pub use rehearsed::{Rehearsed, Tried, rehearse};

use answers::of_release;
use contest::Contest;
use excerpt::{Excerpt, looked_up};
use held::HeldOut;

/// A release as it would have been made when the requests began.
#[derive(Clone, Copy, Debug)]
pub struct Rehearsal<'a> {
    /// The requests; those before `as_of_us` are left out, and those that the previous release had seen, where a hundred are left
    /// without them.
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
    /// Where rehearsed releases are written for the time of the rehearsal.
    pub dir: &'a Path,
}

/// What the model's opinion is worth in a blend, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Weight {
    /// The best of [`WEIGHTS`] on the held-out requests, by NDCG@10.
    #[default]
    Chosen,
    /// This.
    Given(f64),
}

/// The weights that are tried: both alone, and between them as finely as held-out requests can tell apart.
pub const WEIGHTS: [f64; 7] = [0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0];

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
    /// How alike the new release, as it will be published, and the previous one answer.
    pub agreement: Option<Agreement>,
    /// What was made; `None` before it was.
    pub made: Option<Made>,
}

/// How one contestant answered: its first ten, of what may come next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// Hit rates, MRR and NDCG among the first ten.
    pub figures: Interval,
    /// The share of requests that the table answered by the history or a shorter part of it, and not by the popular list.
    pub coverage: Mean,
    /// The share of requests whose very history the table holds.
    pub exact: Mean,
    /// The share of the ten that the history does not have.
    pub novelty: Mean,
    /// The mean surprise of the ten in bits: -log2 of a cluster's share of all events.
    pub surprise_bits: Mean,
    /// The share of the catalogue that stood among the ten of any request.
    pub catalogue_coverage: f64,
    /// How unevenly the tens are spread over the catalogue: 0 is even, 1 is one cluster alone.
    pub gini: f64,
}

/// How alike two releases answer the same requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// The share of requests with the same first candidate.
    pub top_1: Mean,
    /// The mean Jaccard similarity of the first five.
    pub jaccard_5: Mean,
}

/// What was made, as far as it can be known before it is published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// The share of the model's candidates that the catalogue has.
    pub match_rate: f64,
    /// Histories in the table, the empty one included.
    pub histories: u64,
    /// Those of the previous release.
    pub previous_histories: Option<u64>,
    /// Bytes of the table.
    pub table_bytes: u64,
}

impl Quality {
    /// The same with what is known of the blend in a directory that will be published, and how alike it and the previous release answer
    /// the requests.
    ///
    /// # Errors
    /// When the blend cannot be read, or when there is a previous release and no request.
    pub fn of_blend(self, (blended, dir): (&Blended, &Path), rehearsal: &Rehearsal<'_>) -> anyhow::Result<Self> {
        let made = Some(Made::of(blended, rehearsal)?);
        let Some(previous) = rehearsal.previous else { return Ok(Self { made, ..self }) };
        let held = HeldOut::of(rehearsal)?;
        let excerpt = excerpt_of((blended, dir), rehearsal, &held)?;
        let [new, old] = [&excerpt.release, previous].map(|release| of_release(release, &held, rehearsal.catalogue));
        let agreement = Some(rehearsal.contest(&held).agreement(&new, &old));
        Ok(Self { made, agreement, ..self })
    }
}

impl Made {
    fn of(blended: &Blended, rehearsal: &Rehearsal<'_>) -> anyhow::Result<Self> {
        let clusters = rehearsal.smoothed.clusters;
        let shape = Shape { clusters, depth: blended.depth, width: blended.width }.checked()?;
        let bytes = |(length, rows): (usize, &u64)| shape.bitmap_bytes(length) + shape.records_bytes(*rows);
        let levels = blended.rows.iter().enumerate().take(usize::from(blended.depth) + 1);
        let histories = |previous: &Release| previous.manifest().table.levels.iter().map(|level| level.present).sum();
        Ok(Self {
            match_rate: blended.match_rate(),
            histories: blended.rows.iter().sum(),
            previous_histories: rehearsal.previous.map(histories),
            table_bytes: levels.map(bytes).sum(),
        })
    }
}

impl Rehearsal<'_> {
    fn contest<'a>(&'a self, held: &'a HeldOut) -> Contest<'a> {
        Contest { held, smoothed: self.smoothed, mode: self.choice.mode, bootstrap: self.bootstrap }
    }

    fn depth(&self) -> u8 {
        // A depth is at most 3, checked before anything is counted.
        self.smoothed.levels.len() as u8
    }
}

/// The rows of a blend that the requests look up.
fn excerpt_of((blended, dir): (&Blended, &Path), rehearsal: &Rehearsal<'_>, held: &HeldOut) -> anyhow::Result<Excerpt> {
    let order = |history: &Vec<u32>, row: &Candidates| {
        history.len().cmp(&row.history.len()).then_with(|| history.cmp(&row.history))
    };
    let looked_up = looked_up(held, blended.depth);
    let mut rows = Vec::new();
    rows_of(blended, dir, rehearsal.catalogue, |row| {
        if looked_up.binary_search_by(|history| order(history, &row)).is_ok() {
            rows.push(row);
        }
    })?;
    let shape = segue::snapshot::publish::WriteShape { depth: blended.depth, width: blended.width };
    Excerpt::write(rehearsal.dir, rehearsal.catalogue, shape, rows.into_iter())
}
