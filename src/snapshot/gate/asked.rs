//! The gates that look into a release by itself: golden questions, its figures, its format, its model and catalogue.
//!
//! What a release is compared with stands in `compare`, but for the catalogue, which both must be open for.

use super::verdict::Finding;
use crate::answer::{LADDER, climb};
use crate::config::Gates;
use crate::snapshot::catalogue::Cluster;
use crate::snapshot::manifest::Manifest;
use crate::snapshot::release::Release;

/// Every golden question is asked; enough of them must get exactly the answer listed.
pub(super) fn golden(rules: &Gates, release: &Release) -> Finding {
    let questions = release.golden();
    if questions.is_empty() {
        // `release.golden_required` decides whether there must be some.
        return Finding::Nothing("it has no golden questions");
    }
    let wrong: Vec<_> =
        questions.iter().filter_map(|asked| asked.check(&climb(release, &LADDER, &asked.ask())).err()).collect();
    let right = questions.len() - wrong.len();
    let least = (questions.len() as f64 * rules.golden_right_min).ceil() as usize;
    let first = wrong.first().map_or_else(String::new, |mismatch| format!("; {mismatch}"));
    let expected = format!("at least {least} of {} golden questions answered as listed", questions.len());
    Finding::looked(right >= least, expected, format!("{right}{first}"))
        .advised("build it anew; `gates.golden_right_min` says how many must be right")
}

/// Every byte was read and was the one listed.
pub(super) fn integrity(release: &Release) -> Finding {
    let got = if release.is_verified() { "all read" } else { "no look at them" };
    Finding::looked(release.is_verified(), "every byte as the manifest lists it", got)
        .advised("load it with verification; `gates.integrity` is on")
}

/// The format is one that is taken.
pub(super) fn format(rules: &Gates, manifest: &Manifest) -> Finding {
    let expected = format!("one of {}", rules.formats.join(", "));
    Finding::looked(rules.formats.contains(&manifest.format), expected, manifest.format.clone())
        .advised("build it in a format that is taken, or add this one to `gates.formats`")
}

/// The figures that have floors are above them.
pub(super) fn quality(rules: &Gates, manifest: &Manifest) -> Finding {
    if rules.quality_floors.is_empty() {
        return Finding::Nothing("no figure has a floor (`gates.quality_floors`)");
    }
    let figure = |name: &str| manifest.quality.get(name).copied();
    // A figure that is no number is above nothing.
    let above = |name: &str, least: f64| figure(name).is_some_and(|got| got >= least);
    let below = rules.quality_floors.iter().find(|floor| !above(&floor.name, floor.least));
    let shown = |name: &str| figure(name).map_or_else(|| format!("no {name}"), |got| format!("{name} {got:.4}"));
    let floors = &rules.quality_floors;
    let expected = |floor: &super::Floor| format!("{} of at least {}", floor.name, floor.least);
    match below {
        Some(floor) => Finding::looked(false, expected(floor), shown(&floor.name))
            .advised("see the release's quality report; the floors stand in `gates.quality_floors`"),
        None => Finding::looked(
            true,
            floors.iter().map(expected).collect::<Vec<_>>().join(", "),
            floors.iter().map(|floor| shown(&floor.name)).collect::<Vec<_>>().join(", "),
        ),
    }
}

/// The model is the one that the release names, and enough of the current catalogue's clusters are still known.
/// (That release, model and catalogue fit each other was a condition of opening them.)
pub(super) fn compatibility(rules: &Gates, staged: &Release, current: Option<&Release>) -> Finding {
    let Some(current) = current else { return Finding::Nothing("release, model and catalogue fit each other") };
    let (before, after) = (current.catalogue(), staged.catalogue());
    // An id that stands for something else is no cluster that callers know.
    let kept = |cluster: &&Cluster| after.cluster(cluster.id).is_some_and(|same| same.name == cluster.name);
    let kept = before.clusters().iter().filter(kept).count();
    let least = (before.len() as f64 * rules.catalogue_kept_min).ceil() as usize;
    let expected = format!("at least {least} of the current catalogue's {} clusters, by id and name", before.len());
    Finding::looked(kept >= least, expected, kept.to_string()).advised(
        "see whether it was built with the right catalogue; if clusters are meant to go, lower `gates.catalogue_kept_min`",
    )
}
