//! Writes a directory of counts: its tables, then its manifest, all on the disk before it has a name.
//!
//! It must never show half a directory.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use rayon::prelude::*;
use segue::snapshot::store::sync_dir;

use crate::kept::Request;
use crate::kept::Written;
use crate::kept::columns::{CountsColumns, Ids, RequestColumns, SupportColumns, TailColumns};
use crate::kept::format::{COUNTS, CountsManifest, MANIFEST, REQUESTS, SUPPORT, TAILS};
use crate::kept::gram::{Gram, History, Sums};
use crate::kept::table::Table;
use crate::kept::visit::{Count, CountedUsers};
use crate::kept::walk::{Standing, Walked};
use crate::sort::{Merge, SortError, Sorted};

/// The only file of each table: one writer writes it.
const FILE: &str = "part-000000.parquet";

/// The visitors' rows, each sorted by its own thread, as one stream.
type Streams<R> = Merge<R, Sorted<R>>;

/// Everything that a run counted, in order.
#[derive(Debug)]
pub struct Content {
    grams: Streams<Gram>,
    /// Where the users now stand.
    pub standings: Streams<Standing>,
    requests: Streams<Request>,
    tails: BTreeMap<History, i64>,
    /// What walking added up to.
    pub walked: Walked,
}

impl Content {
    /// Brings the visitors' counts together.
    ///
    /// # Errors
    /// When rows could not be spilled or read back.
    pub fn of(visitors: Vec<Count<'_>>) -> Result<Self, SortError> {
        let counted = visitors.into_par_iter().map(Count::finish).collect::<Result<Vec<_>, _>>()?;
        let (mut grams, mut standings, mut requests) = (Vec::new(), Vec::new(), Vec::new());
        let (mut tails, mut walked) = (BTreeMap::new(), Walked::default());
        for users in counted {
            let CountedUsers { grams: theirs, standings: stand, requests: asked, tails: moved, walked: walk } = users;
            grams.push(theirs);
            standings.push(stand);
            requests.push(asked);
            moved.into_iter().for_each(|(history, users)| *tails.entry(history).or_default() += users);
            walked += walk;
        }
        tails.retain(|_, users| *users != 0);
        Ok(Self {
            grams: Merge::new(grams)?,
            standings: Merge::new(standings)?,
            requests: Merge::new(requests)?,
            tails,
            walked,
        })
    }
}

/// The writer of one directory.
#[derive(Debug)]
pub struct Part<'a> {
    /// The directory, which is made.
    pub dir: &'a Path,
    /// The ids of the catalogue.
    pub ids: &'a Ids,
}

impl Part<'_> {
    /// Writes the tables. The standings are left for the caller.
    ///
    /// # Errors
    /// When a file cannot be written or what was spilled cannot be read back.
    pub fn tables(&self, content: &mut Content, witness_max: u32) -> anyhow::Result<Written> {
        let (counts, support) = self.counts(&mut content.grams, Sums::new(witness_max))?;
        let mut tails = Table::create(&self.file(TAILS)?, TailColumns::new(self.ids.clone()))?;
        content.tails.iter().try_for_each(|(history, users)| tails.push(&(*history, *users)))?;
        let mut written = Written { counts, support, tails: tails.finish()?, ..Written::default() };
        let mut requests = content.requests.by_ref().peekable();
        if requests.peek().is_some() {
            let mut table = Table::create(&self.file(REQUESTS)?, RequestColumns::new(self.ids.clone()))?;
            requests.try_for_each(|request| table.push(&request?))?;
            written.requests = table.finish()?;
        }
        Ok(written)
    }

    /// Writes the manifest, which ends the directory.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn manifest(&self, manifest: &CountsManifest) -> anyhow::Result<()> {
        for table in [COUNTS, SUPPORT, TAILS, REQUESTS].map(|table| self.dir.join(table)) {
            if table.exists() {
                sync_dir(&table).with_context(|| refused(&table))?;
            }
        }
        let path = self.dir.join(MANIFEST);
        let mut text = serde_json::to_vec_pretty(manifest)?;
        text.push(b'\n');
        fs::write(&path, text).and_then(|()| fs::File::open(&path)?.sync_all()).with_context(|| refused(&path))?;
        sync_dir(self.dir).with_context(|| refused(self.dir))
    }

    fn counts(&self, grams: &mut Streams<Gram>, mut sums: Sums) -> anyhow::Result<(u64, u64)> {
        let mut counts = Table::create(&self.file(COUNTS)?, CountsColumns::new(self.ids.clone()))?;
        let mut support = Table::create(&self.file(SUPPORT)?, SupportColumns::new(self.ids.clone()))?;
        for gram in grams {
            if let Some(sum) = sums.push(gram?) {
                counts.push(&sum)?;
                support.push(&sum)?;
            }
        }
        if let Some(sum) = sums.finish() {
            counts.push(&sum)?;
            support.push(&sum)?;
        }
        Ok((counts.finish()?, support.finish()?))
    }

    fn file(&self, table: &str) -> anyhow::Result<std::path::PathBuf> {
        let dir = self.dir.join(table);
        fs::create_dir_all(&dir).with_context(|| refused(&dir))?;
        Ok(dir.join(FILE))
    }
}

/// Gives a directory that is complete its name.
///
/// # Errors
/// When the name is taken or the disk refuses.
pub fn name(partial: &Path, dir: &Path) -> anyhow::Result<()> {
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::rename(partial, dir).and_then(|()| sync_dir(parent)).with_context(|| refused(dir))
}

fn refused(path: &Path) -> String {
    format!("cannot write {}; check the directory and its free space", path.display())
}
