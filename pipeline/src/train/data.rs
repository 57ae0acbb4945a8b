//! From files to what training walks over: the log, its examples and their split by time.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use segue::snapshot::catalogue::Catalogue;
use segue::snapshot::manifest::{DataWindow, InputFile, Version};

use super::settings::TrainSettings;
use crate::build::log::{Reading, read_whole};
use crate::clusters::read_catalogue;
use crate::examples::{ExampleRules, Examples, Holdout, Log, Split};
use crate::progress::Progress;
use crate::provenance::{data_window, input_files, log_inputs};
use crate::read::Tally;
use crate::summary::InputFigures;

/// Everything that was read.
#[derive(Debug)]
pub struct Data {
    /// The clusters.
    pub catalogue: Catalogue,
    /// The catalogue's name, as a release of it has it.
    pub catalogue_version: Version,
    /// The files, by name and digest.
    pub inputs: Vec<InputFile>,
    /// The span of the log.
    pub window: Option<DataWindow>,
    /// What reading added up to.
    pub figures: InputFigures,
    /// The events.
    pub log: Log,
    /// All examples.
    pub examples: Examples,
    /// What is learnt from, what chooses, what is reported on.
    pub split: Split,
}

impl Data {
    /// Reads everything.
    ///
    /// # Errors
    /// When a file cannot be read, when no example is left in a part of the split, or at the first refused row when strict.
    pub fn read(settings: &TrainSettings) -> anyhow::Result<Self> {
        let input = &settings.input;
        let catalogue_path = catalogue_file(&input.catalogue);
        let catalogue = read_catalogue(&catalogue_path, &input.catalogue_columns)?;
        let mut inputs = log_inputs(&input.log)?;
        inputs.extend(input_files([catalogue_path.as_path()])?);
        let (log, tally, figures) = read(settings, &catalogue, &inputs)?;
        let prompt_history = u8::try_from(settings.network.history_max).context("--history-max is above 255")?;
        let rules =
            ExampleRules { rules: input.counting.rules(), history_max: prompt_history, ..ExampleRules::default() };
        let examples = Examples::new(&log, &rules);
        let split = Split::new(&examples, Holdout::Days(input.validation_days), Holdout::Days(input.test_days))?;
        ensure!(
            !split.validation.is_empty(),
            "--validation-days is 0: nothing would say when to stop; give it some days"
        );
        Ok(Self {
            catalogue_version: catalogue_version(&catalogue)?,
            catalogue,
            inputs,
            window: tally.window_us.and_then(data_window),
            figures,
            log,
            examples,
            split,
        })
    }

    /// How many clusters there are.
    pub fn clusters(&self) -> u32 {
        self.log.clusters
    }
}

/// The catalogue's file: itself, or the one of a release's directory.
pub fn catalogue_file(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(segue::snapshot::manifest::CATALOGUE) } else { path.to_owned() }
}

fn read(
    settings: &TrainSettings,
    catalogue: &Catalogue,
    inputs: &[InputFile],
) -> anyhow::Result<(Log, Tally, InputFigures)> {
    let progress = Progress::reading_bytes(inputs.iter().map(|input| input.bytes).sum());
    let input = &settings.input;
    let reading = Reading {
        catalogue,
        policy: input.policy,
        spill_dir: &settings.output.out,
        memory_bytes: input.memory_bytes,
        progress: &progress,
    };
    let read = read_whole(&input.log, &reading)?;
    progress.finish();
    Ok(read)
}

/// The catalogue's name: it follows from the bytes that a release writes of it.
fn catalogue_version(catalogue: &Catalogue) -> anyhow::Result<Version> {
    let mut bytes = Vec::new();
    catalogue.write_jsonl(&mut bytes)?;
    Ok(Version::of_digest(&blake3::hash(&bytes)))
}
