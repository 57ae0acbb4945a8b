//! The ledger of rows that could not be used: counted by reason, the first few named.
//!
//! A row is never dropped silently: whoever cannot use one hands it to [`Refusals::refuse`], which either counts it or, when strict,
//! stops the run.

use std::collections::BTreeMap;

use serde::Serialize;

/// How many refused rows of each reason are kept by name: enough to find the fault, few enough to read.
pub const NAMED_PER_REASON_MAX: u64 = 3;

/// How much of a refused value is quoted, in characters.
const GOT_CHARS_MAX: usize = 80;

/// Why a row was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The row is not a row of its format: a wrong number of fields, or broken JSON.
    Malformed,
    /// The user is missing or not text.
    User,
    /// The time is missing or not a number.
    Time,
    /// The cluster is missing or not an integer.
    Cluster,
    /// The cluster is an integer that the catalogue does not hold.
    UnknownCluster,
    /// The item is missing or the item map does not hold it.
    UnknownItem,
    /// The weight is missing or not a number.
    Weight,
    /// A history is longer than the release's depth.
    HistoryLength,
    /// A row of candidates has none.
    NoCandidates,
    /// A row of candidates names one cluster twice.
    RepeatedCandidate,
    /// A score is missing, not a number, or outside 0 to 1.
    Score,
    /// The history was already given by an earlier row.
    DuplicateHistory,
}

impl Reason {
    /// The name that summaries and JSON carry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::User => "user",
            Self::Time => "time",
            Self::Cluster => "cluster",
            Self::UnknownCluster => "unknown_cluster",
            Self::UnknownItem => "unknown_item",
            Self::Weight => "weight",
            Self::HistoryLength => "history_length",
            Self::NoCandidates => "no_candidates",
            Self::RepeatedCandidate => "repeated_candidate",
            Self::Score => "score",
            Self::DuplicateHistory => "duplicate_history",
        }
    }

    /// What a usable row has in that place.
    pub const fn expected(self) -> &'static str {
        match self {
            Self::Malformed => "one whole row of the file's format",
            Self::User => "a user as text or an integer",
            Self::Time => "a time as a number (see --time-unit) or a timestamp",
            Self::Cluster => "a cluster id from 0 to 4294967295",
            Self::UnknownCluster => "a cluster of the catalogue",
            Self::UnknownItem => "an item of the item map",
            Self::Weight => "a weight as a number, or true or false",
            Self::HistoryLength => "a history no longer than --depth",
            Self::NoCandidates => "at least one candidate",
            Self::RepeatedCandidate => "each candidate cluster once",
            Self::Score => "a score from 0 to 1",
            Self::DuplicateHistory => "one row per history",
        }
    }
}

/// One refused row, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{file}:{row}: refused ({}): expected {}, got {got}; mend the row, or leave out --strict to count it and go on", reason.name(), reason.expected())]
pub struct Refusal {
    /// The file's name without its directory.
    pub file: String,
    /// The line of a text file (the first line is 1), or the row of a Parquet file (the first row is 1).
    pub row: u64,
    /// Why.
    pub reason: Reason,
    /// The offending value, shortened.
    pub got: String,
}

impl Refusal {
    /// A refusal that quotes at most the first 80 characters of `got`.
    pub fn new(file: &str, row: u64, reason: Reason, got: &str) -> Self {
        Self { file: file.to_owned(), row, reason, got: shorten(got) }
    }
}

/// What to do with a row that cannot be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Count it and go on.
    #[default]
    Count,
    /// Stop at the first.
    Strict,
}

/// The ledger itself.
#[derive(Clone, Debug, Default)]
pub struct Refusals {
    policy: Policy,
    counts: BTreeMap<Reason, u64>,
    named: Vec<Refusal>,
}

impl Refusals {
    /// An empty ledger.
    pub fn new(policy: Policy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// Enters one row.
    ///
    /// # Errors
    /// The refusal itself, when the policy is strict.
    pub fn refuse(&mut self, refusal: Refusal) -> Result<(), Refusal> {
        if self.policy == Policy::Strict {
            return Err(refusal);
        }
        let count = self.counts.entry(refusal.reason).or_default();
        *count += 1;
        if *count <= NAMED_PER_REASON_MAX {
            self.named.push(refusal);
        }
        Ok(())
    }

    /// Enters what another ledger holds, as if its rows had been met after this one's.
    pub fn append(&mut self, other: Self) {
        for refusal in other.named {
            let named = self.named.iter().filter(|known| known.reason == refusal.reason).count() as u64;
            if named < NAMED_PER_REASON_MAX {
                self.named.push(refusal);
            }
        }
        for (reason, count) in other.counts {
            *self.counts.entry(reason).or_default() += count;
        }
    }

    /// Rows refused, for any reason.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Rows refused by reason, reasons in the order of their declaration.
    pub fn counts(&self) -> &BTreeMap<Reason, u64> {
        &self.counts
    }

    /// The first few of each reason, in the order in which they were met.
    pub fn named(&self) -> &[Refusal] {
        &self.named
    }
}

fn shorten(got: &str) -> String {
    match got.char_indices().nth(GOT_CHARS_MAX) {
        Some((end, _)) => format!("{:?}...", &got[..end]),
        None => format!("{got:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(reason: Reason, row: u64) -> Refusal {
        Refusal::new("events.csv", row, reason, "x")
    }

    #[test]
    fn counts_all_and_names_the_first_few_of_each_reason() {
        let mut refusals = Refusals::new(Policy::Count);
        for row in 0..10 {
            refusals.refuse(refusal(Reason::Time, row)).expect("counting never stops");
        }
        refusals.refuse(refusal(Reason::User, 10)).expect("counting never stops");
        assert_eq!(refusals.total(), 11);
        assert_eq!(refusals.counts()[&Reason::Time], 10);
        let rows: Vec<u64> = refusals.named().iter().map(|refusal| refusal.row).collect();
        assert_eq!(rows, [0, 1, 2, 10]);
    }

    #[test]
    fn strict_stops_with_the_place_the_expectation_and_the_value() {
        let refused = Refusals::new(Policy::Strict).refuse(refusal(Reason::Time, 7)).unwrap_err().to_string();
        for part in ["events.csv:7", "expected a time", "got \"x\""] {
            assert!(refused.contains(part), "{refused}");
        }
    }

    #[test]
    fn a_long_value_is_cut_at_a_character() {
        assert_eq!(shorten(&"é".repeat(200)).chars().filter(|c| *c == 'é').count(), GOT_CHARS_MAX);
    }
}
