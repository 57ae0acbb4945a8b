//! Writes a release of rows that are in its order already, in memory of a row.

use std::path::{Path, PathBuf};

use anyhow::Context;
use segue::snapshot::catalogue::Catalogue;
use segue::snapshot::publish::{About, Published, ReleaseWriter, WriteShape};

use super::asked::Asked;
use crate::candidates::Candidates;
use crate::candidates::check::{Limits, RawCandidates};
use crate::candidates::read;
use crate::progress::Progress;
use crate::read::{Format, Source};

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

    /// Writes the rows of candidate files, which follow one another in a release's order. `about` is asked when all rows are
    /// there, with how many.
    ///
    /// # Errors
    /// When a row is none of a release, or the disk refuses.
    pub fn parts(
        &self,
        dir: &Path,
        (parts, asked): (&[PathBuf], &mut Asked<'_>),
        about: impl FnOnce(&Asked<'_>) -> About,
    ) -> anyhow::Result<(Published, u64)> {
        let mut writer = self.writer(dir)?;
        let bytes = parts.iter().filter_map(|part| part.metadata().ok()).map(|about| about.len()).sum();
        let (progress, mut count) = (Progress::reading_bytes(bytes), 0);
        for path in parts {
            let mut failed = None;
            let source = Source { path, progress: &progress };
            read::read(&source, Format::Parquet, &mut |row, raw| {
                if failed.is_none() {
                    failed = self.push(&mut writer, asked, raw).err().map(|error| (row, error));
                    count += 1;
                }
                Ok(())
            })?;
            if let Some((row, error)) = failed {
                return Err(error.context(format!("{}: row {row}", path.display())));
            }
        }
        progress.finish();
        Ok((writer.finish(about(asked))?, count))
    }

    fn push(
        &self,
        writer: &mut ReleaseWriter,
        asked: &mut Asked<'_>,
        raw: Result<RawCandidates, String>,
    ) -> anyhow::Result<()> {
        let WriteShape { depth, width } = self.shape;
        let limits = Limits { catalogue: self.catalogue, depth, width };
        let raw = raw.map_err(anyhow::Error::msg)?;
        let row = limits
            .check(&raw)
            .map_err(|refused| anyhow::anyhow!("expected {}, got {}", refused.reason.expected(), refused.got))?;
        writer.push(&row.history, &row.candidates)?;
        asked.hold(&row.history);
        Ok(())
    }

    fn writer(&self, dir: &Path) -> anyhow::Result<ReleaseWriter> {
        let writer = ReleaseWriter::create(dir, self.catalogue.clone(), self.shape, BUFFER_BYTES);
        writer.with_context(|| format!("cannot write a release in {}", dir.display()))
    }
}
