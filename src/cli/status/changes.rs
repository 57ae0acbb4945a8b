//! What changed between two moments, a line each; progress alone is no change.

use super::STORED;
use crate::admin::documents::releases::{EntryBody, ReleasesBody};
use crate::cli::output::time;
use crate::clock::unix_s;
use crate::snapshot::lifecycle::Standing;
use crate::snapshot::manifest::Version;

/// The lines that tell of what became otherwise.
pub(super) fn told(last: &ReleasesBody, now: &ReleasesBody) -> Vec<String> {
    let (pointers, before) = (&now.pointers, &last.pointers);
    let at = time(unix_s());
    let standings = now.releases.iter().filter_map(|entry| stepped(find(last, &entry.version), entry));
    let gone = last.releases.iter().filter(|entry| find(now, &entry.version).is_none());
    let gone = gone.map(|entry| format!("{} is gone", entry.version));
    let moved = [("serving", &last.serving, &now.serving), ("pinned", &before.pinned, &pointers.pinned)];
    let moved = moved.into_iter().filter(|(_, before, after)| before != after);
    let moved = moved.map(|(word, before, after)| format!("{word} {} -> {}", named(before), named(after)));
    standings.chain(gone).chain(moved).map(|line| format!("{at} {line}")).collect()
}

/// A release's way from where it stood: every step that was made meanwhile, and why it stands there.
fn stepped(last: Option<&EntryBody>, now: &EntryBody) -> Option<String> {
    if last.is_some_and(|last| last.standing == now.standing && last.reason == now.reason) {
        return None;
    }
    let before = last.map_or("new", |last| word(last.standing));
    let way = std::iter::once(before).chain(between(last, now).into_iter().map(word));
    let way = way.collect::<Vec<_>>().join(" -> ");
    let reason = now.reason.as_ref().map(|reason| format!(" ({}): {}", reason.class, reason.text));
    Some(format!("{} {way}{}", now.version, reason.unwrap_or_default()))
}

/// The standings since the last that was seen, the one now included; only that one where the steps do not tell.
fn between(last: Option<&EntryBody>, now: &EntryBody) -> Vec<Option<Standing>> {
    let seen = last.map_or(&[][..], |last| &last.steps);
    match now.steps.strip_prefix(seen) {
        Some(steps) if !steps.is_empty() => steps.iter().map(|step| Some(step.standing)).collect(),
        _ => vec![now.standing],
    }
}

fn find<'a>(body: &'a ReleasesBody, version: &Version) -> Option<&'a EntryBody> {
    body.releases.iter().find(|entry| entry.version == *version)
}

fn word(standing: Option<Standing>) -> &'static str {
    standing.map_or(STORED, Standing::word)
}

fn named(version: &Option<Version>) -> &str {
    version.as_ref().map_or("none", Version::as_str)
}
