//! Makes a seeded log of any size: users with interests of their own that drift by month, over clusters of very unequal popularity.
//!
//! The log is made user by user and written as it is made, so memory does not grow with it. The same seed gives the same bytes.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use segue::snapshot::catalogue::{Catalogue, Cluster};
use serde::Serialize;

use crate::candidates::file::persist;
use crate::progress::Progress;

pub mod shares;
pub mod taste;
pub mod write;

use taste::World;
use write::{EventsWriter, LogFormat};

/// What is made.
#[derive(Clone, Debug)]
pub struct GenerateSettings {
    /// How many events, exactly.
    pub events: u64,
    /// How many users share them.
    pub users: u64,
    /// How many clusters the catalogue has.
    pub clusters: u32,
    /// How many months the log spans.
    pub months: u32,
    /// What everything is drawn from.
    pub seed: u64,
}

/// What was made.
#[derive(Clone, Debug, Serialize)]
pub struct Generated {
    /// The events' file.
    pub events_file: PathBuf,
    /// The catalogue's file.
    pub catalogue_file: PathBuf,
    /// How many events.
    pub events: u64,
    /// Bytes of the events' file.
    pub bytes: u64,
}

/// One line of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LogEvent {
    /// The user, from 0.
    pub user: u64,
    /// Seconds since 1970.
    pub ts: i64,
    /// The item; each item belongs to one cluster.
    pub item: u64,
    /// The cluster.
    pub cluster: u32,
}

/// Writes `events.<format>` and `clusters.csv` into `dir`.
///
/// # Errors
/// When a setting is out of range or a file cannot be written.
pub fn generate(settings: &GenerateSettings, format: LogFormat, dir: &Path) -> anyhow::Result<Generated> {
    settings.check()?;
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let progress = Progress::making(settings.events, "writing");
    let mut writer = EventsWriter::create(dir, format)?;
    let mut counts = vec![0_u64; settings.clusters as usize];
    settings.each_event(&mut |event| {
        counts[event.cluster as usize] += 1;
        progress.advance(1);
        writer.push(&event)
    })?;
    let events_file = writer.finish()?;
    progress.finish();
    let catalogue_file = write_catalogue(dir, &counts)?;
    let bytes = events_file.metadata().map_or(0, |about| about.len());
    Ok(Generated { events_file, catalogue_file, events: settings.events, bytes })
}

impl GenerateSettings {
    /// Whether a log can be made of them.
    ///
    /// # Errors
    /// At the first that is out of range.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!(self.users > 0, "--users is 0, expected at least 1");
        ensure!(self.clusters > 0, "--clusters is 0, expected at least 1");
        ensure!(self.months > 0, "--months is 0, expected at least 1");
        Ok(())
    }

    /// Every event, by user and then by time.
    ///
    /// # Errors
    /// Those of `visit`.
    pub fn each_event(&self, visit: &mut dyn FnMut(LogEvent) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let world = World::new(self);
        for (user, events) in shares::events_by_user(self) {
            world.each_event_of(user, events, visit)?;
        }
        Ok(())
    }

    /// The catalogue of the log.
    pub fn catalogue(&self) -> Vec<Cluster> {
        (0..self.clusters).map(|id| Cluster { id, name: name(id), keywords: words(id), parent: None }).collect()
    }
}

fn write_catalogue(dir: &Path, counts: &[u64]) -> anyhow::Result<PathBuf> {
    let path = dir.join("clusters.csv");
    let mut writer = csv::Writer::from_writer(tempfile::NamedTempFile::new_in(dir)?);
    writer.write_record(["cluster", "name", "description", "n_events"])?;
    for (id, count) in (0_u32..).zip(counts) {
        writer.write_record([&id.to_string(), &name(id), &format!("things about {}", name(id)), &count.to_string()])?;
    }
    let file = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    persist(file, &path)?;
    Ok(path)
}

/// What made-up clusters are about: two words of their own and their number.
const TOPICS: [&str; 16] = [
    "garden", "kitchen", "music", "travel", "chess", "cycling", "baking", "stars", "rivers", "paper", "wool", "lamps",
    "trains", "birds", "maps", "clocks",
];

fn words(id: u32) -> Vec<String> {
    let topics = TOPICS.len() as u32;
    let topic = |at: u32| TOPICS[(at % topics) as usize].to_owned();
    vec![topic(id), topic(id / topics + 5), format!("topic {id}")]
}

fn name(id: u32) -> String {
    words(id).join(", ")
}

/// The catalogue as the service knows it.
///
/// # Errors
/// Never for settings that passed [`GenerateSettings::check`].
pub fn catalogue(settings: &GenerateSettings) -> anyhow::Result<Catalogue> {
    Ok(Catalogue::new(settings.catalogue())?)
}
