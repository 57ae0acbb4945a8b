//! What was asked for that the table did not hold: how much of it there is, and whether a few histories make most of it.

use segue::snapshot::catalogue::Catalogue;
use segue::unseen::file::Span;
use serde::Serialize;

use crate::drift::live::sources::Sources;

/// Histories that are named.
const NAMED: usize = 10;

/// The unseen log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unseen {
    /// Requests in the log, scaled to all where it is a sample.
    pub counted: u64,
    /// Those of them whose history was not kept.
    pub dropped: u64,
    /// Different histories.
    pub histories: usize,
    /// The share of answers since the start that the table did not give.
    pub share: f64,
    /// What the release expected of it.
    pub expected_share: Option<f64>,
    /// The most frequent ones.
    pub most: Vec<UnseenHistory>,
}

/// A history that the table did not hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnseenHistory {
    /// The ids of its clusters, oldest first.
    pub history: Vec<u32>,
    /// Their names, where a catalogue was given.
    pub names: Vec<String>,
    /// How often it was asked for.
    pub count: u64,
    /// Its share of the log.
    pub share: f64,
}

impl Unseen {
    /// The figures of a merged span.
    pub fn new(span: &Span, sources: &Sources, catalogue: Option<&Catalogue>) -> Self {
        let counted = span.counted() + span.header.dropped;
        let name = |id: &u32| Some(catalogue?.cluster(*id)?.name.clone());
        let (table, expected) = sources.of_table();
        let most = span.rows.iter().take(NAMED).map(|row| UnseenHistory {
            history: row.history.clone(),
            names: row.history.iter().filter_map(name).collect(),
            count: row.count,
            share: row.count as f64 / counted.max(1) as f64,
        });
        Self {
            counted,
            dropped: span.header.dropped,
            histories: span.rows.len(),
            share: 1.0 - table,
            expected_share: expected.map(|share| 1.0 - share),
            most: most.collect(),
        }
    }

    /// The share of the log that its most frequent histories make.
    pub fn share_of_most(&self) -> f64 {
        self.most.iter().map(|history| history.share).sum()
    }

    /// The log in words.
    pub fn words(&self) -> String {
        let expected = self.expected_share.map_or(String::new(), |share| format!(" ({:.1} % expected)", 100.0 * share));
        let share = format!("The table did not give {:.1} % of the answers{expected}.", 100.0 * self.share);
        if self.counted == 0 {
            return format!("{share} The unseen log is empty.");
        }
        format!(
            "{share} The unseen log has {} requests of {} histories, the {} most frequent being {:.1} % of it: {}.",
            self.counted,
            self.histories,
            self.most.len(),
            100.0 * self.share_of_most(),
            if self.share_of_most() > 0.5 { "a few make most of it" } else { "it is spread over many" }
        )
    }
}

impl UnseenHistory {
    /// The names, or the ids where there are none.
    pub fn words(&self) -> String {
        let ids = || self.history.iter().map(u32::to_string).collect::<Vec<_>>();
        let words = if self.names.len() == self.history.len() { self.names.clone() } else { ids() };
        words.join(" › ")
    }
}
