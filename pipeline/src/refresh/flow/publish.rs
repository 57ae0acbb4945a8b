//! The last stage: model, release, channel and the store's own pointer, in this order, so that whoever reads a pointer finds all
//! that it leads to.

use segue::snapshot::manifest::Version;
use segue::snapshot::parcel::Address;
use segue::snapshot::store::Store;

use super::Flow;
use crate::progress::Progress;
use crate::refresh::failpoint::{Moment, reached};
use crate::refresh::stage::{Stage, Work};
use segue::depot::{Channel, Depot, DepotError, Pointed, Put};

impl Flow<'_> {
    /// Puts everything where services look. Doing it again changes nothing.
    pub(super) fn publish(&self, release: &Version) -> anyhow::Result<()> {
        self.run.stage(Stage::Publish, |_| {
            let puts = self.put(release)?;
            self.point(release)?;
            let new = puts.iter().filter(|put| put.new).map(|put| put.bytes).sum::<u64>();
            let note = format!("{new} new bytes, channel {}", self.settings.publish.channel);
            Ok(Work { rows_in: puts.len() as u64, rows_out: puts.len() as u64, note })
        })
    }

    fn put(&self, release: &Version) -> Result<Vec<Put>, DepotError> {
        let model = self.plan.model.as_ref();
        let model = model.map(|model| (Address::model(model.manifest.version.clone()), model.dir.clone()));
        let made = Store::open(self.run.path(Stage::Release)).release_path(release);
        let parcels = model.into_iter().chain([(Address::release(release.clone()), made)]);
        parcels
            .map(|(address, dir)| {
                let progress = Progress::reading_bytes(bytes(&dir));
                let put = self.depot.put(&address, &dir, &|bytes| progress.advance(bytes));
                progress.finish();
                put
            })
            .collect()
    }

    fn point(&self, release: &Version) -> Result<(), DepotError> {
        let (name, activate) = (&self.settings.publish.channel, self.settings.publish.activate);
        let made = Store::open(self.run.path(Stage::Release)).release_path(release);
        let now = self.depot.channel(name)?;
        if now.release() != Some(release) {
            let previous = self.run.begun.previous.clone();
            self.check_unmoved(&now)?;
            self.depot.point(name, &now, &Channel::at(release, &made, previous)?)?;
        }
        reached(Moment::ChannelMoved);
        if let (Depot::Directory(directory), true) = (&self.depot, activate) {
            directory.store().activate(release)?;
            reached(Moment::Activated);
        }
        Ok(())
    }

    /// The channel must still name what the new release was compared with.
    fn check_unmoved(&self, now: &Pointed) -> Result<(), DepotError> {
        let expected = self.run.begun.previous.clone();
        match now.release() {
            got if got.is_none() || got == expected.as_ref() => Ok(()),
            got => {
                let channel = self.settings.publish.channel.clone();
                Err(DepotError::Moved { channel, expected, got: got.cloned() })
            }
        }
    }
}

/// Bytes of the files in a directory, for a bar.
fn bytes(dir: &std::path::Path) -> u64 {
    let files = std::fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    files.filter_map(|file| file.metadata().ok()).map(|about| about.len()).sum()
}
