//! Asks a running service what a log's users went on to, as they would have asked, and says how often it was right.
//!
//! The service alone answers: nothing here may know what is in its table.

use anyhow::ensure;

use crate::build::LogSettings;
use crate::build::log::{Reading, read_whole};
use crate::clusters::{CatalogueColumns, read_catalogue};
use crate::examples::{Example, ExampleRules, Examples, Log};
use crate::measure::{Bootstrap, Outcomes, Rankings};
use crate::progress::Progress;
use crate::refusals::Policy;
use crate::sequence::Rules;
use segue::snapshot::catalogue::Catalogue;

pub mod ask;
pub mod report;

use ask::{Answers, Asker};
use report::ReplayReport;

/// What is asked, and whom.
#[derive(Clone, Debug)]
pub struct ReplaySettings {
    /// The log.
    pub log: LogSettings,
    /// The catalogue's file.
    pub catalogue: std::path::PathBuf,
    /// What its columns mean.
    pub catalogue_columns: CatalogueColumns,
    /// Where sequences begin and end, and which repeats stay: as the release was counted.
    pub rules: Rules,
    /// Only what users went on to in this span is asked, in microseconds since 1970: from the first, until before the second.
    pub span_us: (i64, i64),
    /// The most clusters of a history that are shown.
    pub history_max: u8,
    /// The service's HTTP door, such as `http://127.0.0.1:8080`.
    pub to: String,
    /// Candidates asked for.
    pub limit: u8,
    /// Questions sent together.
    pub batch: usize,
    /// Bytes of rows held in memory before they are spilled.
    pub memory_bytes: usize,
    /// Decides the intervals' draws.
    pub seed: u64,
}

/// Asks everything in the order of time.
///
/// # Errors
/// When the log cannot be read or has nothing in the span; when the service cannot be reached, or refuses a question.
pub fn replay(settings: &ReplaySettings) -> anyhow::Result<ReplayReport> {
    let catalogue = read_catalogue(&settings.catalogue, &settings.catalogue_columns)?;
    let log = read(settings, &catalogue)?;
    let rules = ExampleRules { rules: settings.rules, history_max: settings.history_max, ..ExampleRules::default() };
    let examples = Examples::new(&log, &rules);
    let (from, until) = (examples.place_at(settings.span_us.0), examples.place_at(settings.span_us.1));
    ensure!(from < until, "nobody went on to anything in the span; see --from and --until");
    let requests: Vec<_> = examples.iter(from..until).collect();
    ask_all(settings, &catalogue, &requests)
}

fn read(settings: &ReplaySettings, catalogue: &Catalogue) -> anyhow::Result<Log> {
    let spill_dir = std::env::temp_dir();
    let progress = Progress::hidden();
    let reading = Reading {
        catalogue,
        policy: Policy::Count,
        spill_dir: &spill_dir,
        memory_bytes: settings.memory_bytes,
        progress: &progress,
    };
    let (log, ..) = read_whole(&settings.log, &reading)?;
    Ok(log)
}

fn ask_all(settings: &ReplaySettings, catalogue: &Catalogue, requests: &[Example<'_>]) -> anyhow::Result<ReplayReport> {
    let asker = Asker::new(settings, catalogue)?;
    let progress = Progress::making(requests.len() as u64, "asking");
    let mut outcomes = Outcomes::new(catalogue.len() as u32);
    let mut answers = Answers::default();
    for batch in requests.chunks(settings.batch) {
        let mut rankings = Rankings::default();
        asker.ask(batch, &mut rankings, &mut answers)?;
        outcomes.extend(batch, &rankings, settings.rules.mode);
        progress.advance(batch.len() as u64);
    }
    progress.finish();
    let bootstrap = Bootstrap { seed: settings.seed, ..Bootstrap::default() };
    Ok(ReplayReport::new(&outcomes, &bootstrap, answers))
}
