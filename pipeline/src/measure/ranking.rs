//! Ranked lists of clusters, one after the other.
//!
//! A list says nothing of scores: a measure must not depend on how a predictor spells its confidence.

use std::cmp::Ordering;

/// A ranked list for each request, best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rankings {
    clusters: Vec<u32>,
    ends: Vec<usize>,
}

impl Rankings {
    /// Adds the list of the next request.
    pub fn push(&mut self, ranked: impl IntoIterator<Item = u32>) {
        self.clusters.extend(ranked);
        self.ends.push(self.clusters.len());
    }

    /// How many lists there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All lists in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.clusters[start..*end])
    }
}

/// All clusters by their scores, one for each cluster by index: the highest first, the smaller index first where equal, NaN last.
pub fn rank_scores(scores: &[f32]) -> Vec<u32> {
    let mut ranked: Vec<u32> = (0..).take(scores.len()).collect();
    ranked.sort_by(|left, right| descending(scores[*left as usize], scores[*right as usize]));
    ranked
}

fn descending(left: f32, right: f32) -> Ordering {
    left.is_nan().cmp(&right.is_nan()).then_with(|| right.total_cmp(&left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_back_in_order() {
        let mut rankings = Rankings::default();
        for list in [&[3, 1][..], &[], &[2]] {
            rankings.push(list.iter().copied());
        }
        assert_eq!(rankings.iter().collect::<Vec<_>>(), [&[3, 1][..], &[], &[2]]);
        assert_eq!(rankings.len(), 3);
    }

    #[test]
    fn scores_rank_by_size_then_index_and_nothing_beats_a_number() {
        assert_eq!(rank_scores(&[0.1, f32::NAN, 0.7, 0.1, -1.0, 0.7]), [2, 5, 0, 3, 4, 1]);
    }
}
