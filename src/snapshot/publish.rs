//! Writes a release: table, catalogue, golden questions, and the manifest last.
//!
//! Everything is written and synced in a hidden directory that then gets its name in one rename. A reader sees a
//! complete release or none; a writer that dies leaves only the hidden directory behind.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::catalogue::Catalogue;
use super::failpoint::{Moment, reached};
use super::format::{FormatError, Header, LEVELS_MAX, Shape};
use super::golden::{self, Golden, GoldenCandidate, Sample};
use super::manifest::{
    CATALOGUE, FILES, FORMAT, GOLDEN, MANIFEST, Manifest, Provenance, ReleaseFile, TABLE, TableFigures, Version,
};
use super::release::{digest_file, read_manifest};
use super::store::{Store, sync_dir};
use super::table::Score;
use super::write::{TableWriter, WriteError};
use crate::answer::Source;

/// Prefix of the hidden directories; no version name starts with a dot.
pub const PARTIAL: &str = ".partial-";

/// How long a hidden directory lies unwritten before it counts as left behind: a writer at work writes far more often,
/// even one that waits on a slow network.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Depth and width of a table; its clusters are the catalogue's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteShape {
    /// Clusters in the longest history, 1 to 3.
    pub depth: u8,
    /// Most candidates of one history, 1 to 64.
    pub width: u8,
}

/// What a release says of itself beside its content.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Its name; `None` derives one from all that the manifest says, so that only the same release gets the same name.
    pub version: Option<Version>,
    /// When it was made.
    pub created_unix_s: Option<u64>,
    /// The model that its candidates were computed with.
    pub model: Option<Version>,
    /// Where its content came from.
    pub provenance: Provenance,
    /// Figures of quality, by name.
    pub quality: BTreeMap<String, f64>,
    /// Expected shares of answers by source.
    pub expected_sources: BTreeMap<String, f64>,
}

/// A release that is published.
#[derive(Debug)]
pub struct Published {
    /// Its directory.
    pub path: PathBuf,
    /// What it is.
    pub manifest: Manifest,
    /// Bytes of all its files, the manifest's included.
    pub bytes: u64,
}

/// Why nothing was published. The store is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A row or the table was refused.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// More clusters than an index can name.
    #[error("the catalogue has {got} clusters, expected fewer than 2^32")]
    Clusters {
        /// Clusters in the catalogue.
        got: usize,
    },
    /// A release of that name holds something else.
    #[error("release {version} exists with other content; releases never change, choose another version")]
    Exists {
        /// The name taken.
        version: Version,
    },
    /// The disk refused.
    #[error("the release could not be written: {0}; nothing was published")]
    Io(#[from] io::Error),
}

/// A release being written.
#[derive(Debug)]
pub struct ReleaseWriter {
    store: Store,
    partial: TempDir,
    catalogue: Catalogue,
    table: TableWriter,
    /// By length of history, so that every level is asked.
    golden: [Sample; LEVELS_MAX],
}

impl ReleaseWriter {
    /// Starts a release in the store `dir`, which is made if need be. Memory is bounded by `buffer_bytes`, the
    /// catalogue and a row.
    pub fn create(
        dir: &Path,
        catalogue: Catalogue,
        shape: WriteShape,
        buffer_bytes: usize,
    ) -> Result<Self, PublishError> {
        let store = Store::open(dir);
        let partial = start(&store)?;
        reached(Moment::PartialMade);
        let clusters = u32::try_from(catalogue.len()).map_err(|_| PublishError::Clusters { got: catalogue.len() })?;
        let shape = Shape { clusters, depth: shape.depth, width: shape.width };
        let table = TableWriter::create(&partial.path().join(TABLE), shape, buffer_bytes)?;
        Ok(Self { store, partial, catalogue, table, golden: Default::default() })
    }

    /// Adds the candidates of a history: cluster indexes with scores, best first; see [`TableWriter::push`].
    pub fn push(&mut self, history: &[u32], candidates: &[(u32, f32)]) -> Result<(), PublishError> {
        self.table.push(history, candidates)?;
        // A history that names a cluster twice is never asked for: the request drops repeats.
        if distinct(history) {
            let catalogue = &self.catalogue;
            self.golden[history.len()].offer(|| question(catalogue, history, candidates));
        }
        Ok(())
    }

    /// Completes the release and gives it its name. Publishing the same content under the same name again is fine.
    pub fn finish(self, about: About) -> Result<Published, PublishError> {
        let Self { store, partial, catalogue, table, golden } = self;
        let questions: Vec<_> = golden.into_iter().flat_map(Sample::questions).collect();
        let header = table.finish()?;
        reached(Moment::TableWritten);
        write_synced(&partial.path().join(CATALOGUE), |file| catalogue.write_jsonl(file))?;
        reached(Moment::CatalogueWritten);
        write_synced(&partial.path().join(GOLDEN), |file| golden::write_jsonl(&questions, file))?;
        reached(Moment::GoldenWritten);
        let manifest = describe(partial.path(), &header, about)?;
        write_synced(&partial.path().join(MANIFEST), |mut file| io::Write::write_all(&mut file, &manifest.to_json()))?;
        reached(Moment::ManifestWritten);
        publish(&store, partial, manifest)
    }
}

/// Makes a hidden directory to write a release in, and the store around it if need be; clears away what writers that
/// died long ago left.
pub fn start(store: &Store) -> io::Result<TempDir> {
    start_in(&store.releases_dir())
}

