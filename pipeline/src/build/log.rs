//! Reads a log's files into a sorter, with the item map where the log names items.

use std::path::Path;

use anyhow::{Context, ensure};
use segue::snapshot::catalogue::Catalogue;

use crate::build::{LogSettings, items};
use crate::examples::Log;
use crate::progress::Progress;
use crate::read::{Decoder, EventReader, Events, Source, Tally};
use crate::refusals::{Policy, Refusals};
use crate::sort::Sorter;
use crate::source::{self, Clouds};
use crate::summary::InputFigures;

/// What reading leans on.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// The clusters there are.
    pub catalogue: &'a Catalogue,
    /// What to do with rows that cannot be used.
    pub policy: Policy,
    /// Where rows beyond the memory go.
    pub spill_dir: &'a Path,
    /// Bytes of rows held in memory.
    pub memory_bytes: usize,
    /// The bar that moves.
    pub progress: &'a Progress,
}

/// Reads all files of a log in their order.
///
/// # Errors
/// When a file cannot be read; at the first refused row when strict.
fn read_log(log: &LogSettings, reading: &Reading<'_>) -> anyhow::Result<Events> {
    let mut refusals = Refusals::new(reading.policy);
    let items = items::read(log, reading.catalogue, &mut refusals)?;
    let decoder =
        Decoder::new(reading.catalogue, items::target(items.as_ref()), log.time_unit).with_weight_min(log.weight_min);
    let sorter = Sorter::new(reading.spill_dir, reading.memory_bytes);
    let mut reader = EventReader::new(&log.columns, decoder, refusals, sorter);
    let clouds = Clouds::default();
    for partition in source::list_in(log, &clouds)? {
        let (object, path) = (partition.open(&clouds)?, partition.path());
        let source = Source::open(&object, &path, reading.progress);
        reader.read_source(&source, &partition.name, partition.format(log.format)?)?;
    }
    Ok(reader.finish())
}

/// A whole log in memory, what reading it added up to, and the same as a summary shows it.
///
/// # Errors
/// When a file cannot be read, or no event in any; at the first refused row when strict.
pub fn read_whole(log: &LogSettings, reading: &Reading<'_>) -> anyhow::Result<(Log, Tally, InputFigures)> {
    let clusters = u32::try_from(reading.catalogue.len()).context("the catalogue has more clusters than ids")?;
    let events = read_log(log, reading)?;
    let (tally, spills) = (events.tally, events.sorter.spills());
    let figures = InputFigures { spills, ..InputFigures::new(tally.rows, tally.events, &events.refusals) };
    ensure!(tally.events > 0, "no event could be read{}", first_refusal(&figures));
    Ok((Log::collect(events, clusters)?, tally, figures))
}

/// The first refused row in words, to be put behind a failure.
pub fn first_refusal(input: &InputFigures) -> String {
    input.refused_rows.first().map_or_else(String::new, |refusal| format!("; the first refused row: {refusal}"))
}
