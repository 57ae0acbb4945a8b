//! Chooses the candidates of every history that was seen, in the order of a release.

use crate::candidates::Candidates;
use crate::rank::Ranking;
use crate::sequence::Mode;
use crate::smooth::Smoothed;

/// What is chosen.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// The most candidates of one history.
    pub width: u8,
    /// Histories that were followed by something less often than this are left out.
    pub seen_min: u64,
    /// Says which of a history's own clusters are no candidates: all in distinct mode, the last in changes mode.
    pub mode: Mode,
}

impl Choice {
    /// Every row: the popular list, then the histories by length and key.
    pub fn rows<'a>(&'a self, smoothed: &'a Smoothed) -> impl Iterator<Item = Candidates> + 'a {
        let popular = self.row(smoothed, 0, 0);
        let histories = (1..=smoothed.levels.len()).flat_map(move |length| self.histories(smoothed, length));
        std::iter::once(popular).chain(histories)
    }

    /// Whether a history of a length, given by its key, has a row.
    pub fn has(&self, smoothed: &Smoothed, length: usize, history: u64) -> bool {
        let Some(at) = length.checked_sub(1) else { return true };
        let level = &smoothed.levels[at].level;
        level.row_of(history).is_some_and(|row| level.seen(row) >= self.seen_min)
    }

    fn histories<'a>(&'a self, smoothed: &'a Smoothed, length: usize) -> impl Iterator<Item = Candidates> + 'a {
        let level = &smoothed.levels[length - 1].level;
        let rows = (0..level.histories.len()).filter(|row| level.seen(*row) >= self.seen_min);
        rows.map(move |row| self.row(smoothed, length, level.histories[row]))
    }

    /// The row of a history of a length, given by its key, whether it was seen or not.
    pub fn row(&self, smoothed: &Smoothed, length: usize, key: u64) -> Candidates {
        let history = digits(key, length, smoothed.clusters);
        let barred = self.mode.barred(&history);
        let wanted = |cluster: u32| !barred.contains(&cluster);
        let candidates = Ranking::new(smoothed, length, key)
            // A score of nothing is no candidate: it would only say that the cluster exists.
            .take_while(|(_, score)| *score > 0.0)
            .filter(|(cluster, _)| wanted(*cluster))
            .take(usize::from(self.width))
            .map(|(cluster, score)| (cluster, score.min(1.0) as f32))
            .collect();
        Candidates { history, candidates }
    }
}

/// The clusters of a key, oldest first.
fn digits(key: u64, length: usize, clusters: u32) -> Vec<u32> {
    let mut history = vec![0; length];
    let mut rest = key;
    for cluster in history.iter_mut().rev() {
        *cluster = (rest % u64::from(clusters)) as u32;
        rest /= u64::from(clusters);
    }
    history
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::Counter;
    use crate::decay::Decay;
    use crate::sequence::Step;
    use crate::smooth::Constants;

    fn smoothed(sequences: &[&[u32]]) -> Smoothed {
        let mut counter = Counter::new(6, 2, Decay::new(0, None));
        for sequence in sequences {
            counter.add(0, &sequence.iter().map(|cluster| Step { cluster: *cluster, time_us: 0 }).collect::<Vec<_>>());
        }
        Smoothed::new(counter.finish(), &Constants::new(&[2.0], 2))
    }

    fn histories(choice: Choice) -> Vec<(Vec<u32>, Vec<u32>)> {
        let clusters =
            |row: Candidates| (row.history, row.candidates.into_iter().map(|(cluster, _)| cluster).collect());
        choice.rows(&smoothed(&[&[0, 1, 2], &[0, 1, 3], &[0, 1, 3]])).map(clusters).collect()
    }

    #[test]
    fn rows_come_in_the_order_of_a_release_without_their_own_clusters() {
        let rows = histories(Choice { width: 2, seen_min: 1, mode: Mode::Distinct });
        let expected = [(vec![], vec![0, 1]), (vec![0], vec![1, 3]), (vec![1], vec![3, 2]), (vec![0, 1], vec![3, 2])];
        assert_eq!(rows, expected);
    }

    #[test]
    fn changes_leaves_out_only_the_last() {
        let rows = histories(Choice { width: 6, seen_min: 1, mode: Mode::Changes });
        assert_eq!(rows[3], (vec![0, 1], vec![3, 2, 0]));
    }

    #[test]
    fn raw_keeps_them_and_a_minimum_leaves_rare_histories_out() {
        let rows = histories(Choice { width: 3, seen_min: 4, mode: Mode::Raw });
        assert_eq!(rows, [(vec![], vec![0, 1, 3])]);
        let rows = histories(Choice { width: 3, seen_min: 3, mode: Mode::Raw });
        assert_eq!(rows[1], (vec![0], vec![1, 0, 3]));
    }
}
