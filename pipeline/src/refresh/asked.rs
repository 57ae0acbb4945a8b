//! Which source will answer, if every user of the log asked now: looked up in the rows of a release while they are written.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::count::Tails;

/// The histories that users are at, and which of them a release holds.
#[derive(Debug)]
pub struct Asked<'a> {
    tails: &'a Tails,
    clusters: u64,
    /// By length and key: every history asked for and every part of one, and whether the release holds it.
    held: FxHashMap<(usize, u64), bool>,
}

impl<'a> Asked<'a> {
    /// The questions of these users; nothing is held yet.
    pub fn new(tails: &'a Tails, clusters: u32) -> Self {
        let clusters = u64::from(clusters);
        let all = (1..).zip(tails).flat_map(|(length, tails)| tails.keys().map(move |key| (length, *key)));
        let suffixes =
            |(length, key): (usize, u64)| (1..=length).map(move |shorter| (shorter, suffix(key, shorter, clusters)));
        let held = all.flat_map(suffixes).map(|history| (history, false)).collect();
        Self { tails, clusters, held }
    }

    /// A release holds this history.
    pub fn hold(&mut self, history: &[u32]) {
        let key = history.iter().fold(0, |key, cluster| key * self.clusters + u64::from(*cluster));
        if let Some(held) = self.held.get_mut(&(history.len(), key)) {
            *held = true;
        }
    }

    /// The shares of `table`, `suffix` and `popular` among the questions.
    pub fn sources(&self) -> BTreeMap<String, f64> {
        let mut questions: BTreeMap<&str, u64> = BTreeMap::from([("table", 0), ("suffix", 0), ("popular", 0)]);
        for (length, tails) in (1..).zip(self.tails) {
            for (key, users) in tails {
                *questions.entry(self.source(length, *key)).or_default() += users;
            }
        }
        let total = questions.values().sum::<u64>().max(1);
        questions.into_iter().map(|(name, users)| (name.to_owned(), users as f64 / total as f64)).collect()
    }

    fn source(&self, length: usize, key: u64) -> &'static str {
        let held = |shorter: &usize| self.held.get(&(*shorter, suffix(key, *shorter, self.clusters))) == Some(&true);
        match (1..=length).rev().find(held) {
            Some(matched) if matched == length => "table",
            Some(_) => "suffix",
            None => "popular",
        }
    }
}

/// The key of the last clusters of a history.
fn suffix(key: u64, length: usize, clusters: u64) -> u64 {
    (0..length).try_fold(1_u64, |place, _| place.checked_mul(clusters)).map_or(key, |place| key % place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_users_last_clusters_are_looked_up() {
        // Two users at (1, 2), one at (4, 5), one at (3, 0); the release holds (1, 2) and (5).
        let tails: Tails = vec![FxHashMap::default(), [(6 + 2, 2), (4 * 6 + 5, 1), (3 * 6, 1)].into_iter().collect()];
        let mut asked = Asked::new(&tails, 6);
        [&[][..], &[5], &[1, 2], &[2, 2]].into_iter().for_each(|history| asked.hold(history));
        let expected = [("popular", 0.25), ("suffix", 0.25), ("table", 0.5)];
        assert_eq!(asked.sources(), expected.map(|(name, share)| (name.to_owned(), share)).into());
    }
}
