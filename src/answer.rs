//! The request: from a user's history to ranked next clusters, and where each came from.
//!
//! Pure: it reads one release and nothing else. It knows no protocol, waits for nothing, and cannot fail once there is
//! a release, because the popular list answers whatever is asked.

use serde::{Deserialize, Serialize};

use crate::ask::Ask;
use crate::config::Rung;
use crate::error::Error;
use crate::snapshot::catalogue::Catalogue;
use crate::snapshot::format::DEPTH_MAX;
use crate::snapshot::live::Live;
use crate::snapshot::release::Release;
use crate::snapshot::table::{Record, Score};

/// Answers one question from the release that is live now, and hands the answer to `encode` while that release is
/// held: one load for the whole of it, so that candidates, names and versions all come from one release.
#[inline]
pub fn answer<R>(live: &Live, rungs: &[Rung], ask: &Ask, encode: impl FnOnce(&Answer<'_>) -> R) -> Result<R, Error> {
    live.read(|release| encode(&climb(release, rungs, ask))).ok_or(Error::NotReady)
}

/// Answers many questions from one release: `encode` is handed a function that answers any one of them.
pub fn answer_all<R>(live: &Live, rungs: &[Rung], encode: impl FnOnce(&Answerer<'_>) -> R) -> Result<R, Error> {
    live.read(|release| encode(&Answerer { release, rungs })).ok_or(Error::NotReady)
}

/// Climbs down the rungs until the answer is full: the exact history, its shorter suffixes, the popular list.
pub fn climb<'r>(release: &'r Release, rungs: &[Rung], ask: &Ask) -> Answer<'r> {
    let known = Known::of(release, ask);
    let mut gather = Gather::new(release, ask);
    for rung in rungs {
        match rung {
            Rung::Table => gather.take(Source::Table, known.suffix(known.length).filter(|suffix| !suffix.is_empty())),
            Rung::Suffix => {
                (1..known.length).rev().for_each(|length| gather.take(Source::Suffix, known.suffix(length)))
            }
            Rung::Popular => gather.take(Source::Popular, known.suffix(0)),
        }
    }
    gather.finish(known)
}

/// The whole ladder, in its usual order. The model's rung takes its place between suffix and popular when there is a
/// model.
pub const LADDER: [Rung; 3] = [Rung::Table, Rung::Suffix, Rung::Popular];

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

/// Why an answer is less than it could have been. Nothing degrades an answer that only the table gives: the model's
/// rung brings the reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Degraded {}

/// A ranked answer, borrowed from the release that gave it.
#[derive(Clone, Debug)]
pub struct Answer<'r> {
    /// The release that answered.
    pub release: &'r Release,
    /// Best first within each source; at most the question's limit, fewer where filters leave fewer.
    pub candidates: Vec<Candidate>,
    /// The source of the first candidate; where there is none, of the last record that had nothing to offer.
    pub source: Source,
    /// The suffix of the history that the first candidate was found under; empty for the popular list.
    pub matched: Short,
    /// Cluster ids of the history that the catalogue does not have, each once, the most recent first.
    pub ignored: Vec<u32>,
    /// Why the answer is less than it could have been.
    pub degraded: Option<Degraded>,
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

/// Up to [`DEPTH_MAX`] cluster ids, oldest first, kept without an allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Short {
    clusters: [u32; DEPTH_MAX as usize],
    length: usize,
}

/// Answers questions from one release that is held.
#[derive(Debug)]
pub struct Answerer<'r> {
    release: &'r Release,
    rungs: &'r [Rung],
}

impl Answerer<'_> {
    /// The release that answers.
    pub fn release(&self) -> &Release {
        self.release
    }

    /// Reads ahead what the questions will need. Lookups that follow each other closely wait for memory together; with
    /// an answer written between them, each waits alone.
    pub fn fetch<'a>(&self, asks: impl Iterator<Item = &'a Ask>) {
        for ask in asks {
            let known = Known::of(self.release, ask);
            let found = known.suffix(known.length).and_then(|suffix| self.release.table().get(suffix));
            std::hint::black_box(found.map(|record| record.len()));
        }
    }

    /// Answers one question.
    pub fn answer(&self, ask: &Ask) -> Answer<'_> {
        climb(self.release, self.rungs, ask)
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
}

impl Degraded {
    /// The word for it on the wire and in metrics.
    pub const fn label(self) -> &'static str {
        match self {}
    }
}

impl Short {
    /// The ids, oldest first.
    pub fn as_slice(&self) -> &[u32] {
        &self.clusters[..self.length]
    }
}

