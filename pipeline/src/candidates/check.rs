//! Whether a row of anyone's candidates can stand in a release.
//!
//! A row is taken whole or refused whole: half a list would look like a list.

use segue::snapshot::catalogue::Catalogue;

use crate::candidates::Candidates;
use crate::read::Field;
use crate::read::decode::{Refused, cluster_index};
use crate::refusals::Reason;

/// A row as a file gives it: ids that may be unknown, scores that may be missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawCandidates {
    /// Ids, oldest first.
    pub history: Vec<i64>,
    /// Ids and scores in any order.
    pub candidates: Vec<(i64, Option<f64>)>,
}

/// What a release takes.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// The clusters there are.
    pub catalogue: &'a Catalogue,
    /// The longest history.
    pub depth: u8,
    /// The most candidates of one history; a longer list is cut, for it is sorted.
    pub width: u8,
}

impl Limits<'_> {
    /// The row in dense indexes, its candidates sorted by descending score and cut to the width.
    ///
    /// # Errors
    /// When anything in it is not what it should be.
    pub fn check(&self, raw: &RawCandidates) -> Result<Candidates, Refused> {
        if raw.history.len() > usize::from(self.depth) {
            return Err(refused(Reason::HistoryLength, &raw.history));
        }
        let history = raw.history.iter().map(|id| self.index(*id)).collect::<Result<_, _>>()?;
        let mut candidates = raw.candidates.iter().map(|raw| self.candidate(raw)).collect::<Result<Vec<_>, _>>()?;
        once_each(&candidates, raw)?;
        // Stable: of equal scores the one that the file gives first stays first.
        candidates.sort_by(|left, right| right.1.total_cmp(&left.1));
        candidates.truncate(usize::from(self.width));
        Ok(Candidates { history, candidates })
    }

    fn candidate(&self, (id, score): &(i64, Option<f64>)) -> Result<(u32, f32), Refused> {
        let sound = score.filter(|score| (0.0..=1.0).contains(score));
        let score =
            sound.ok_or_else(|| refused(Reason::Score, &score.map_or("nothing".to_owned(), |got| got.to_string())))?;
        Ok((self.index(*id)?, score as f32))
    }

    fn index(&self, id: i64) -> Result<u32, Refused> {
        cluster_index(self.catalogue, &Field::Int(id))
    }
}

fn once_each(candidates: &[(u32, f32)], raw: &RawCandidates) -> Result<(), Refused> {
    if candidates.is_empty() {
        return Err(refused(Reason::NoCandidates, &raw.history));
    }
    let mut clusters: Vec<u32> = candidates.iter().map(|(cluster, _)| *cluster).collect();
    clusters.sort_unstable();
    match clusters.windows(2).any(|pair| pair[0] == pair[1]) {
        true => Err(refused(Reason::RepeatedCandidate, &raw.candidates.iter().map(|(id, _)| *id).collect::<Vec<_>>())),
        false => Ok(()),
    }
}

fn refused(reason: Reason, got: &(impl std::fmt::Debug + ?Sized)) -> Refused {
    Refused { reason, got: format!("{got:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use segue::snapshot::catalogue::Cluster;

    type Pairs<'a> = &'a [(i64, Option<f64>)];

    fn check(history: &[i64], candidates: Pairs<'_>) -> Result<Candidates, Reason> {
        let cluster = |id| Cluster { id, name: String::new(), keywords: Vec::new(), parent: None };
        let catalogue = Catalogue::new(vec![cluster(10), cluster(20), cluster(30)]).unwrap();
        let limits = Limits { catalogue: &catalogue, depth: 2, width: 2 };
        let raw = RawCandidates { history: history.to_vec(), candidates: candidates.to_vec() };
        limits.check(&raw).map_err(|refused| refused.reason)
    }

    #[test]
    fn sorts_cuts_and_turns_ids_into_indexes() {
        let row = check(&[30, 10], &[(10, Some(0.25)), (20, Some(0.25)), (30, Some(1.0))]);
        assert_eq!(row, Ok(Candidates { history: vec![2, 0], candidates: vec![(2, 1.0), (0, 0.25)] }));
    }

    #[test]
    fn refuses_each_fault_for_its_own_reason() {
        let sound = (10, Some(0.5));
        let cases: [(&[i64], Pairs<'_>, Reason); 9] = [
            (&[10, 20, 30], &[sound], Reason::HistoryLength),
            (&[11], &[sound], Reason::UnknownCluster),
            (&[-1], &[sound], Reason::Cluster),
            (&[10], &[], Reason::NoCandidates),
            (&[10], &[sound, (10, Some(0.1))], Reason::RepeatedCandidate),
            (&[10], &[(10, None)], Reason::Score),
            (&[10], &[(10, Some(f64::NAN))], Reason::Score),
            (&[10], &[(10, Some(1.01))], Reason::Score),
            (&[10], &[(12, Some(0.5))], Reason::UnknownCluster),
        ];
        for (history, candidates, reason) in cases {
            assert_eq!(check(history, candidates), Err(reason), "{history:?} {candidates:?}");
        }
    }
}
