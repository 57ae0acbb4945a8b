//! An answer being filled, rung after rung; it must never hold a cluster twice, nor one that the question excludes.

use std::sync::Arc;

use crate::ask::Ask;
use crate::config::Rung;
use crate::snapshot::release::Release;
use crate::snapshot::table::Score;

use super::known::Known;
use super::matched::Matched;
use super::{Answer, Candidate, Degraded, Heard, Source, Told};

/// An answer being filled.
pub(super) struct Gather<'r, 'q> {
    release: &'r Release,
    limit: usize,
    min_score: Score,
    excluded: Excluded<'q>,
    candidates: Vec<Candidate>,
    /// Where the first candidate was found, or the last record while there is none.
    first: Option<Place>,
    /// The table holds the history itself.
    seen: bool,
    degraded: Option<Degraded>,
}

/// Where candidates were found.
enum Place {
    /// Under a suffix of the history, so long.
    Table(Source, usize),
    /// In what the model told.
    Model(Arc<Heard>),
}

impl<'r, 'q> Gather<'r, 'q> {
    pub(super) fn new(release: &'r Release, ask: &'q Ask) -> Self {
        // No answer holds more than the catalogue, whatever limit a golden question from a damaged file names.
        let candidates = Vec::with_capacity(ask.limit.min(release.catalogue().len()));
        let (limit, min_score, excluded) = (ask.limit, ask.min_score, Excluded::of(ask));
        Self { release, limit, min_score, excluded, candidates, first: None, seen: false, degraded: None }
    }

    /// Whether any rung has found something, if only for the filters to leave nothing of it.
    pub(super) fn found(&self) -> bool {
        self.first.is_some()
    }

    /// Adds what a suffix's record still has to offer, if the table holds it and there is room.
    pub(super) fn take(&mut self, rung: Rung, suffix: &[u32]) {
        if self.candidates.len() == self.limit {
            return;
        }
        let Some(record) = self.release.table().get(suffix) else { return };
        let source = Source::of(rung);
        self.seen |= rung == Rung::Table;
        if self.candidates.is_empty() {
            self.first = Some(Place::Table(source, suffix.len()));
        }
        self.fill(source, record.iter());
    }

    /// Adds what the model told.
    pub(super) fn hear(&mut self, told: Told) {
        match told {
            Told::Nothing => {}
            Told::Degraded(reason) => self.degraded = Some(reason),
            Told::Next(heard) => {
                self.fill(Source::Model, heard.ranked.iter().copied());
                self.first = Some(Place::Model(heard));
            }
        }
    }

    pub(super) fn finish(self, known: Known) -> Answer<'r> {
        let (source, matched) = self.found_under(&known);
        let unseen = !self.seen && !known.is_empty();
        let Self { release, candidates, degraded, .. } = self;
        Answer { release, candidates, source, matched, ignored: known.ignored, degraded, unseen }
    }

    fn fill(&mut self, source: Source, candidates: impl Iterator<Item = (u32, Score)>) {
        for (index, score) in candidates {
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

    fn found_under(&self, known: &Known) -> (Source, Matched) {
        let catalogue = self.release.catalogue();
        match &self.first {
            Some(Place::Table(source, length)) => (*source, known.ids(*length, catalogue)),
            Some(Place::Model(heard)) => (Source::Model, Matched::read(&heard.history, catalogue)),
            None => (Source::Popular, known.ids(0, catalogue)),
        }
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
