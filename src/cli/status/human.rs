//! The state of a service as text for people: what serves first, then every release, then the trial.

use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};

use super::{STORED, Shown};
use crate::admin::documents::releases::{EntryBody, FactsBody, ReasonBody, ReleasesBody};
use crate::admin::documents::{FailureBody, PullBody, StageBody, StatusBody};
use crate::cli::output::Column::{Number, Text};
use crate::cli::output::{Report, percent, table, time};
use crate::snapshot::lifecycle::Standing;
use crate::snapshot::manifest::Version;
use crate::trial::figures::{ArmFigures, ShadowFigures, TrialFigures};

/// The sources of answers, in the order of a table's columns.
const SOURCES: [&str; 4] = ["table", "suffix", "model", "popular"];

impl Report for Shown {
    fn human(&self) -> String {
        let mut parts = vec![facts(self), releases(&self.releases)];
        parts.extend(self.trial.as_ref().map(trial));
        parts.retain(|part| !part.is_empty());
        parts.join("\n\n")
    }
}

/// One line for each thing that an operator asks first; what is as usual has none.
fn facts(shown: &Shown) -> String {
    let status = &shown.status;
    let mut facts = vec![("service", service(status)), ("release", release(status))];
    let model = status.model.as_ref();
    facts.extend(model.map(|model| ("model", format!("{} ({}, {})", model.version, model.precision, model.kernel))));
    facts.extend(status.loading.as_ref().map(|version| ("loading", version.to_string())));
    let pinned = shown.releases.pointers.pinned.as_ref();
    facts.extend(pinned.map(|version| ("pinned", format!("{version}; no other is served until `segue unpin`"))));
    facts.extend(shown.releases.declined.as_ref().map(|version| ("declined", declined(version))));
    facts.extend(status.failure.as_ref().map(|failure| ("failure", failed(failure))));
    facts.extend(status.pointer_failure.as_ref().map(|failure| ("pointer", failure.clone())));
    facts.extend(status.pull.as_ref().map(|pull| ("pull", pulled(pull))));
    facts.into_iter().map(|(name, fact)| format!("{name:9} {fact}")).collect::<Vec<_>>().join("\n")
}

fn service(status: &StatusBody) -> String {
    let ready = match (status.ready, status.stage) {
        (true, _) => "ready",
        (false, StageBody::Serving) => "NOT READY",
        (false, StageBody::Unready | StageBody::Closing) => "stopping",
    };
    let up = whole(status.uptime_s);
    let in_flight = status.in_flight;
    format!("{}, {ready}, up {up}, {} of {} questions in flight", status.service, in_flight.now, in_flight.limit)
}

fn release(status: &StatusBody) -> String {
    let Some(release) = &status.release else { return "none serves".to_owned() };
    let since = release.loaded_unix_s.map(|at| format!(", since {}", time(at))).unwrap_or_default();
    let data = release.data_window.map(|window| format!(", data until {}", time(window.to_unix_s)));
    format!("{} serves{since}{}", release.version, data.unwrap_or_default())
}

fn pulled(PullBody { from, channel, release, outcome, text, .. }: &PullBody) -> String {
    let names = release.as_ref().map_or_else(String::new, |release| format!(" names {release}"));
    let came = match (outcome, text) {
        (Some(outcome), Some(text)) => format!(", {outcome}: {text}"),
        (Some(outcome), None) => format!(", {outcome}"),
        (None, _) => ", not looked at yet".to_owned(),
    };
    format!("channel {channel} of {from}{names}{came}")
}

fn declined(version: &Version) -> String {
    format!("{version} was rolled back from; a pull leaves it alone")
}

fn failed(FailureBody { release, reason, text, at_unix_s }: &FailureBody) -> String {
    let release = release.as_ref().map_or_else(String::new, |version| format!("{version} "));
    format!("{release}{reason}, at {}: {text}", time(*at_unix_s))
}

