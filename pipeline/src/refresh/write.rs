//! Writes a release of rows that are in its order already, in memory of a row.

use std::path::Path;

use anyhow::Context;
use segue::snapshot::catalogue::Catalogue;
use segue::snapshot::publish::{About, Published, ReleaseWriter, WriteShape};

use super::asked::Asked;
use crate::blend::{Blended, rows_of};
use crate::candidates::Candidates;
use crate::progress::Progress;

/// Bytes of a table's buffers.
const BUFFER_BYTES: usize = 16 << 20;

/// What a release is written of.
#[derive(Clone, Copy, Debug)]
pub struct Writing<'a> {
    /// The clusters.
    pub catalogue: &'a Catalogue,
    /// Depth and width.
    pub shape: WriteShape,
}

impl Writing<'_> {
    /// Writes rows into the store `dir`; gives how many with the release.
    ///
    /// # Errors
    /// When a row is refused or the disk is.
    pub fn rows(
        &self,
        dir: &Path,
        rows: impl Iterator<Item = Candidates>,
        about: About,
    ) -> anyhow::Result<(Published, u64)> {
        let mut writer = self.writer(dir)?;
        let mut count = 0;
        for row in rows {
            writer.push(&row.history, &row.candidates)?;
            count += 1;
        }
        Ok((writer.finish(about)?, count))
    }

    /// Writes the rows of a blend. `about` is asked when all rows are there.
    ///
    /// # Errors
    /// When a row is none of a release, or the disk refuses.
    pub fn blend(
        &self,
        dir: &Path,
        (from, asked): ((&Blended, &Path), &mut Asked<'_>),
        about: impl FnOnce(&Asked<'_>) -> About,
    ) -> anyhow::Result<(Published, u64)> {
        let mut writer = self.writer(dir)?;
        let progress = Progress::making(from.0.rows.iter().sum(), "writing");
        let (mut count, mut refused) = (0, None);
        rows_of(from.0, from.1, self.catalogue, |row| {
            asked.hold(&row.history);
            // The first refusal is the one to tell.
            if refused.is_none() {
                refused = writer.push(&row.history, &row.candidates).err();
            }
            count += 1;
            progress.advance(1);
        })?;
        progress.finish();
        refused.map_or(Ok(()), Err)?;
        Ok((writer.finish(about(asked))?, count))
    }

    fn writer(&self, dir: &Path) -> anyhow::Result<ReleaseWriter> {
        let writer = ReleaseWriter::create(dir, self.catalogue.clone(), self.shape, BUFFER_BYTES);
        writer.with_context(|| format!("cannot write a release in {}", dir.display()))
    }
}
