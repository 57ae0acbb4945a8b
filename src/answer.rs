//! The request: from a user's history to ranked next clusters, and where each came from.
//!
//! Pure: it reads one release and what the model told, and nothing else. It knows no protocol, waits for nothing, and
//! cannot fail once there is a release, because the popular list answers whatever is asked.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ask::Ask;
use crate::config::Rung;
use crate::error::Error;
use crate::model::rank::Ranked;
use crate::snapshot::live::{Held, Live, Lot, Seed, Turn};
use crate::snapshot::release::Release;
use crate::snapshot::table::Score;

use gather::Gather;
use known::Known;

mod gather;
mod known;
mod matched;

pub use known::last_known;
pub use matched::Matched;

/// Answers one question from the release that is live now for its caller, and hands the answer to `encode` while that
/// release is held: one load for the whole of it, so that candidates, names and versions all come from one release. Where
/// that release's model must be asked first, the release is given back to go on with.
#[inline]
pub fn answer<R>(
    live: &Live,
    rungs: &[Rung],
    ask: &Ask,
    encode: impl FnOnce(&Answer<'_>, Option<Turn>) -> R,
) -> Result<Reached<R>, Error> {
    let lot = |seed| ask.lot(seed);
    let reached = live.lend(lot, |lent| match walk(lent.release, rungs, ask, Told::unasked) {
        Some(answer) => Reached::End(encode(&answer, lent.turn)),
        None => Reached::Model(lent.hold()),
    });
    reached.ok_or(Error::NotReady)
}

/// Answers many questions from one release: `encode` is handed what answers any one of them.
pub fn answer_all<R>(
    live: &Live,
    rungs: &[Rung],
    asks: &Asks,
    encode: impl FnOnce(Answerer<'_>, Option<Turn>) -> R,
) -> Result<Reached<R>, Error> {
    let lot = |seed| lot_of_batch(asks, seed);
    let reached = live.lend(lot, |lent| {
        let release = lent.release;
        // All are looked at, also past the first that needs the model: it reads ahead.
        match asks.iter().flatten().filter(|ask| needs_model(release, rungs, ask)).count() {
            0 => Reached::End(encode(Answerer::new(release, rungs, asks, &[]), lent.turn)),
            _ => Reached::Model(lent.hold()),
        }
    });
    reached.ok_or(Error::NotReady)
}

/// The lot of a batch, which one release answers: its first question's.
fn lot_of_batch(asks: &Asks, seed: Seed) -> Lot {
    asks.iter().flatten().next().map_or_else(|| Lot::of_ids(&[], seed), |ask| ask.lot(seed))
}

/// Climbs down the rungs without the model: the exact history, its shorter suffixes, the popular list.
pub fn climb<'r>(release: &'r Release, rungs: &[Rung], ask: &Ask) -> Answer<'r> {
    climb_with(release, rungs, ask, &Told::Nothing)
}

/// Climbs down the rungs until the answer is full, with what the model told.
pub fn climb_with<'r>(release: &'r Release, rungs: &[Rung], ask: &Ask, told: &Told) -> Answer<'r> {
    walk(release, rungs, ask, |_| Some(told.clone())).expect("it ends early only where the model tells nothing yet")
}

/// Whether a release's model must be asked: it has one, and no rung before the model's finds a record.
///
/// Looks up what the answer needs, which also reads it ahead. Lookups that follow each other closely wait for memory
/// together; with an answer written between them, each waits alone.
pub fn needs_model(release: &Release, rungs: &[Rung], ask: &Ask) -> bool {
    let known = Known::of(release, ask);
    let holds = |rung: &Rung| known.suffixes(*rung).any(|suffix| release.table().get(suffix).is_some());
    let found = rungs.iter().take_while(|rung| **rung != Rung::Model).any(holds);
    !found && !known.is_empty() && rungs.contains(&Rung::Model) && release.model().is_some()
}

/// Climbs down the rungs until the answer is full; at the model's, hears what `model` has to tell. `None` where it has
/// nothing to tell yet: nothing was found before, and the model must be asked.
#[inline]
fn walk<'r>(
    release: &'r Release,
    rungs: &[Rung],
    ask: &Ask,
    model: impl Fn(&Release) -> Option<Told>,
) -> Option<Answer<'r>> {
    let known = Known::of(release, ask);
    let mut gather = Gather::new(release, ask);
    for &rung in rungs {
        match rung {
            // It answers what the table does not hold. What the table holds is topped up from the other rungs.
            Rung::Model if gather.found() || known.is_empty() => {}
            Rung::Model => gather.hear(model(release)?),
            Rung::Table | Rung::Suffix | Rung::Popular => {
                known.suffixes(rung).for_each(|suffix| gather.take(rung, suffix));
            }
        }
    }
    Some(gather.finish(known))
}

/// The rungs without the model, in their usual order.
pub const LADDER: [Rung; 3] = [Rung::Table, Rung::Suffix, Rung::Popular];

/// Questions that passed the check, and why the others did not.
pub type Asks = [Result<Ask, Error>];

/// How far a question comes without waiting.
#[derive(Debug)]
pub enum Reached<R> {
    /// To its end.
    End(R),
    /// To the model of this release, which must be asked; nothing was encoded.
    Model(Held),
}

/// What the model told about a question.
#[derive(Clone, Debug, Default)]
pub enum Told {
    /// Nothing: it was not asked.
    #[default]
    Nothing,
    /// What comes next.
    Next(Arc<Heard>),
    /// Why it told nothing.
    Degraded(Degraded),
}