/// A row for each release, and below the table why those stand where they do that have a reason.
fn releases(body: &ReleasesBody) -> String {
    if body.releases.is_empty() {
        return "the store holds no releases".to_owned();
    }
    let columns =
        [Text("release"), Text("standing"), Text("since"), Text("data until"), Number("histories"), Number("bytes")];
    let mut table = table(&columns);
    table.add_rows(body.releases.iter().map(cells));
    let reasons = body.releases.iter().filter_map(|entry| Some((&entry.version, entry.reason.as_ref()?)));
    let reasons = reasons.map(|(version, ReasonBody { class, text })| format!("\n{version} ({class}): {text}"));
    format!("{table}{}", reasons.collect::<String>())
}

fn cells(entry: &EntryBody) -> [String; 6] {
    let facts = entry.facts.as_ref();
    let fact = |of: &dyn Fn(&FactsBody) -> Option<String>| facts.and_then(of).unwrap_or_default();
    [
        entry.version.to_string(),
        standing(entry),
        entry.since_unix_s.map(time).unwrap_or_default(),
        fact(&|facts| facts.data_window.map(|window| time(window.to_unix_s))),
        fact(&|facts| Some(HumanCount(facts.histories).to_string())),
        fact(&|facts| Some(HumanBytes(facts.bytes).to_string())),
    ]
}

fn standing(entry: &EntryBody) -> String {
    let word = entry.standing.map_or(STORED, Standing::word);
    let fetched = entry.fetched.filter(|fetched| fetched.bytes < fetched.bytes_total);
    let share = fetched.map(|fetched| fetched.bytes as f64 / fetched.bytes_total as f64);
    share.map_or_else(|| word.to_owned(), |share| format!("{word} {}", percent(Some(share))))
}

/// How the release on trial fares, beside the one that serves.
fn trial(figures: &TrialFigures) -> String {
    let TrialFigures { release, current, since_unix_s, canary, shadow } = figures;
    let mut told = vec![format!("trial of {release} beside {current}, since {}", time(*since_unix_s))];
    told.extend(canary.as_ref().map(|canary| {
        format!("canary    {} of callers, for {}", percent(Some(canary.share.ratio())), whole(canary.baked_s))
    }));
    told.extend(shadow.as_ref().map(shadowed));
    let canary = canary.as_ref().map(|canary| [("canary", current, &canary.current), ("", release, &canary.trial)]);
    let shadow = shadow.as_ref().map(|shadow| [("shadow", current, &shadow.current), ("", release, &shadow.trial)]);
    told.push(compared(&canary.into_iter().chain(shadow).flatten().collect::<Vec<_>>()));
    told.join("\n")
}

fn shadowed(shadow: &ShadowFigures) -> String {
    let counts = [shadow.compared, shadow.sampled, shadow.dropped].map(HumanCount);
    let figures = [Some(shadow.share.ratio()), shadow.top1_agreement, shadow.overlap].map(percent);
    format!(
        "shadow    {} of questions; same first candidate {}, overlap {}, over {} of {} sampled, {} dropped",
        figures[0], figures[1], figures[2], counts[0], counts[1], counts[2]
    )
}

fn compared(arms: &[(&str, &Version, &ArmFigures)]) -> String {
    let mut columns = vec![Text("answered"), Text("by"), Number("answers")];
    columns.extend(SOURCES.map(Number));
    columns.extend(["degraded", "errors", "p50", "p99", "p99.9"].map(Number));
    let mut table = table(&columns);
    table.add_rows(arms.iter().map(arm_cells));
    table.to_string()
}

fn arm_cells((kind, release, arm): &(&str, &Version, &ArmFigures)) -> Vec<String> {
    let mut cells = vec![(*kind).to_owned(), release.to_string(), HumanCount(arm.answers).to_string()];
    cells.extend(SOURCES.map(|source| percent(arm.sources.get(source).copied())));
    cells.push(percent((arm.answers > 0).then_some(arm.degraded)));
    cells.push(HumanCount(arm.errors).to_string());
    cells.extend([arm.p50_s, arm.p99_s, arm.p999_s].map(micros));
    cells
}

fn micros(duration_s: Option<f64>) -> String {
    duration_s.map_or_else(|| "-".to_owned(), |seconds| format!("{:.0} us", seconds * 1e6))
}

fn whole(seconds: u64) -> humantime::FormattedDuration {
    humantime::format_duration(Duration::from_secs(seconds))
}
