//! Publishes rows of candidates as a release, and moves the store's pointer where asked.

use std::path::PathBuf;

use anyhow::Context;
use segue::snapshot::catalogue::Catalogue;
use segue::snapshot::format::Shape;
use segue::snapshot::manifest::{InputFile, Version};
use segue::snapshot::publish::{About, Published, ReleaseWriter, WriteShape};
use segue::snapshot::store::Store;

use crate::build::{Pointer, ReleaseSettings};
use crate::clusters::read_catalogue;
use crate::provenance::input_files;
use crate::summary::ReleaseFigures;

/// The most that writing a release needs in its buffers.
const RELEASE_BUFFER_BYTES_MAX: usize = 16 << 20;

/// A release being made, the same whatever it is made from.
pub(super) struct Output<'a> {
    pub(super) settings: &'a ReleaseSettings,
    pub(super) catalogue: Catalogue,
    pub(super) inputs: Vec<InputFile>,
}

impl<'a> Output<'a> {
    /// Reads the catalogue and digests the input files; refuses a shape that no table can have before anything is read.
    pub(super) fn prepare(
        settings: &'a ReleaseSettings,
        inputs: impl FnOnce() -> anyhow::Result<Vec<InputFile>>,
    ) -> anyhow::Result<Self> {
        let catalogue = read_catalogue(&settings.catalogue, &settings.catalogue_columns)?;
        let clusters = u32::try_from(catalogue.len()).context("the catalogue has more clusters than ids")?;
        Shape { clusters, depth: settings.depth, width: settings.width }.checked()?;
        std::fs::create_dir_all(&settings.out).with_context(|| format!("cannot make {}", settings.out.display()))?;
        let mut inputs = inputs()?;
        inputs.extend(input_files([settings.catalogue.as_path()])?);
        Ok(Self { settings, catalogue, inputs })
    }

    /// How many clusters there are.
    pub(super) fn clusters(&self) -> u32 {
        // Checked when the output was prepared.
        self.catalogue.len() as u32
    }

    /// Begins the release.
    pub(super) fn writer(&self) -> anyhow::Result<ReleaseWriter> {
        let shape = WriteShape { depth: self.settings.depth, width: self.settings.width };
        let buffer_bytes = self.settings.memory_bytes.min(RELEASE_BUFFER_BYTES_MAX);
        Ok(ReleaseWriter::create(&self.settings.out, self.catalogue.clone(), shape, buffer_bytes)?)
    }

    /// What the release says of itself, as far as the flags say it.
    pub(super) fn about(&self) -> anyhow::Result<About> {
        let version = |name: &Option<String>| name.as_deref().map(str::parse::<Version>).transpose();
        let mut about = About { created_unix_s: self.settings.created_unix_s, ..About::default() };
        about.version = version(&self.settings.version).context("--version")?;
        about.model = self.settings.model.as_deref().map(|model| self.model(model)).transpose()?;
        about.provenance.tool = crate::provenance::TOOL.to_owned();
        about.provenance.inputs = self.inputs.clone();
        about.provenance.citation = self.settings.citation.clone();
        Ok(about)
    }

    /// The name of the catalogue, as every release of it says.
    pub(super) fn catalogue_version(&self) -> anyhow::Result<Version> {
        let mut text = Vec::new();
        self.catalogue.write_jsonl(&mut text)?;
        Ok(Version::of_digest(&blake3::hash(&text)))
    }

    /// Moves the pointer where asked and says what was published.
    pub(super) fn finish(
        &self,
        published: Published,
        candidates_file: Option<PathBuf>,
    ) -> anyhow::Result<ReleaseFigures> {
        if self.settings.pointer == Pointer::Move {
            Store::open(&self.settings.out).activate(&published.manifest.version)?;
        }
        Ok(ReleaseFigures {
            version: published.manifest.version.to_string(),
            path: published.path,
            bytes: published.bytes,
            histories: published.manifest.table.levels,
            active: self.settings.pointer == Pointer::Move,
            candidates_file,
        })
    }
}
