//! The item map of a build, when the log names items.

use segue::snapshot::catalogue::Catalogue;

use crate::build::LogSettings;
use crate::items::{Items, Ledger};
use crate::progress::Progress;
use crate::read::{ReadError, Source, Target};
use crate::refusals::Refusals;

/// Reads the map, if there is one to read.
pub(crate) fn read(
    log: &LogSettings,
    catalogue: &Catalogue,
    refusals: &mut Refusals,
) -> Result<Option<Items>, ReadError> {
    let Some(settings) = &log.items else { return Ok(None) };
    let progress = &Progress::hidden();
    let source = Source::new(&settings.path, progress);
    Items::read(&source, &settings.columns, Ledger { catalogue, refusals }).map(Some)
}

/// What the log's target column then holds.
pub(crate) fn target(items: Option<&Items>) -> Target<'_> {
    items.map_or(Target::Cluster, Target::Item)
}
