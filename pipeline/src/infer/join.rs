//! Shards put together: directories that lie in one directory, or their files in it, read as the one job that they are.
//!
//! It never takes what is incomplete or mixed: a release of some histories would serve the others' fallbacks in silence.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

use super::job::{self, Finished, Job, PartFile, REPORT, names};
use super::plan::Plan;
use super::shard::Shard;

/// How many missing shards a message names.
const NAMED_MAX: usize = 8;

/// A shard's report, and the directory under the joined one that it lies in, empty for the joined one itself.
struct Found {
    place: PathBuf,
    shard: Shard,
    finished: Finished,
}

/// Joins the shards of a directory; `None` where no shard has finished.
///
/// # Errors
/// When a report cannot be read, when the shards are not all there once, or when they are of different jobs.
pub(super) fn join(dir: &Path) -> anyhow::Result<Option<Finished>> {
    let mut found = find(dir)?;
    found.sort_by_key(|found| found.shard);
    let Some(first) = found.first() else { return Ok(None) };
    let whole = Job { shard: None, ..first.finished.job.clone() };
    found.iter().try_for_each(|found| check_same(dir, &whole, found))?;
    check_all(dir, &found)?;
    let plan = Plan::new(whole.shape()?, whole.part_rows);
    let parts: Vec<PartFile> = found.into_iter().flat_map(Found::parts).collect();
    let numbers = parts.iter().map(|part| part.part);
    ensure!(
        numbers.eq(0..plan.parts()),
        "{}: the shards do not hold every part once; compute them again",
        dir.display()
    );
    Ok(Some(Finished { job: whole, rows: plan.rows(), parts }))
}

impl Found {
    /// Its parts, named from the joined directory.
    fn parts(self) -> impl Iterator<Item = PartFile> {
        let named = move |part: PartFile| PartFile { name: self.place.join(&part.name).display().to_string(), ..part };
        self.finished.parts.into_iter().map(named)
    }
}

/// Every shard's report in the directory and in those right under it.
fn find(dir: &Path) -> anyhow::Result<Vec<Found>> {
    let mut places = vec![PathBuf::new()];
    let below = names(dir)?.into_iter().filter(|name| dir.join(name).is_dir()).map(PathBuf::from);
    places.extend(below);
    let mut found = Vec::new();
    for place in places {
        for name in job::report_names(&dir.join(&place))?.into_iter().filter(|name| name != REPORT) {
            found.push(read(dir, &place, &name)?);
        }
    }
    Ok(found)
}

fn read(dir: &Path, place: &Path, name: &str) -> anyhow::Result<Found> {
    let path = dir.join(place).join(name);
    let finished = job::report(&path)?.with_context(|| format!("{} has gone; is it being written?", path.display()))?;
    match finished.job.shard {
        Some(shard) if shard.report() == name => Ok(Found { place: place.to_owned(), shard, finished }),
        other => bail!("{} is the report of {other:?}; give it the name that `infer` gave it", path.display()),
    }
}

fn check_same(dir: &Path, whole: &Job, found: &Found) -> anyhow::Result<()> {
    let other = whole.differences(&Job { shard: None, ..found.finished.job.clone() });
    ensure!(
        other.is_empty(),
        "shard {} in {} is of another job than the first: {}; compute all shards from one model and release, on one kind \
         of processor",
        found.shard,
        dir.join(&found.place).display(),
        other.join("; ")
    );
    Ok(())
}

/// Each shard once.
fn check_all(dir: &Path, found: &[Found]) -> anyhow::Result<()> {
    let of = found[0].shard.of();
    for pair in found.windows(2) {
        let [one, other] = [&pair[0], &pair[1]].map(|found| dir.join(&found.place).display().to_string());
        ensure!(
            pair[1].shard.of() == of,
            "{other} is one of {} shards, {one} one of {of}; remove either",
            pair[1].shard.of()
        );
        ensure!(pair[0].shard != pair[1].shard, "shard {} lies in {one} and in {other}; remove either", pair[0].shard);
    }
    let missing: Vec<u32> =
        (0..of).filter(|index| found.binary_search_by_key(index, |found| found.shard.index()).is_err()).collect();
    ensure!(
        missing.is_empty(),
        "{} of {of} shards are missing in {}: {}",
        missing.len(),
        dir.display(),
        advice(&missing, of)
    );
    Ok(())
}

fn advice(missing: &[u32], of: u32) -> String {
    let mut named: Vec<_> = missing.iter().take(NAMED_MAX).map(|index| format!("{index}/{of}")).collect();
    if missing.len() > NAMED_MAX {
        named.push("...".to_owned());
    }
    format!(
        "{}; run `infer --shard {}/{of}` to its end and put its directory beside the others",
        named.join(", "),
        missing[0]
    )
}
