//! A release of only those histories that requests look up: written, opened and asked as any other, in a fraction of the time.
//!
//! It never leaves its temporary directory, which goes with it.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, ensure};
use segue::snapshot::catalogue::Catalogue;
use segue::snapshot::publish::{About, ReleaseWriter, WriteShape};
use segue::snapshot::release::Release;
use tempfile::TempDir;

use super::held::HeldOut;
use crate::candidates::Candidates;

/// Bytes of the table's buffers.
const BUFFER_BYTES: usize = 1 << 20;

/// The excerpt and where it lies.
#[derive(Debug)]
pub(super) struct Excerpt {
    pub(super) release: Release,
    _dir: TempDir,
}

impl Excerpt {
    /// An excerpt of rows in a release's order, in a directory of its own under `dir`. Rows without candidates are left out.
    pub(super) fn write(
        dir: &Path,
        catalogue: &Catalogue,
        shape: WriteShape,
        rows: impl Iterator<Item = Candidates>,
    ) -> anyhow::Result<Self> {
        let refused = || format!("cannot rehearse in {}; check the directory and its free space", dir.display());
        std::fs::create_dir_all(dir).with_context(refused)?;
        let dir = tempfile::Builder::new().prefix("rehearsal-").tempdir_in(dir).with_context(refused)?;
        let mut writer = ReleaseWriter::create(dir.path(), catalogue.clone(), shape, BUFFER_BYTES)?;
        let mut is_empty = true;
        for row in rows.filter(|row| !row.candidates.is_empty()) {
            writer.push(&row.history, &row.candidates)?;
            is_empty = false;
        }
        ensure!(!is_empty, "nothing was counted before the requests; hold out fewer days, or give a longer log");
        let published = writer.finish(About::default())?;
        Ok(Self { release: Release::load(&published.path)?, _dir: dir })
    }
}

/// The histories that requests look up in a table of a depth, in a release's order: the empty one first.
pub(super) fn looked_up(held: &HeldOut, depth: u8) -> Vec<Vec<u32>> {
    let mut found: BTreeSet<(usize, &[u32])> = BTreeSet::new();
    for asked in &held.asked {
        let deepest = asked.history.len().min(usize::from(depth));
        found.extend((0..=deepest).map(|length| (length, &asked.history[asked.history.len() - length..])));
    }
    found.into_iter().map(|(_, history)| history.to_vec()).collect()
}
