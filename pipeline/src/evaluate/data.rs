//! From files to a log in memory, and what reading them added up to.
//!
//! Users are numbered by their hash: the order of the files decides nothing but that of equal times.

use anyhow::{Context, ensure};
use segue::snapshot::catalogue::Catalogue;

use super::EvaluateSettings;
use crate::build::log::first_refusal;
use crate::clusters::read_catalogue;
use crate::event::Event;
use crate::examples::Log;
use crate::progress::Progress;
use crate::scan::{Scan, Ties, Visitor};
use crate::source;
use crate::summary::InputFigures;
use crate::train::data::catalogue_file;

/// Everything that was read.
#[derive(Debug)]
pub struct Data {
    /// The clusters.
    pub catalogue: Catalogue,
    /// The events.
    pub log: Log,
    /// How many users there are.
    pub users: u64,
    /// What reading added up to.
    pub input: InputFigures,
}

impl Data {
    /// Reads everything.
    ///
    /// # Errors
    /// When a file cannot be read, when nothing can be used, or at the first refused row when strict.
    pub fn read(settings: &EvaluateSettings) -> anyhow::Result<Self> {
        let catalogue = read_catalogue(&catalogue_file(&settings.catalogue), &settings.catalogue_columns)?;
        let clusters = u32::try_from(catalogue.len()).context("the catalogue has more clusters than ids")?;
        let spills = tempfile::tempdir().context("cannot make a temporary directory for what memory does not hold")?;
        let progress = Progress::reading_bytes(source::bytes(&settings.log)?);
        let scan = Scan {
            log: &settings.log,
            catalogue: &catalogue,
            policy: settings.policy,
            ties: Ties::AsRead,
            memory_bytes: settings.memory_bytes,
            spill_dir: spills.path(),
            threads: 0,
            progress: &progress,
        };
        let scanned = scan.run(Gather::default)?;
        progress.finish();
        let (tally, refusals) = (&scanned.tally, &scanned.refusals);
        let input = InputFigures { spills: scanned.spills, ..InputFigures::new(tally.rows, tally.events, refusals) };
        ensure!(tally.events > 0, "no event could be read{}", first_refusal(&input));
        let (log, users) = log(scanned.visitors, clusters);
        Ok(Self { catalogue, log, users, input })
    }
}

/// Keeps the events of the users that it sees.
#[derive(Debug, Default)]
struct Gather {
    users: Vec<(u64, Vec<Event>)>,
}

impl Visitor for Gather {
    fn user(&mut self, user: u64, events: &[Event]) {
        self.users.push((user, events.to_vec()));
    }
}

fn log(gathered: Vec<Gather>, clusters: u32) -> (Log, u64) {
    let mut users: Vec<_> = gathered.into_iter().flat_map(|gather| gather.users).collect();
    users.sort_by_key(|(hash, _)| *hash);
    let numbered = (0..).zip(&users);
    let events = numbered.flat_map(|(user, (_, events))| events.iter().map(move |event| Event { user, ..*event }));
    (Log { events: events.collect(), clusters }, users.len() as u64)
}
