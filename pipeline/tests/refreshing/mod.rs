//! A place to refresh in: a made-up log that arrives month by month, and what the refreshes made of it.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use segue::snapshot::manifest::Version;
use serde_json::Value;
use tempfile::TempDir;

use crate::{model, support};

/// Partitions that the log arrives in.
pub(crate) const MONTHS: usize = 3;

/// Everything but what a test adds.
const CONFIG: &str = "[refresh]\nstate = \"state\"\n[input]\nevents = [\"events\"]\ncatalogue = \"clusters.csv\"\n\
    [privacy]\nusers_min = 2\n[quality]\nholdout_days = 20\n\
    [publish]\nto = \"store\"\n";

/// A log so small, and a model that learned nothing, would not pass as they are.
const GATES: &str = "[gates]\nrequests = 20\ncoverage = 0.1\npopularity = 0.9\nprevious = 0.9\n";

/// Files by name.
pub(crate) type Files = BTreeMap<PathBuf, Vec<u8>>;

/// A directory with a log, its partitions, a configuration, and what refreshes left.
pub(crate) struct Site {
    dir: TempDir,
    config: String,
}

impl Site {
    /// 2,000 events of 150 users and 12 clusters; none has arrived.
    pub(crate) fn new() -> Self {
        let site = Self { dir: TempDir::new().unwrap(), config: CONFIG.to_owned() };
        let line = "generate --events-count 2000 --users 150 --clusters 12 --months 3 --format csv --out .";
        support::json(site.dir.path(), line);
        fs::create_dir(site.path("events")).unwrap();
        let mut rows = support::rows(site.dir.path());
        rows.sort_by_key(|row| row[1].parse::<u64>().unwrap());
        for (month, rows) in rows.chunks(rows.len().div_ceil(MONTHS)).enumerate() {
            let text: String = rows.iter().map(|row| row.join(",") + "\n").collect();
            support::write(site.dir.path(), &format!("month-{month}.csv"), &format!("user,ts,item,cluster\n{text}"));
        }
        site.configure("");
        site
    }

    /// The same with a tiny model of the catalogue, of a weight that needs no choice.
    pub(crate) fn with_model() -> Self {
        let mut site = Self::new();
        let columns = segue_pipeline::clusters::CatalogueColumns {
            id: "cluster".to_owned(),
            name: "name".to_owned(),
            keywords: None,
            parent: None,
        };
        let catalogue = segue_pipeline::clusters::read_catalogue(&site.path("clusters.csv"), &columns).unwrap();
        let mut text = Vec::new();
        catalogue.write_jsonl(&mut text).unwrap();
        model::publish(site.dir.path(), &Version::of_digest(&blake3::hash(&text)), catalogue.len() as u32, 7);
        site.config.push_str("[model]\ndir = \"models\"\nweight = 0.5\npart_rows = 64\n");
        site.configure("");
        site
    }

    /// Writes the configuration with more gates, and perhaps more sections.
    pub(crate) fn configure(&self, gates: &str) {
        support::write(self.dir.path(), "refresh.toml", &format!("{}{GATES}{gates}", self.config));
    }

    /// A month arrives.
    pub(crate) fn arrive(&self, month: usize) -> &Self {
        let name = format!("month-{month}.csv");
        fs::copy(self.path(&name), self.path("events").join(&name)).unwrap();
        self
    }

    /// How many events a month has.
    pub(crate) fn rows(&self, month: usize) -> usize {
        fs::read_to_string(self.path(&format!("month-{month}.csv"))).unwrap().lines().count() - 1
    }

    /// Refreshes, which must exit with `code`, and gives the report.
    pub(crate) fn refresh(&self, flags: &str, code: i32) -> Value {
        let output = support::run(self.dir.path(), &format!("refresh --config refresh.toml --json {flags}"));
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{told}{}", String::from_utf8_lossy(&output.stdout));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Everything, by path.
    pub(crate) fn files(&self) -> Files {
        files(self.dir.path())
    }

    /// Everything under the store's releases.
    pub(crate) fn releases(&self) -> Files {
        let root = self.path("store/releases");
        files(&root).into_iter().map(|(path, bytes)| (path.strip_prefix(&root).unwrap().to_owned(), bytes)).collect()
    }

    /// The table of the release that serves.
    pub(crate) fn table(&self) -> Vec<u8> {
        let store = segue::snapshot::store::Store::open(self.path("store"));
        fs::read(store.release_path(&store.state().unwrap().current.unwrap()).join("table.segue")).unwrap()
    }
}

fn files(dir: &Path) -> Files {
    let mut found = Files::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.append(&mut files(&path))
        } else {
            drop(found.insert(path.clone(), fs::read(path).unwrap()))
        }
    }
    found
}
