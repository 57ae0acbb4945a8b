//! What is answered to requests: by a release, as the service answers, or by the popular list.

use rayon::prelude::*;
use segue::answer::{LADDER, Source, climb};
use segue::snapshot::catalogue::Catalogue;
use segue::snapshot::release::Release;

use super::held::{Asked, HeldOut};
use crate::measure::outcomes::TOP;
use crate::sequence::Mode;

/// One answer, its first ten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    /// Indexes in the catalogue of the requests; a cluster that it does not have is one above its last.
    pub(super) ranked: Vec<u32>,
    /// Where the first came from.
    pub(super) place: Place,
}

/// How much of a history an answer rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    /// All that the table looks up.
    Exact,
    /// A shorter part.
    Shorter,
    /// Nothing.
    #[default]
    Popular,
}

/// The release's answers, as the service gives them to a caller who wants ten of what may come next.
pub(super) fn of_release(release: &Release, held: &HeldOut, catalogue: &Catalogue) -> Vec<Given> {
    let unknown = catalogue.len() as u32;
    let answer = |asked: &Asked| {
        let answer = climb(release, &LADDER, &asked.ask);
        let index = |cluster| catalogue.index_of(cluster).unwrap_or(unknown);
        Given {
            ranked: answer.candidates.iter().map(|candidate| index(candidate.cluster)).collect(),
            place: match answer.source {
                Source::Popular => Place::Popular,
                _ if answer.unseen => Place::Shorter,
                _ => Place::Exact,
            },
        }
    };
    held.asked.par_iter().map(answer).collect()
}

/// The most popular of what may come next.
pub(super) fn of_popularity(popular: &[u32], held: &HeldOut, mode: Mode) -> Vec<Given> {
    let answer = |asked: &Asked| {
        let barred = mode.barred(&asked.history);
        let ranked = popular.iter().copied().filter(|cluster| !barred.contains(cluster)).take(TOP).collect();
        Given { ranked, place: Place::Popular }
    };
    held.asked.iter().map(answer).collect()
}
