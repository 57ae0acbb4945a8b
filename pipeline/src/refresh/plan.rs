//! What a run would do: its inputs looked at, nothing changed.

use std::path::{Path, PathBuf};

use segue::snapshot::catalogue::Catalogue;
use segue::snapshot::format::Shape;
use segue::snapshot::manifest::Version;

use super::identity::{Identity, of_counts, of_partitions};
use super::model::{self, ChosenModel};
use super::{Order, RefreshSettings};
use crate::clusters::read_catalogue;
use crate::kept;
use crate::source::{self, Partition};

/// Where the counts of a state lie.
pub const COUNTS: &str = "counts";

/// A run, planned.
#[derive(Debug)]
pub struct Plan {
    /// The clusters.
    pub catalogue: Catalogue,
    /// Their name.
    pub catalogue_version: Version,
    /// The model that is run.
    pub model: Option<ChosenModel>,
    /// What is counted.
    pub source: Source,
    /// What the run is of.
    pub identity: Identity,
}

/// Where counts come from.
#[derive(Debug)]
pub enum Source {
    /// Events: all partitions, and those that were not counted yet.
    Events {
        /// In the order of their names.
        all: Vec<Partition>,
        /// Those that will be read.
        new: Vec<Partition>,
    },
    /// Directories of counts that someone else made.
    Counts(Vec<PathBuf>),
}

impl Plan {
    /// Looks at everything that a run reads.
    ///
    /// # Errors
    /// When something cannot be read, or does not go together.
    pub fn new(settings: &RefreshSettings, order: &Order) -> anyhow::Result<Self> {
        let catalogue = read_catalogue(&settings.input.catalogue, &settings.input.catalogue_columns)?;
        check_shape(settings, &catalogue)?;
        let catalogue_version = version(&catalogue)?;
        let model = settings.model.as_ref().map(|model| model::choose(&model.dir, &catalogue_version)).transpose()?;
        let source = Source::find(settings, &order.counts)?;
        let inputs = match &source {
            Source::Events { all, .. } => of_partitions(all),
            Source::Counts(dirs) => of_counts(dirs)?,
        };
        let identity = Identity::new(settings, &catalogue_version, model.as_ref(), inputs)?;
        Ok(Self { catalogue, catalogue_version, model, source, identity })
    }
}

impl Source {
    fn find(settings: &RefreshSettings, counts: &[PathBuf]) -> anyhow::Result<Self> {
        if !counts.is_empty() {
            let dirs = counts.iter().map(|path| kept::dirs(path)).collect::<anyhow::Result<Vec<_>>>()?;
            return Ok(Self::Counts(dirs.concat()));
        }
        anyhow::ensure!(
            !settings.input.log.events.is_empty(),
            "input.events: not given; expected a list of paths or URLs, or --counts DIR in its place"
        );
        let all = source::list(&settings.input.log)?;
        let new = kept::pending(&all, &counts_dir(settings))?;
        Ok(Self::Events { all, new })
    }
}

/// Where a state keeps its counts.
pub fn counts_dir(settings: &RefreshSettings) -> PathBuf {
    Path::join(&settings.state, COUNTS)
}

fn check_shape(settings: &RefreshSettings, catalogue: &Catalogue) -> anyhow::Result<()> {
    let clusters = u32::try_from(catalogue.len())?;
    Shape { clusters, depth: settings.count.depth, width: settings.release.width }.checked()?;
    Ok(())
}

fn version(catalogue: &Catalogue) -> anyhow::Result<Version> {
    let mut text = Vec::new();
    catalogue.write_jsonl(&mut text)?;
    Ok(Version::of_digest(&blake3::hash(&text)))
}
