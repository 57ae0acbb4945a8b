//! A release, opened: its manifest, catalogue, table, golden questions and model, checked to belong together.
//!
//! The steps of a load stand here in order, [`Release::open`], [`Release::verify`], [`Release::warm`],
//! [`Release::check`]; who runs them, and what happens then, is [`reload`](super::reload)'s.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::catalogue::{Catalogue, CatalogueError};
use super::format::{FormatError, Shape};
use super::gate::{GateName, Verdict};
use super::golden::{self, Golden, GoldenError, GoldenMismatch};
use super::manifest::{
    CATALOGUE, GOLDEN, LevelFigures, MANIFEST, MANIFEST_BYTES_MAX, Manifest, ManifestError, ReleaseFile, TABLE,
    TableFigures, Version,
};
use super::map::{Mapping, Residence};
use super::pair::{Unpaired, check_pair};
use super::piece::pieces;
use super::signature::SignatureError;
use super::table::Table;
use super::verify::Damage;
use crate::answer::{LADDER, climb};
use crate::memo::Memo;
use crate::model::{Model, ModelError};

/// Why a release cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The directory or one of its files is not there.
    #[error("{} is missing; a release's directory needs {MANIFEST} and every file it lists", path.display())]
    Missing {
        /// What is not there.
        path: PathBuf,
    },
    /// The disk refused.
    #[error("{} cannot be read: {source}", path.display())]
    Io {
        /// What cannot be read.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The manifest is none.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The manifest is larger than one can be.
    #[error("the manifest has {got} bytes, expected at most {MANIFEST_BYTES_MAX}")]
    ManifestBytes {
        /// Its size.
        got: u64,
    },
    /// The catalogue is none.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The table is none.
    #[error(transparent)]
    Table(#[from] FormatError),
    /// The table is damaged.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// A file is not the one that the manifest lists.
    #[error("{name} has {bytes} bytes and digest {got}, the manifest says {expected}; fetch the release again")]
    Digest {
        /// The file's name.
        name: String,
        /// Its size.
        bytes: u64,
        /// The digest that the manifest says.
        expected: String,
        /// The digest of its bytes.
        got: String,
    },
    /// The directory is not named as its manifest says.
    #[error("the release in directory `{directory}` calls itself `{version}`; a release may not be renamed")]
    Renamed {
        /// The directory's name.
        directory: String,
        /// The manifest's.
        version: Version,
    },
    /// Table and manifest do not belong together.
    #[error("the table's figures are {got:?}, the manifest says {expected:?}; they do not belong together")]
    Figures {
        /// What the manifest says.
        expected: TableFigures,
        /// What the table's header says.
        got: TableFigures,
    },
    /// Table and catalogue do not belong together.
    #[error("the table is made for {table} clusters, the catalogue has {catalogue}; they do not belong together")]
    Clusters {
        /// Clusters in the table's shape.
        table: u32,
        /// Clusters in the catalogue.
        catalogue: usize,
    },
    /// A name in the manifest does not follow from the file that it names.
    #[error("the manifest calls {file} `{got}`, its digest there gives `{expected}`; they do not belong together")]
    Misnamed {
        /// The file.
        file: &'static str,
        /// What its digest gives.
        expected: Version,
        /// What the manifest says.
        got: Version,
    },
    /// The golden questions are none.
    #[error(transparent)]
    GoldenUnread(#[from] GoldenError),
    /// A golden question got another answer.
    #[error(transparent)]
    Golden(#[from] GoldenMismatch),
    /// The model that the release needs is not there.
    #[error(
        "the release needs model {model}, and {} holds none; push or copy the model there, or set `model.missing` to \
         \"serve\" to answer from the table alone",
        path.display()
    )]
    ModelMissing {
        /// The model that the manifest names.
        model: Version,
        /// Where it should be.
        path: PathBuf,
    },
    /// The model cannot answer.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The model was not made for this release.
    #[error(transparent)]
    Unpaired(#[from] Unpaired),
    /// There is no golden question, and the configuration demands some.
    #[error("the release has no golden questions, and `release.golden_required` is on; build it anew")]
    GoldenMissing,
    /// Its table cannot be kept in memory, which it must be.
    #[error(
        "the table's {bytes} bytes cannot be locked in memory ({source}), and `memory.lock` is \"required\"; raise the limit \
         on locked memory (`ulimit -l`, `LimitMEMLOCK`) above two tables, or grant CAP_IPC_LOCK"
    )]
    Unlocked {
        /// Bytes of the table.
        bytes: usize,
        /// What the system says.
        source: io::Error,
    },
    /// Its manifest is not signed by a key that is known.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// A gate refuses it.
    #[error("{0}")]
    Refused(Box<Verdict>),
}

