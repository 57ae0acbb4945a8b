//! Which source will answer, if every user of the log asked now.

use std::collections::BTreeMap;

use crate::candidates::choose::Choice;
use crate::count::Tails;
use crate::smooth::Smoothed;

/// The shares of `table`, `suffix` and `popular` among the histories that users are at.
pub(super) fn sources(tails: &Tails, choice: &Choice, smoothed: &Smoothed) -> BTreeMap<String, f64> {
    let mut requests: BTreeMap<&str, u64> = BTreeMap::from([("table", 0), ("suffix", 0), ("popular", 0)]);
    for (length, tails) in (1..).zip(tails) {
        for (history, count) in tails {
            *requests.entry(source(length, *history, choice, smoothed)).or_default() += count;
        }
    }
    let total = requests.values().sum::<u64>().max(1);
    requests.into_iter().map(|(name, count)| (name.to_owned(), count as f64 / total as f64)).collect()
}

fn source(length: usize, history: u64, choice: &Choice, smoothed: &Smoothed) -> &'static str {
    let held = |length: &usize| choice.has(smoothed, *length, smoothed.without_oldest(history, *length));
    match (1..=length).rev().find(held) {
        Some(matched) if matched == length => "table",
        Some(_) => "suffix",
        None => "popular",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::Counter;
    use crate::decay::Decay;
    use crate::sequence::{Mode, Step};
    use crate::smooth::Constants;

    #[test]
    fn each_users_last_clusters_are_looked_up() {
        // After (0, 1) comes 2: one user stands at (0, 1), one at (1, 2) whose 2 was followed by 3, one at (4, 5), unseen.
        let sequences: [&[u32]; 4] = [&[0, 1, 2], &[2, 3, 0, 1], &[4, 5], &[2, 0, 1, 2]];
        let mut counter = Counter::new(6, 2, Decay::new(0, None));
        for sequence in sequences {
            counter.add(0, &sequence.iter().map(|cluster| Step { cluster: *cluster, time_us: 0 }).collect::<Vec<_>>());
        }
        let counts = counter.finish();
        let tails = counts.tails.clone();
        let smoothed = Smoothed::new(counts, &Constants::new(&[1.0], 2));
        let choice = Choice { width: 5, seen_min: 1, mode: Mode::Distinct };
        let expected =
            [("popular", 0.25), ("suffix", 0.5), ("table", 0.25)].map(|(name, share)| (name.to_owned(), share));
        assert_eq!(sources(&tails, &choice, &smoothed), BTreeMap::from(expected));
    }
}
