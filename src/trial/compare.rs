//! Two answers to one question: how much they have in common; it must never care which of the two is right.

use crate::answer::Answer;

/// What two answers have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Likeness {
    /// The clusters that both name, as a part of the longer answer's; 1 where neither names any.
    pub overlap: f64,
    /// Whether both begin with the same cluster, or neither with any.
    pub top1: bool,
}

impl Likeness {
    /// Of two answers.
    pub fn of(one: &Answer<'_>, other: &Answer<'_>) -> Self {
        let named = |answer: &Answer<'_>| answer.candidates.iter().map(|found| found.cluster).collect::<Vec<_>>();
        Self::of_clusters(&named(one), &named(other))
    }

    /// Of what two answers name, each cluster once. A few dozen at most, where scanning beats sorting.
    pub fn of_clusters(one: &[u32], other: &[u32]) -> Self {
        let longer = one.len().max(other.len());
        let shared = one.iter().filter(|cluster| other.contains(cluster)).count();
        let overlap = if longer == 0 { 1.0 } else { shared as f64 / longer as f64 };
        Self { overlap, top1: one.first() == other.first() }
    }
}

#[cfg(test)]
mod tests {
    use super::Likeness;

    #[test]
    fn likeness_is_what_both_name_of_the_longer() {
        let rows: [(&[u32], &[u32], f64, bool); 6] = [
            (&[], &[], 1.0, true),
            (&[1], &[], 0.0, false),
            (&[1, 2], &[1, 2], 1.0, true),
            (&[1, 2], &[2, 1], 1.0, false),
            (&[1, 2, 3, 4], &[1, 5], 0.25, true),
            (&[1, 2], &[3, 4], 0.0, false),
        ];
        for (one, other, overlap, top1) in rows {
            assert_eq!(Likeness::of_clusters(one, other), Likeness { overlap, top1 }, "{one:?} {other:?}");
            assert_eq!(Likeness::of_clusters(other, one), Likeness { overlap, top1 }, "{other:?} {one:?}");
        }
    }
}