/// A release in memory: everything that a reply is made from, always swapped as one.
#[derive(Debug)]
pub struct Release {
    path: PathBuf,
    manifest: Manifest,
    catalogue: Catalogue,
    table: Table<Mapping>,
    golden: Vec<Golden>,
    model: Option<Arc<Model>>,
    memo: OnceLock<Arc<Memo>>,
    /// Set once every byte was found to be the one listed.
    verified: OnceLock<()>,
}

impl ReleaseError {
    /// Its class, as a failure's reason spells it.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::Io { .. } => "io",
            Self::Manifest(_) | Self::ManifestBytes { .. } | Self::Renamed { .. } | Self::Misnamed { .. } => "manifest",
            Self::Catalogue(_) => "catalogue",
            Self::Table(_) => "table",
            Self::Damage(_) | Self::Digest { .. } => "checksum",
            Self::Figures { .. } | Self::Clusters { .. } => "incompatible",
            Self::GoldenUnread(_) | Self::Golden(_) | Self::GoldenMissing => "golden",
            Self::ModelMissing { .. } | Self::Model(_) | Self::Unpaired(_) => "model",
            Self::Unlocked { .. } => GateName::Memory.word(),
            Self::Signature(_) => GateName::Signature.word(),
            Self::Refused(verdict) => verdict.gate.word(),
        }
    }

    /// The gate that a failed load stands for: the one that refused, or that is about what is wrong. `None` where none is.
    pub fn gate(&self) -> Option<GateName> {
        match self {
            Self::Table(_) | Self::Damage(_) | Self::Digest { .. } | Self::Misnamed { .. } => Some(GateName::Integrity),
            Self::Manifest(ManifestError::Format { .. }) => Some(GateName::Format),
            Self::Figures { .. } | Self::Clusters { .. } | Self::Unpaired(_) => Some(GateName::Compatibility),
            Self::GoldenUnread(_) | Self::Golden(_) | Self::GoldenMissing => Some(GateName::Golden),
            Self::Unlocked { .. } => Some(GateName::Memory),
            Self::Signature(_) => Some(GateName::Signature),
            Self::Refused(verdict) => Some(verdict.gate),
            Self::Model(error) => error.gate(),
            _ => None,
        }
    }

    /// Whether it would help if something else left the memory.
    pub fn wants_room(&self) -> bool {
        matches!(self, Self::Refused(verdict) if verdict.gate == GateName::Memory)
    }

    /// Every label that [`ReleaseError::reason`] gives.
    pub const REASONS: [&str; 18] = [
        "missing",
        "io",
        "manifest",
        "catalogue",
        "table",
        "checksum",
        "incompatible",
        "golden",
        "model",
        "integrity",
        "signature",
        "format",
        "compatibility",
        "window",
        "coverage",
        "size",
        "memory",
        "quality",
    ];

    /// Those of them that no gate may stand for: the labels of `segue_release_load_failures_total{reason}`.
    pub const UNGATED_REASONS: [&str; 5] = ["missing", "io", "manifest", "catalogue", "model"];

    fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if source.kind() == io::ErrorKind::NotFound { Self::Missing { path } } else { Self::Io { path, source } }
    }
}

impl Release {
    /// Reads manifest, catalogue and golden questions, maps the table and checks that they belong together. The
    /// table's size does not matter: only its header is looked at.
    pub fn open(path: &Path) -> Result<Self, ReleaseError> {
        Self::open_resident(path, Residence::default())
    }

