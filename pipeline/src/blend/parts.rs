//! Mixes and writes parts, as many at once as there are threads.
//!
//! What a part holds follows from its place alone: threads decide nothing but the time it takes.

use std::path::Path;

use anyhow::Context;
use rayon::prelude::*;
use segue::snapshot::catalogue::Catalogue;
use segue::snapshot::format::LEVELS_MAX;
use segue::snapshot::release::digest_file;

use super::mix::Mixer;
use super::rows::{Row, Rows};
use crate::candidates::file::CandidatesFile;
use crate::infer::job::PartFile;
use crate::infer::ledger::part_name;

/// Parts being written into a directory.
pub(super) struct Parts<'a> {
    dir: &'a Path,
    catalogue: &'a Catalogue,
    part_rows: usize,
    written: Written,
}

/// Rows by length of history.
type Lengths = [u64; LEVELS_MAX];

/// What was written.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    /// Rows by length of history.
    pub(super) rows: Vec<u64>,
    pub(super) parts: Vec<PartFile>,
}

impl<'a> Parts<'a> {
    pub(super) fn new(dir: &'a Path, catalogue: &'a Catalogue, part_rows: u32) -> Self {
        let written = Written { rows: vec![0; LEVELS_MAX], parts: Vec::new() };
        Self { dir, catalogue, part_rows: part_rows.max(1) as usize, written }
    }

    /// Writes all rows, holding as many parts in memory as there are threads.
    pub(super) fn write_all(&mut self, rows: &mut Rows<'_>, mixer: &Mixer<'_>) -> anyhow::Result<()> {
        loop {
            let batch = self.batch(rows)?;
            if batch.is_empty() {
                return Ok(());
            }
            let first = self.written.parts.len();
            let parts: Vec<(usize, &[Row])> = (first..).zip(batch.chunks(self.part_rows)).collect();
            let written: anyhow::Result<Vec<(PartFile, Lengths)>> =
                parts.into_par_iter().map(|(part, rows)| self.write(part, rows, mixer)).collect();
            for (part, lengths) in written? {
                self.written.parts.push(part);
                self.written.rows.iter_mut().zip(lengths).for_each(|(rows, more)| *rows += more);
            }
        }
    }

    pub(super) fn finish(self) -> Written {
        self.written
    }

    /// The rows of the next parts.
    fn batch(&mut self, rows: &mut Rows<'_>) -> anyhow::Result<Vec<Row>> {
        let mut batch = Vec::new();
        while batch.len() < self.part_rows * rayon::current_num_threads() {
            let Some(row) = rows.next()? else { break };
            batch.push(row);
        }
        Ok(batch)
    }

    /// Writes a part. A history that nothing may follow is left out: nothing of it was counted, and nothing given that may come next.
    fn write(&self, part: usize, rows: &[Row], mixer: &Mixer<'_>) -> anyhow::Result<(PartFile, Lengths)> {
        let (name, mut lengths) = (part_name(part), Lengths::default());
        let mut file = CandidatesFile::create_named(self.dir, &name, self.catalogue)?;
        for row in rows {
            let row = mixer.row(&row.history, row.model.as_deref());
            if !row.candidates.is_empty() {
                file.push(&row)?;
                lengths[row.history.len()] += 1;
            }
        }
        Ok((describe(part, name, &file.finish()?)?, lengths))
    }
}

fn describe(part: usize, name: String, path: &Path) -> anyhow::Result<PartFile> {
    let (bytes, digest) = digest_file(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(PartFile { part, name, bytes, blake3: digest.to_hex().to_string() })
}
