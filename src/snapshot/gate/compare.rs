//! The gates that set a release beside the current one by what both manifests say; none of them looks into a table.

use super::verdict::Finding;
use crate::config::Gates;
use crate::snapshot::manifest::{Manifest, TABLE};

/// The word for answers from the table among a manifest's expected shares.
const TABLE_SOURCE: &str = "table";

/// Two manifests, and by how much they may differ.
#[derive(Clone, Copy)]
pub(super) struct Compared<'a> {
    pub(super) rules: &'a Gates,
    pub(super) staged: &'a Manifest,
    pub(super) current: &'a Manifest,
}

impl Compared<'_> {
    /// The data ends no earlier than the current one's.
    pub(super) fn window(&self) -> Finding {
        let end = |manifest: &Manifest| manifest.provenance.data_window.map(|window| window.to_unix_s);
        let Some(current) = end(self.current) else {
            return Finding::Nothing("the current release does not say when its data ends");
        };
        let least = current.saturating_sub(self.rules.window_older_max_s);
        let holds = end(self.staged).is_some_and(|staged| staged >= least);
        let got = end(self.staged).map_or_else(|| "none".to_owned(), |staged| format!("data up to {}", time(staged)));
        Finding::looked(holds, format!("data up to {} or later", time(least)), got).advised(
            "build it from newer data; or let older data pass with `gates.window_older_max_s`, or roll back to a release \
             that served here, which is not compared",
        )
    }

    /// No far fewer and no far more histories of each length, and no far smaller expected share of answers.
    pub(super) fn coverage(&self) -> Finding {
        if let Some(why) = self.incomparable() {
            return Finding::Nothing(why);
        }
        let lengths = self.staged.table.levels.len().max(self.current.table.levels.len());
        let findings: Vec<_> = (0..lengths).map(|length| self.histories(length)).chain(self.share()).collect();
        worst(findings).advised(
            "see whether all of the log was read and the shape is the same; if it is meant, widen `gates.coverage_min` or \
             `gates.coverage_times_max`",
        )
    }

    /// A table that is neither far smaller nor far larger.
    pub(super) fn size(&self) -> Finding {
        if let Some(why) = self.incomparable() {
            return Finding::Nothing(why);
        }
        let bounds = (self.rules.size_min, self.rules.size_times_max);
        within(table_bytes(self.staged), table_bytes(self.current), bounds, "bytes of table").advised(
            "see whether depth, width and catalogue are the same; if they are meant to change, widen `gates.size_min` or \
             `gates.size_times_max`",
        )
    }

    /// Why a release cannot be compared with the current one, if it cannot.
    pub(super) fn incomparable(&self) -> Option<&'static str> {
        let few = histories(self.current) < self.rules.compared_histories_min;
        few.then_some("the current release has too few histories to compare with")
    }

    fn histories(&self, length: usize) -> Finding {
        let present = |manifest: &Manifest| manifest.table.levels.get(length).map_or(0, |level| level.present);
        let bounds = (self.rules.coverage_min, self.rules.coverage_times_max);
        within(present(self.staged), present(self.current), bounds, &format!("histories of length {length}"))
    }

    fn share(&self) -> Option<Finding> {
        let share = |manifest: &Manifest| manifest.expected_sources.get(TABLE_SOURCE).copied();
        let least = share(self.current)? * self.rules.coverage_min;
        let got = share(self.staged);
        let shown = got.map_or_else(|| "none".to_owned(), |got| format!("{got:.3}"));
        let expected = format!("an expected share of answers from the table of at least {least:.3}");
        Some(Finding::looked(got.is_some_and(|got| got >= least), expected, shown))
    }
}

/// Histories of all lengths.
fn histories(manifest: &Manifest) -> u64 {
    manifest.table.levels.iter().map(|level| level.present).fold(0, u64::saturating_add)
}

/// Bytes of the table.
pub(super) fn table_bytes(manifest: &Manifest) -> u64 {
    manifest.files.iter().find(|file| file.name == TABLE).map_or(0, |file| file.bytes)
}

/// Whether a number is within a share and a multiple of the current one's; where that has none, anything is.
fn within(got: u64, current: u64, (share_min, times_max): (f64, u64), what: &str) -> Finding {
    let least = (current as f64 * share_min).ceil() as u64;
    let most = if current == 0 { u64::MAX } else { current.saturating_mul(times_max) };
    let expected = match current {
        0 => format!("any number of {what}"),
        _ => format!("{least} to {most} {what}"),
    };
    Finding::looked((least..=most).contains(&got), expected, got.to_string())
}

/// The first that refuses, or else all of them together.
fn worst(findings: Vec<Finding>) -> Finding {
    let both = |one: Finding, other: Finding| if one.refuses() { one } else { one.and(other) };
    findings.into_iter().reduce(both).unwrap_or(Finding::Nothing("neither release holds histories"))
}

fn time(unix_s: u64) -> String {
    let since = std::time::Duration::from_secs(unix_s);
    // Beyond year 9999, only the number can be shown.
    let shown = std::time::UNIX_EPOCH.checked_add(since).map(humantime::format_rfc3339_seconds);
    shown.map_or_else(|| unix_s.to_string(), |shown| format!("{shown}"))
}
