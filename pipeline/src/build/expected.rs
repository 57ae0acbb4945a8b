//! Which source will answer, if every user of the log asked now.
//!
//! It looks at no answer: only at where users are and which histories the table holds.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::candidates::choose::digits;
use crate::count::Tails;
use crate::infer::plan::distinct;

/// The histories that users are at, and which of them, and of their shorter ones, were met in the table so far.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    clusters: u32,
    /// Distinct clusters, oldest first, as the service makes them of a history; with the number of users there.
    asked: BTreeMap<Vec<u32>, u64>,
    /// Whether the table holds each that may be looked up.
    held: FxHashMap<Vec<u32>, bool>,
}

impl Expected {
    /// The histories that users are at, in a catalogue of so many clusters; nothing held yet.
    pub(super) fn new(tails: &Tails, clusters: u32) -> Self {
        let mut expected = Self { clusters, asked: BTreeMap::new(), held: FxHashMap::default() };
        for (length, tails) in (1..).zip(tails) {
            tails.iter().for_each(|(key, users)| expected.ask(*key, length, *users));
        }
        expected
    }

    /// A row of the table.
    pub(super) fn hold(&mut self, history: &[u32]) {
        if let Some(held) = self.held.get_mut(history) {
            *held = true;
        }
    }

    /// The shares of `table`, `suffix`, `model` and `popular`; nothing where nobody asks. Where the release names a model, the service
    /// asks it whatever the table does not hold.
    pub(super) fn shares(&self, has_model: bool) -> BTreeMap<String, f64> {
        let total: u64 = self.asked.values().sum();
        if total == 0 {
            return BTreeMap::new();
        }
        let mut users: BTreeMap<&str, u64> = BTreeMap::from([("table", 0), ("suffix", 0), ("popular", 0)]);
        for (history, count) in &self.asked {
            *users.entry(self.source(history, has_model)).or_default() += count;
        }
        users.into_iter().map(|(name, count)| (name.to_owned(), count as f64 / total as f64)).collect()
    }

    fn ask(&mut self, key: u64, length: usize, users: u64) {
        let history = distinct(&digits(key, length, self.clusters));
        for from in 0..history.len() {
            self.held.entry(history[from..].to_vec()).or_default();
        }
        *self.asked.entry(history).or_default() += users;
    }

    fn source(&self, history: &[u32], has_model: bool) -> &'static str {
        let held = |from: usize| self.held.get(&history[from..]).is_some_and(|held| *held);
        match (0..history.len()).find(|from| held(*from)) {
            Some(0) => "table",
            _ if has_model => "model",
            Some(_) => "suffix",
            None => "popular",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shares by source, in the order of the names.
    #[track_caller]
    fn check(tails: &[(&[u32], u64)], held: &[&[u32]], has_model: bool, shares: &[(&str, f64)]) {
        let mut by_length: Tails = vec![FxHashMap::default(); 3];
        for (history, users) in tails {
            let key = history.iter().fold(0, |key, cluster| key * 6 + u64::from(*cluster));
            by_length[history.len() - 1].insert(key, *users);
        }
        let mut expected = Expected::new(&by_length, 6);
        held.iter().for_each(|history| expected.hold(history));
        let shares: BTreeMap<String, f64> = shares.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect();
        assert_eq!(expected.shares(has_model), shares);
    }

    #[test]
    fn each_users_last_clusters_are_looked_up() {
        let tails: &[(&[u32], u64)] = &[(&[0, 1], 1), (&[1, 2], 2), (&[4, 5], 1)];
        let held: &[&[u32]] = &[&[0, 1], &[2], &[1], &[0], &[3, 3]];
        check(tails, held, false, &[("popular", 0.25), ("suffix", 0.5), ("table", 0.25)]);
        check(tails, held, true, &[("model", 0.75), ("popular", 0.0), ("suffix", 0.0), ("table", 0.25)]);
        check(&[], held, false, &[]);
    }

    #[test]
    fn repeats_drop_out_as_in_a_request() {
        // (5, 5) asks for (5), and (1, 2, 1) for (2, 1).
        let table = [("popular", 0.0), ("suffix", 0.0), ("table", 1.0)];
        check(&[(&[5, 5], 3), (&[1, 2, 1], 1)], &[&[5], &[2, 1]], false, &table);
        let suffix = [("popular", 0.75), ("suffix", 0.25), ("table", 0.0)];
        check(&[(&[5, 5], 3), (&[1, 2, 1], 1)], &[&[5, 5], &[1, 2, 1], &[1]], false, &suffix);
    }
}