/// The same in any directory that things are published in.
pub fn start_in(dir: &Path) -> io::Result<TempDir> {
    fs::create_dir_all(dir)?;
    let entries = fs::read_dir(dir)?.filter_map(Result::ok);
    let partial = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(PARTIAL);
    for left in entries.filter(partial).filter(|entry| abandoned(&entry.path())) {
        // What cannot be removed costs only space: it is no reason not to publish.
        let _ = fs::remove_dir_all(left.path());
    }
    tempfile::Builder::new().prefix(PARTIAL).tempdir_in(dir)
}

/// Whether nothing in a directory, nor itself, was written within [`ABANDONED_AFTER`].
fn abandoned(dir: &Path) -> bool {
    let files = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let old = |path: &Path| {
        let written = fs::metadata(path).and_then(|found| found.modified());
        written.is_ok_and(|written| written.elapsed().is_ok_and(|age| age > ABANDONED_AFTER))
    };
    old(dir) && files.into_iter().all(|file| old(&file))
}

/// Gives a complete, synced, hidden directory the name that its manifest says. Its manifest must be `manifest`.
pub fn publish(store: &Store, partial: TempDir, manifest: Manifest) -> Result<Published, PublishError> {
    let path = store.release_path(&manifest.version);
    let bytes = manifest.bytes() + manifest.to_json().len() as u64;
    let is_same = |path: &Path| read_manifest(path).is_ok_and(|present| present == manifest);
    match give_name(partial, &path, is_same) {
        Ok(()) => Ok(Published { path, manifest, bytes }),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(PublishError::Exists { version: manifest.version })
        }
        Err(error) => Err(error.into()),
    }
}

/// Renames a complete, synced, hidden directory to its place in a store, durably. Where `is_same` says that what is
/// there already is the same, that is fine; an error of kind `AlreadyExists` says that it is something else.
pub fn give_name(partial: TempDir, place: &Path, is_same: impl FnOnce(&Path) -> bool) -> io::Result<()> {
    // Whatever came of it, what is left of the hidden directory goes: after the rename that is nothing.
    rename_durably(partial.path(), place, is_same)
}

/// As [`give_name`], but a hidden directory that did not get the name stays.
pub fn rename_durably(partial: &Path, place: &Path, is_same: impl FnOnce(&Path) -> bool) -> io::Result<()> {
    sync_dir(partial)?;
    reached(Moment::PartialSynced);
    match fs::rename(partial, place) {
        Ok(()) => {}
        Err(_) if is_same(place) => {}
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Err(error) => return Err(error),
    }
    reached(Moment::Named);
    // The home of its kind, and the store.
    place.ancestors().skip(1).take(2).try_for_each(sync_dir)
}

/// The manifest of what was written; its names follow from the content, and so does its own where none is given.
fn describe(dir: &Path, header: &Header, about: About) -> Result<Manifest, PublishError> {
    let mut digests = Vec::new();
    for name in FILES {
        digests.push((name, digest_file(&dir.join(name))?));
    }
    let digest = |wanted: &str| digests.iter().find(|(name, _)| *name == wanted).map(|(_, (_, digest))| *digest);
    let name_of = |file: &str| Version::of_digest(&digest(file).expect("every file of FILES was digested"));
    let (snapshot, catalogue) = (name_of(TABLE), name_of(CATALOGUE));
    let file = |(name, (bytes, digest)): &(&str, (u64, blake3::Hash))| ReleaseFile {
        name: (*name).to_owned(),
        bytes: *bytes,
        blake3: digest.to_hex().to_string(),
    };
    let unnamed = Manifest {
        format: FORMAT.to_owned(),
        version: Version::of_digest(&blake3::Hasher::new().finalize()),
        snapshot,
        model: about.model,
        catalogue,
        created_unix_s: about.created_unix_s,
        table: TableFigures::of(header.shape, |length| header.levels[length].present),
        files: digests.iter().map(file).collect(),
        provenance: about.provenance,
        quality: about.quality,
        expected_sources: about.expected_sources,
    };
    let version = about.version.unwrap_or_else(|| content_name(&unnamed));
    Ok(Manifest { version, ..unnamed })
}

/// A name that changes exactly when anything else in the manifest does: the digest of a file, or what is said of it.
/// `unnamed` has the same stand-in for a name in every release.
fn content_name(unnamed: &Manifest) -> Version {
    Version::of_digest(&blake3::hash(&unnamed.to_json()))
}

/// Writes a new file; it is on disk when this returns.
pub(crate) fn write_synced(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let mut file = BufWriter::new(File::create_new(path)?);
    write(&mut file)?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

fn question(catalogue: &Catalogue, history: &[u32], candidates: &[(u32, f32)]) -> Golden {
    let id = |index: u32| catalogue.id_at(index).expect("the table took this row, so its indexes are the catalogue's");
    let expected =
        candidates.iter().filter_map(|&(index, score)| Some(GoldenCandidate::new(id(index), Score::nearest(score)?)));
    Golden {
        history: history.iter().map(|&index| id(index)).collect(),
        limit: candidates.len(),
        candidates: expected.collect(),
        source: if history.is_empty() { Source::Popular } else { Source::Table },
    }
}

fn distinct(history: &[u32]) -> bool {
    (1..history.len()).all(|position| !history[..position].contains(&history[position]))
}

impl From<FormatError> for PublishError {
    fn from(error: FormatError) -> Self {
        Self::Write(error.into())
    }
}
