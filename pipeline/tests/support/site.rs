//! All that `infer` needs, in a directory of its own. It computes nothing itself.

#![allow(dead_code, reason = "each test program uses its own part")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use segue::snapshot::release::Release;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{json, release_path};

#[path = "../../../tests/support/model.rs"]
#[allow(dead_code, reason = "each test program uses its own part")]
mod model;

/// A log, a release of its counts, and a tiny model of the same catalogue.
pub(crate) struct Site {
    pub(crate) dir: TempDir,
    pub(crate) release: PathBuf,
    pub(crate) model: PathBuf,
}

impl Site {
    /// Histories of up to 2 of 12 clusters, in parts of 64: 64, 64 and 29.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        json(dir.path(), "generate --events-count 500 --users 40 --clusters 12 --months 4 --format csv --out .");
        Self::of(dir)
    }

    pub(crate) fn of(dir: TempDir) -> Self {
        json(dir.path(), "build --events events.csv --catalogue clusters.csv --out counts");
        let release = release_path(&dir.path().join("counts"));
        let manifest = Release::open(&release).unwrap().manifest().clone();
        let model = model::publish(dir.path(), &manifest.catalogue, manifest.table.clusters, 7).path;
        Self { dir, release, model }
    }

    pub(crate) fn line(&self, flags: &str) -> String {
        format!("infer --part-rows 64 --model {} --release {} {flags}", self.model.display(), self.release.display())
    }

    pub(crate) fn infer(&self, flags: &str) -> Value {
        json(self.dir.path(), &self.line(flags))
    }

    /// Every file of an output, by name.
    pub(crate) fn files(&self, out: &str) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.path(out)).unwrap().map(Result::unwrap);
        entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}