    /// The same, with its table to lie in memory as told.
    pub fn open_resident(path: &Path, residence: Residence) -> Result<Self, ReleaseError> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Self::open_as(path, &name, residence)
    }

    /// The same for a release of this name that lies in a directory which does not bear it yet.
    pub fn load_as(path: &Path, version: &Version) -> Result<Self, ReleaseError> {
        Self::open_named(path, version)?.checked()
    }

    /// Opens a release of this name, from a directory that does not bear it yet.
    pub(super) fn open_named(path: &Path, version: &Version) -> Result<Self, ReleaseError> {
        Self::open_as(path, version.as_str(), Residence::default())
    }

    fn open_as(path: &Path, name: &str, residence: Residence) -> Result<Self, ReleaseError> {
        let manifest = read_manifest(path)?;
        let catalogue = Catalogue::read_jsonl(open_file(&path.join(CATALOGUE))?)?;
        let golden = golden::read_jsonl(open_file(&path.join(GOLDEN))?)?;
        let mapped = path.join(TABLE);
        let table =
            Table::open(Mapping::open_resident(&mapped, residence).map_err(|error| ReleaseError::io(&mapped, error))?)?;
        let (path, model, memo, verified) = (path.to_owned(), None, OnceLock::new(), OnceLock::new());
        let release = Self { path, manifest, catalogue, table, golden, model, memo, verified };
        release.check_named(name)?;
        release.check_belongs()?;
        Ok(release)
    }

    /// Ends a release beside requests that go on: see [`Mapping::let_go`].
    pub fn let_go(self) {
        self.table.into_inner().let_go();
    }

    /// Checks every byte of every file: its digest in the manifest, and the table's own checksums.
    pub fn verify(&self) -> Result<(), ReleaseError> {
        for file in &self.manifest.files {
            self.verify_file(file)?;
        }
        self.table.verify()?;
        // A second look that finds the same changes nothing.
        let _ = self.verified.set(());
        Ok(())
    }

    /// Whether [`Release::verify`] found nothing wrong.
    pub fn is_verified(&self) -> bool {
        self.verified.get().is_some()
    }

    /// Brings the table's pages into memory, and reads every record once, which checks what a checksum cannot.
    pub fn warm(&self) -> Result<(), ReleaseError> {
        let bytes = self.table.bytes().len();
        if let Some(error) = self.table.inner().settle().map_err(|source| ReleaseError::Unlocked { bytes, source })? {
            tracing::warn!(release = %self.manifest.version, bytes, "the table cannot be locked in memory: {error}");
        }
        Ok(self.table.walk()?)
    }

    /// Asks every golden question.
    pub fn check(&self) -> Result<(), ReleaseError> {
        let wrong = |golden: &Golden| golden.check(&climb(self, &LADDER, &golden.ask())).err();
        self.golden.iter().find_map(wrong).map_or(Ok(()), |mismatch| Err(mismatch.into()))
    }

    /// Gives the release its model, from here on swapped with it: the one that the manifest names, made for the same
    /// catalogue; an error for any other.
    pub fn with_model(self, model: Arc<Model>) -> Result<Self, ReleaseError> {
        check_pair(&self.manifest, model.manifest(), model.config())?;
        Ok(Self { model: Some(model), ..self })
    }

    /// Opens and does every check of the release's own files: what must be done before it serves. Its model is
    /// another's to load.
    pub fn load(path: &Path) -> Result<Self, ReleaseError> {
        Self::open(path)?.checked()
    }

    /// Where the release was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the release is.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The clusters it knows.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Its table.
    #[inline]
    pub fn table(&self) -> &Table<impl AsRef<[u8]> + std::fmt::Debug + use<>> {
        &self.table
    }

    /// Its model, where it names one that is there.
    pub fn model(&self) -> Option<&Arc<Model>> {
        self.model.as_ref()
    }

    /// Its golden questions.
    pub fn golden(&self) -> &[Golden] {
        &self.golden
    }

    /// Where what its model answered is kept; it goes when the release does.
    pub fn memo(&self) -> &OnceLock<Arc<Memo>> {
        &self.memo
    }

    fn checked(self) -> Result<Self, ReleaseError> {
        self.verify()?;
        self.warm()?;
        self.check()?;
        Ok(self)
    }

    fn check_named(&self, name: &str) -> Result<(), ReleaseError> {
        let version = &self.manifest.version;
        if name == version.as_str() {
            return Ok(());
        }
        Err(ReleaseError::Renamed { directory: name.to_owned(), version: version.clone() })
    }

    fn check_belongs(&self) -> Result<(), ReleaseError> {
        let got = TableFigures::of(self.table.shape(), |length| self.table.present(length));
        if got != self.manifest.table {
            return Err(ReleaseError::Figures { expected: self.manifest.table.clone(), got });
        }
        let (table, catalogue) = (self.table.shape().clusters, self.catalogue.len());
        if table as usize == catalogue { Ok(()) } else { Err(ReleaseError::Clusters { table, catalogue }) }
    }

    fn verify_file(&self, file: &ReleaseFile) -> Result<(), ReleaseError> {
        let path = self.path.join(&file.name);
        // The table is digested as it is mapped, so that what is checked is what will be read.
        let (bytes, digest) = match file.name.as_str() {
            TABLE => digest_mapped(self.table.bytes()),
            _ => digest_file(&path).map_err(|error| ReleaseError::io(&path, error))?,
        };
        let got = digest.to_hex().to_string();
        if got != file.blake3 || bytes != file.bytes {
            return Err(ReleaseError::Digest { name: file.name.clone(), bytes, expected: file.blake3.clone(), got });
        }
        self.check_name(&file.name, Version::of_digest(&digest))
    }

    /// Snapshot and catalogue are named after their bytes, so that a reply cannot state a version that it is not from.
    fn check_name(&self, file: &str, expected: Version) -> Result<(), ReleaseError> {
        let (file, got) = match file {
            TABLE => (TABLE, &self.manifest.snapshot),
            CATALOGUE => (CATALOGUE, &self.manifest.catalogue),
            _ => return Ok(()),
        };
        if *got == expected { Ok(()) } else { Err(ReleaseError::Misnamed { file, expected, got: got.clone() }) }
    }
}

