//! The model's candidates, matched with the catalogue and put in a release's order.
//!
//! A candidate that the catalogue does not have is left out and counted; the rest of its row stays. A whole release of anyone's
//! candidates refuses such a row, but here the counts answer too, and the share that matched is what a gate judges.

use std::path::Path;

use segue::snapshot::catalogue::Catalogue;
use segue::snapshot::format::WIDTH_MAX;

use super::Ingredients;
use crate::build::given::Given as Files;
use crate::candidates::check::{Limits, RawCandidates};
use crate::candidates::{PlacedCandidates, read};
use crate::infer::job::Job;
use crate::progress::Progress;
use crate::provenance::input_files;
use crate::read::{Format, ReadError, Source};
use crate::sort::{Sorted, Sorter};

/// What was given.
pub(super) struct Given {
    pub(super) sorted: Sorted<PlacedCandidates>,
    pub(super) figures: Figures,
    pub(super) job: Option<Job>,
}

/// What matching added up to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    /// Candidates.
    pub(super) given: u64,
    /// Those that the catalogue has.
    pub(super) matched: u64,
    /// Rows that cannot be used.
    pub(super) refused: u64,
}

impl Given {
    /// Reads and sorts them, spilling beyond `memory_bytes` into a directory.
    pub(super) fn read(from: &Ingredients<'_>, (memory_bytes, spill_dir): (usize, &Path)) -> anyhow::Result<Self> {
        let mut sorter = Sorter::new(spill_dir, memory_bytes);
        let mut figures = Figures::default();
        let Some(path) = from.candidates else {
            return Ok(Self { sorted: sorter.finish()?, figures, job: None });
        };
        let files = Files::of(path)?;
        files.check_parts(&input_files(files.files.iter().map(std::path::PathBuf::as_path))?)?;
        let limits = Limits { catalogue: from.catalogue, depth: depth(from), width: WIDTH_MAX };
        let progress = Progress::hidden();
        for path in &files.files {
            let source = Source::new(path, &progress);
            read::read(&source, Format::of(path)?, &mut |row, raw| {
                figures.take(raw, &limits).map_or(Ok(()), |candidates| {
                    sorter.push(PlacedCandidates { row, candidates }).map_err(ReadError::from)
                })
            })?;
        }
        Ok(Self { sorted: sorter.finish()?, figures, job: files.job().cloned() })
    }
}

impl Figures {
    /// What can be used of a row.
    fn take(
        &mut self,
        raw: Result<RawCandidates, String>,
        limits: &Limits<'_>,
    ) -> Option<crate::candidates::Candidates> {
        let row = raw.ok().and_then(|raw| {
            self.given += raw.candidates.len() as u64;
            let matched = matched(raw, limits.catalogue);
            self.matched += matched.candidates.len() as u64;
            limits.check(&matched).ok()
        });
        self.refused += u64::from(row.is_none());
        row
    }
}

fn matched(mut raw: RawCandidates, catalogue: &Catalogue) -> RawCandidates {
    raw.candidates.retain(|(id, _)| u32::try_from(*id).is_ok_and(|id| catalogue.index_of(id).is_some()));
    raw
}

fn depth(from: &Ingredients<'_>) -> u8 {
    // A depth is at most 3, checked before anything is counted.
    from.smoothed.levels.len() as u8
}
