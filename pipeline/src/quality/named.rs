//! Figures of quality by flat names, as a manifest carries them.
//!
//! A release's own figures have no prefix; `popularity_` and `previous_` are the others', `over_` the differences. `_low` and `_high` are
//! the ends of the 95 % interval.

use std::collections::BTreeMap;

use super::{Agreement, Answered, Made, Quality};
use crate::measure::{Interval, Mean};

/// The names of [`Figures`](crate::measure::Figures), in its order.
const FIGURES: [&str; 5] = ["hit_1", "hit_5", "hit_10", "mrr_10", "ndcg_10"];

/// Figures by name.
#[derive(Debug, Default)]
struct Named(BTreeMap<String, f64>);

impl Quality {
    /// Flat names and figures.
    pub fn named(&self) -> BTreeMap<String, f64> {
        let mut named = Named::default();
        named.figure("heldout_requests", self.requests as f64);
        named.figure("heldout_users", self.users as f64);
        named.answered("", &self.release);
        named.answered("popularity_", &self.popularity);
        named.interval("over_popularity_", &self.over_popularity);
        self.previous.iter().for_each(|previous| named.answered("previous_", previous));
        self.over_previous.iter().for_each(|over| named.interval("over_previous_", over));
        self.agreement.iter().for_each(|agreement| named.agreement(agreement));
        self.made.iter().for_each(|made| named.made(made));
        named.0
    }
}

impl Named {
    fn figure(&mut self, name: &str, value: f64) {
        self.0.insert(name.to_owned(), value);
    }

    fn mean(&mut self, name: &str, mean: Mean) {
        for (end, value) in [("", mean.measured), ("_low", mean.low), ("_high", mean.high)] {
            self.figure(&format!("{name}{end}"), value);
        }
    }

    fn interval(&mut self, prefix: &str, interval: &Interval) {
        let [measured, low, high] = [interval.measured, interval.low, interval.high].map(|figures| figures.values());
        for (at, name) in FIGURES.iter().enumerate() {
            self.mean(&format!("{prefix}{name}"), Mean { measured: measured[at], low: low[at], high: high[at] });
        }
    }

    fn answered(&mut self, prefix: &str, answered: &Answered) {
        self.interval(prefix, &answered.figures);
        let means = [
            ("coverage", answered.coverage),
            ("exact", answered.exact),
            ("novelty", answered.novelty),
            ("surprise_bits", answered.surprise_bits),
        ];
        means.into_iter().for_each(|(name, mean)| self.mean(&format!("{prefix}{name}"), mean));
        self.figure(&format!("{prefix}catalogue_coverage"), answered.catalogue_coverage);
        self.figure(&format!("{prefix}gini"), answered.gini);
    }

    fn agreement(&mut self, agreement: &Agreement) {
        self.mean("agreement_top_1", agreement.top_1);
        self.mean("agreement_jaccard_5", agreement.jaccard_5);
    }

    fn made(&mut self, made: &Made) {
        self.figure("match_rate", made.match_rate);
        self.figure("histories", made.histories as f64);
        self.figure("table_bytes", made.table_bytes as f64);
    }
}