impl TableFigures {
    /// The figures of a table of a shape, whose levels hold `present` histories.
    pub fn of(shape: Shape, present: impl Fn(usize) -> u64) -> Self {
        let level = |length| LevelFigures { present: present(length), possible: shape.possible(length) };
        let Shape { clusters, depth, width } = shape;
        Self { clusters, depth, width, levels: shape.lengths().map(level).collect() }
    }
}

/// Reads the manifest in a release's directory.
pub fn read_manifest(path: &Path) -> Result<Manifest, ReleaseError> {
    let path = path.join(MANIFEST);
    let mut bytes = Vec::new();
    let read = open_file(&path)?.take(MANIFEST_BYTES_MAX + 1).read_to_end(&mut bytes);
    let got = read.map_err(|error| ReleaseError::io(&path, error))? as u64;
    if got > MANIFEST_BYTES_MAX {
        return Err(ReleaseError::ManifestBytes { got: fs::metadata(&path).map_or(got, |found| found.len()) });
    }
    Ok(Manifest::from_json(&bytes)?)
}

/// The size and BLAKE3 digest of bytes in memory.
pub(crate) fn digest_mapped(bytes: &[u8]) -> (u64, blake3::Hash) {
    let mut hasher = blake3::Hasher::new();
    for piece in pieces(bytes) {
        hasher.update(piece);
    }
    (hasher.count(), hasher.finalize())
}

/// The size and BLAKE3 digest of a file.
pub fn digest_file(path: &Path) -> io::Result<(u64, blake3::Hash)> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok((hasher.count(), hasher.finalize()))
}

fn open_file(path: &Path) -> Result<BufReader<File>, ReleaseError> {
    File::open(path).map(BufReader::new).map_err(|error| ReleaseError::io(path, error))
}