/// What the release knows of a history: its last distinct clusters, as many as the table's depth.
struct Known {
    /// Indexes, most recent last, filled from the end.
    indexes: [u32; DEPTH_MAX as usize],
    length: usize,
    ignored: Vec<u32>,
}

impl Known {
    /// Walks the history from its most recent end, keeping each known cluster once: consecutive repeats and earlier
    /// duplicates drop out, as they do when the table is built.
    fn of(release: &Release, ask: &Ask) -> Self {
        let mut known = Self { indexes: [0; DEPTH_MAX as usize], length: 0, ignored: Vec::new() };
        let depth = usize::from(release.table().shape().depth);
        for &id in ask.history.iter().rev() {
            match release.catalogue().index_of(id) {
                Some(index) if known.length < depth => known.add(index),
                Some(_) => {}
                None if known.ignored.contains(&id) => {}
                None => known.ignored.push(id),
            }
        }
        known
    }

    fn add(&mut self, index: u32) {
        if !self.all().contains(&index) {
            self.length += 1;
            self.indexes[DEPTH_MAX as usize - self.length] = index;
        }
    }

    fn all(&self) -> &[u32] {
        &self.indexes[DEPTH_MAX as usize - self.length..]
    }

    /// The last `length` known clusters, as indexes, oldest first; `None` where fewer are known.
    fn suffix(&self, length: usize) -> Option<&[u32]> {
        self.all().get(self.length.checked_sub(length)?..)
    }

    /// The ids of a suffix, for the reply.
    fn ids(&self, length: usize, catalogue: &Catalogue) -> Short {
        let mut short = Short { length, ..Short::default() };
        for (slot, &index) in short.clusters.iter_mut().zip(self.suffix(length).unwrap_or_default()) {
            *slot = catalogue.id_at(index).unwrap_or_default();
        }
        short
    }
}

/// An answer being filled.
struct Gather<'r, 'q> {
    release: &'r Release,
    limit: usize,
    min_score: Score,
    excluded: Excluded<'q>,
    candidates: Vec<Candidate>,
    /// The source of the first candidate, or of the last record found while there is none, and its suffix's length.
    first: Option<(Source, usize)>,
}

impl<'r, 'q> Gather<'r, 'q> {
    fn new(release: &'r Release, ask: &'q Ask) -> Self {
        // No answer holds more than the catalogue, whatever limit a golden question from a damaged file names.
        let candidates = Vec::with_capacity(ask.limit.min(release.catalogue().len()));
        let (limit, min_score) = (ask.limit, ask.min_score);
        Self { release, limit, min_score, excluded: Excluded::of(ask), candidates, first: None }
    }

    /// Adds what a suffix's record still has to offer, if the table holds it and there is room.
    fn take(&mut self, source: Source, suffix: Option<&[u32]>) {
        let wanted = suffix.filter(|_| self.candidates.len() < self.limit);
        if let Some((suffix, record)) = wanted.and_then(|suffix| Some((suffix, self.release.table().get(suffix)?))) {
            if self.candidates.is_empty() {
                self.first = Some((source, suffix.len()));
            }
            self.fill(source, record);
        }
    }

    fn fill(&mut self, source: Source, record: Record<'_>) {
        for (index, score) in record.iter() {
            // Best first: once one is below the floor, the rest of the record is.
            if self.candidates.len() == self.limit || score < self.min_score {
                return;
            }
            if let Some(cluster) = self.release.catalogue().id_at(index).filter(|&cluster| self.wants(cluster)) {
                self.candidates.push(Candidate { cluster, index, score, source });
            }
        }
    }

    fn wants(&self, cluster: u32) -> bool {
        !self.excluded.contains(cluster) && !self.candidates.iter().any(|taken| taken.cluster == cluster)
    }

    fn finish(self, known: Known) -> Answer<'r> {
        let (source, length) = self.first.unwrap_or((Source::Popular, 0));
        let matched = known.ids(length, self.release.catalogue());
        let (candidates, ignored) = (self.candidates, known.ignored);
        Answer { release: self.release, candidates, source, matched, ignored, degraded: None }
    }
}

/// The clusters a question does not want back.
struct Excluded<'q> {
    named: &'q [u32],
    history: &'q [u32],
}

impl<'q> Excluded<'q> {
    fn of(ask: &'q Ask) -> Self {
        Self { named: &ask.exclude, history: if ask.exclude_history { &ask.history } else { &[] } }
    }

    /// `ask.exclude` is sorted; a history is a few dozen ids at most, where scanning beats sorting.
    fn contains(&self, cluster: u32) -> bool {
        self.named.binary_search(&cluster).is_ok() || self.history.contains(&cluster)
    }
}
