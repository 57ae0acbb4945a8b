//! From anyone's candidates to a release: read, check, sort, write.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::ensure;
use segue::snapshot::publish::{Published, ReleaseWriter};

use crate::build::ReleaseSettings;
use crate::build::given::Given;
use crate::build::output::Output;
use crate::candidates::check::{Limits, RawCandidates};
use crate::candidates::popular::PopularSums;
use crate::candidates::{Candidates, PlacedCandidates, read};
use crate::progress::Progress;
use crate::provenance::{Settings, input_files};
use crate::read::decode::Refused;
use crate::read::{Format, ReadError, Source};
use crate::refusals::{Reason, Refusal, Refusals};
use crate::sort::{Sorted, Sorter};
use crate::summary::{InputFigures, Summary};

/// Anyone's candidates.
#[derive(Clone, Debug)]
pub struct CandidateSettings {
    /// The file: Parquet or JSON lines; or the directory that `infer` filled.
    pub path: PathBuf,
    /// Its format; `None` tells it by the name.
    pub format: Option<Format>,
}

/// Makes a release of anyone's candidates.
///
/// # Errors
/// When a file cannot be read or written, when no row is sound, or at the first refused row when strict.
pub fn build_from_candidates(candidates: &CandidateSettings, release: &ReleaseSettings) -> anyhow::Result<Summary> {
    let started = Instant::now();
    let given = Given::of(&candidates.path)?;
    let output = Output::prepare(release, || input_files(given.files.iter().map(PathBuf::as_path)))?;
    given.check(&output)?;
    let progress = Progress::reading_bytes(output.inputs.iter().map(|input| input.bytes).sum());
    let mut rows = Rows::read(&given, candidates.format, (&output, &progress))?;
    progress.phase("writing");
    let spills = rows.sorter.spills();
    let published = rows.write(&output, &given)?;
    progress.finish();
    let input =
        InputFigures { spills, ..InputFigures::new(rows.rows, rows.rows - rows.refusals.total(), &rows.refusals) };
    Ok(Summary {
        input,
        log: None,
        release: output.finish(published, None)?,
        elapsed_s: started.elapsed().as_secs_f64(),
    })
}

/// The sound rows of a file, not yet in order.
struct Rows {
    file: String,
    rows: u64,
    popular: PopularSums,
    refusals: Refusals,
    sorter: Sorter<PlacedCandidates>,
}

impl Rows {
    fn read(
        given: &Given,
        format: Option<Format>,
        (output, progress): (&Output<'_>, &Progress),
    ) -> anyhow::Result<Self> {
        let settings = output.settings;
        let limits = Limits { catalogue: &output.catalogue, depth: settings.depth, width: settings.width };
        let mut rows = Self {
            file: String::new(),
            rows: 0,
            popular: PopularSums::new(output.catalogue.len()),
            refusals: Refusals::new(settings.policy),
            sorter: Sorter::new(&settings.out, settings.memory_bytes),
        };
        for path in &given.files {
            let source = Source::new(path, progress);
            rows.file = source.name();
            let format = format.map_or_else(|| Format::of(path), Ok)?;
            read::read(&source, format, &mut |row, raw| rows.take(row, raw, &limits))?;
        }
        ensure!(rows.rows > rows.refusals.total(), "no row of {} could be used: {}", rows.file, rows.first_refusal());
        Ok(rows)
    }

    fn take(&mut self, row: u64, raw: Result<RawCandidates, String>, limits: &Limits<'_>) -> Result<(), ReadError> {
        self.rows += 1;
        let malformed = |got| Refused { reason: Reason::Malformed, got };
        match raw.map_err(malformed).and_then(|raw| limits.check(&raw)) {
            Ok(candidates) => self.keep(row, candidates),
            Err(refused) => self.refuse(row, refused.reason, &refused.got),
        }
    }

    fn keep(&mut self, row: u64, candidates: Candidates) -> Result<(), ReadError> {
        if !candidates.history.is_empty() {
            self.popular.add(&candidates);
        }
        Ok(self.sorter.push(PlacedCandidates { row, candidates })?)
    }

    fn refuse(&mut self, row: u64, reason: Reason, got: &str) -> Result<(), ReadError> {
        Ok(self.refusals.refuse(Refusal::new(&self.file, row, reason, got))?)
    }

    fn first_refusal(&self) -> String {
        self.refusals.named().first().map_or_else(|| "it is empty".to_owned(), Refusal::to_string)
    }

    /// Writes the rows in order; of two for one history the first in the file stands.
    fn write(&mut self, output: &Output<'_>, given: &Given) -> anyhow::Result<Published> {
        let sorter = std::mem::replace(&mut self.sorter, Sorter::new(&output.settings.out, 0));
        let mut release = output.writer()?;
        let mut sorted = sorter.finish()?.peekable();
        let has_popular = matches!(sorted.peek(), Some(Ok(row)) if row.candidates.history.is_empty());
        if !has_popular {
            release.push(&[], &self.popular.list(output.settings.width).candidates)?;
        }
        self.push_all(sorted, &mut release, output)?;
        let mut about = output.about()?;
        given.describe(&mut about)?;
        let settings = Settings::default().with("depth", output.settings.depth).with("width", output.settings.width);
        about.provenance.settings = given.settings(settings).into_map();
        Ok(release.finish(about)?)
    }

    fn push_all(
        &mut self,
        sorted: std::iter::Peekable<Sorted<PlacedCandidates>>,
        release: &mut ReleaseWriter,
        output: &Output<'_>,
    ) -> anyhow::Result<()> {
        let mut last: Option<Vec<u32>> = None;
        for row in sorted {
            let PlacedCandidates { row, candidates: Candidates { history, candidates } } = row?;
            if last.as_ref() == Some(&history) {
                self.refuse(row, Reason::DuplicateHistory, &ids(&history, output))?;
                continue;
            }
            release.push(&history, &candidates)?;
            last = Some(history);
        }
        Ok(())
    }
}

fn ids(history: &[u32], output: &Output<'_>) -> String {
    let ids: Vec<Option<u32>> = history.iter().map(|index| output.catalogue.id_at(*index)).collect();
    format!("{:?}", ids.into_iter().flatten().collect::<Vec<_>>())
}