/// What the model was asked, and what it answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// The clusters that it read: indexes, oldest first.
    pub history: Arc<[u32]>,
    /// What comes next: indexes with their probabilities, best first.
    pub ranked: Vec<(u32, Score)>,
}

/// Which path answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(usize)]
pub enum Source {
    /// The table held the history.
    Table,
    /// The table held a shorter suffix of it.
    Suffix,
    /// The model was asked.
    Model,
    /// The popular list.
    Popular,
}

/// Why an answer is less than it could have been: the release's model was wanted, and the next rung answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(usize)]
pub enum Degraded {
    /// The release names a model, and it is not loaded.
    ModelMissing,
    /// More questions wait for the model than may.
    ModelSaturated,
    /// The model did not answer in the time that the question had.
    ModelTimeout,
    /// The model's arithmetic failed.
    ModelFailed,
    /// The model has failed repeatedly, and is left alone for a while.
    ModelUnavailable,
}

/// A ranked answer, borrowed from the release that gave it.
#[derive(Clone, Debug)]
pub struct Answer<'r> {
    /// The release that answered.
    pub release: &'r Release,
    /// Best first within each source; at most the question's limit, fewer where filters leave fewer.
    pub candidates: Vec<Candidate>,
    /// The source of the first candidate; where there is none, of the last record that had nothing to offer.
    pub source: Source,
    /// The clusters of the history that the first candidate was found under: the suffix that the table holds, or all that
    /// the model read; empty for the popular list.
    pub matched: Matched,
    /// Cluster ids of the history that the catalogue does not have, each once, the most recent first.
    pub ignored: Vec<u32>,
    /// Why the answer is less than it could have been.
    pub degraded: Option<Degraded>,
    /// The table does not hold the history, whichever rung answered.
    pub unseen: bool,
}

/// A next cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its id in the catalogue.
    pub cluster: u32,
    /// Its index in the catalogue, where its name stands.
    pub index: u32,
    /// How likely it is; comparable among candidates of one source in one answer.
    pub score: Score,
    /// Which path gave it.
    pub source: Source,
}

/// Answers questions from one release that is held.
pub struct Answerer<'r> {
    release: &'r Release,
    rungs: &'r [Rung],
    asks: &'r Asks,
    /// What the model told about each question, where it was asked at all.
    told: &'r [Told],
    note: &'r dyn Fn(&Ask, &Answer<'_>),
}

impl<'r> Answerer<'r> {
    /// Answers `asks` with what the model `told` about each.
    pub fn new(release: &'r Release, rungs: &'r [Rung], asks: &'r Asks, told: &'r [Told]) -> Self {
        Self { release, rungs, asks, told, note: &|_, _| () }
    }

    /// The same, which shows each answer to `note`.
    pub fn noting<'n>(self, note: &'n dyn Fn(&Ask, &Answer<'_>)) -> Answerer<'n>
    where
        'r: 'n,
    {
        Answerer { note, ..self }
    }

    /// The release that answers.
    pub fn release(&self) -> &Release {
        self.release
    }

    /// The questions.
    pub fn asks(&self) -> &'r Asks {
        self.asks
    }

    /// Answers the question at a position, or says why it is none.
    pub fn answer(&self, position: usize) -> Result<(Answer<'r>, &'r Ask), &'r Error> {
        let told = match self.told.get(position) {
            Some(told) => told.clone(),
            None => Told::unasked(self.release).unwrap_or_default(),
        };
        let ask = self.asks[position].as_ref()?;
        let answer = climb_with(self.release, self.rungs, ask, &told);
        (self.note)(ask, &answer);
        Ok((answer, ask))
    }
}

impl Told {
    /// What is known of a release's model without asking it; `None` where it can be asked.
    pub(crate) fn unasked(release: &Release) -> Option<Self> {
        match (release.model(), &release.manifest().model) {
            (Some(_), _) => None,
            (None, Some(_)) => Some(Self::Degraded(Degraded::ModelMissing)),
            (None, None) => Some(Self::Nothing),
        }
    }
}

impl Heard {
    /// What a model that read `history` ranked; `None` where that is nothing, or has a probability that is no number.
    pub fn new(history: Arc<[u32]>, ranked: &Ranked) -> Option<Self> {
        let score = |&(index, score): &(u32, f32)| Some((index, Score::nearest(score)?));
        let ranked: Vec<_> = ranked.iter().map(score).collect::<Option<_>>()?;
        (!ranked.is_empty()).then_some(Self { history, ranked })
    }
}

impl Source {
    /// Every source, in the order of its discriminant.
    pub const ALL: [Self; 4] = [Self::Table, Self::Suffix, Self::Model, Self::Popular];

    /// The word for it on the wire and in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Suffix => "suffix",
            Self::Model => "model",
            Self::Popular => "popular",
        }
    }

    /// The source of what a rung gives.
    const fn of(rung: Rung) -> Self {
        match rung {
            Rung::Table => Self::Table,
            Rung::Suffix => Self::Suffix,
            Rung::Model => Self::Model,
            Rung::Popular => Self::Popular,
        }
    }
}

impl Degraded {
    /// Every reason, in the order of its discriminant.
    pub const ALL: [Self; 5] =
        [Self::ModelMissing, Self::ModelSaturated, Self::ModelTimeout, Self::ModelFailed, Self::ModelUnavailable];

    /// The word for it on the wire and in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::ModelMissing => "model_missing",
            Self::ModelSaturated => "model_saturated",
            Self::ModelTimeout => "model_timeout",
            Self::ModelFailed => "model_failed",
            Self::ModelUnavailable => "model_unavailable",
        }
    }
}
