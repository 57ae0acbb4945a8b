//! The running service against the release that it serves: where its answers come from, and what its table does not hold.
//!
//! It asks and changes nothing. The release's own expectation is the baseline; what so many answers give by chance stands beside the distance.

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use segue::admin::client::Client;
use segue::admin::documents::{ReleaseBody, StatusBody};
use segue::snapshot::catalogue::Catalogue;
use serde::Serialize;

use crate::clusters::{CatalogueColumns, read_catalogue};
use crate::drift::words::plain;
use crate::train::data::catalogue_file;

pub mod exposition;
pub mod sources;
pub mod unseen;
pub mod report;
mod summary;

pub use sources::Sources;
pub use unseen::Unseen;

/// A release that was swapped in so many seconds after the service began was not the first: its counters then count others too.
const FIRST_LOAD_S: f64 = 300.0;

/// Which service is asked, and how.
#[derive(Clone, Debug)]
pub struct LiveSettings {
    /// Its operator's door.
    pub url: String,
    /// The catalogue, for names.
    pub catalogue: Option<PathBuf>,
    /// What its columns mean.
    pub catalogue_columns: CatalogueColumns,
    /// How often chance is drawn.
    pub draws: usize,
    /// The same seed gives the same figures of the same answers.
    pub seed: u64,
}

/// What the service said.
#[derive(Clone, Debug, Serialize)]
pub struct Live {
    /// The release that serves.
    pub release: String,
    /// Whether releases before it were counted too, because the counters are older than its load.
    pub counts_others_too: bool,
    /// Where answers come from, against what the release expected.
    pub sources: Sources,
    /// What was asked for that the table did not hold.
    pub unseen: Unseen,
}

/// Asks a service.
///
/// # Errors
/// When it cannot be reached, serves nothing, or has answered nothing yet.
pub fn live(settings: &LiveSettings) -> anyhow::Result<Live> {
    let catalogue = catalogue(settings)?;
    let client = Client::new(&settings.url, None)?;
    let (status, metrics, span) = (client.status()?, client.metrics()?, client.unseen(None)?);
    let release = serving(&status, &settings.url)?;
    let answers = exposition::by_label(&metrics, exposition::ANSWERS, "source");
    ensure!(
        answers.values().sum::<f64>() > 0.0,
        "{} has answered nothing since its start: there is nothing to compare; ask it again after some requests",
        settings.url
    );
    let sources = Sources::new(&answers, &release.expected_sources, (settings.draws, settings.seed));
    Ok(Live {
        release: release.version.to_string(),
        counts_others_too: counts_others_too(&metrics, release),
        unseen: Unseen::new(&span, &sources, catalogue.as_ref()),
        sources,
    })
}

impl Live {
    /// Whether the sources are surely further from what was expected than a bound.
    ///
    /// # Errors
    /// When the release says nothing of what to expect: nothing could ever be above.
    pub fn is_above(&self, bound: f64) -> anyhow::Result<bool> {
        match &self.sources.distance {
            Some(distance) => Ok(distance.drift > bound),
            None => bail!(
                "the release {} says no expected sources, so --fail-above has nothing to judge; build it from events",
                self.release
            ),
        }
    }

    /// What was found in a few sentences.
    pub fn lead(&self) -> String {
        let sources = match &self.sources.distance {
            None => "The release says nothing of which sources to expect.".to_owned(),
            Some(distance) if distance.drift > 0.0 => format!(
                "Answers come from other sources than the release expected: {} of them, where chance alone would make it at most {}.",
                plain(distance.value),
                plain(distance.chance)
            ),
            Some(distance) => format!(
                "Answers come from the sources that the release expected: {} of them come from others, and chance alone would make it up to {}.",
                plain(distance.value),
                plain(distance.chance)
            ),
        };
        let others = if self.counts_others_too {
            " Releases before this one are counted too: the counters began before it was loaded."
        } else {
            ""
        };
        format!("{sources}{others} {}", self.unseen.words())
    }
}

fn catalogue(settings: &LiveSettings) -> anyhow::Result<Option<Catalogue>> {
    let read = |path: &PathBuf| read_catalogue(&catalogue_file(path), &settings.catalogue_columns);
    Ok(settings.catalogue.as_ref().map(read).transpose()?)
}

fn serving<'a>(status: &'a StatusBody, url: &str) -> anyhow::Result<&'a ReleaseBody> {
    status.release.as_ref().with_context(|| format!("{url} serves no release; its /healthz says why"))
}

fn counts_others_too(metrics: &str, release: &ReleaseBody) -> bool {
    let began = exposition::value(metrics, exposition::BEGAN);
    let loaded = release.loaded_unix_s.map(|loaded| loaded as f64);
    began.zip(loaded).is_some_and(|(began, loaded)| loaded - began > FIRST_LOAD_S)
}
