//! Releases large enough to be compared: forty clusters, two deep, every history present unless a test says otherwise.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use segue::config::Config;
use segue::metrics::Metrics;
use segue::snapshot::catalogue::{Catalogue, Cluster};
use segue::snapshot::gate::{Gates, Occasion, Verdict};
use segue::snapshot::manifest::{DataWindow, GOLDEN, MANIFEST, Manifest, Provenance};
use segue::snapshot::publish::{About, ReleaseWriter, WriteShape};
use segue::snapshot::release::{Release, ReleaseError, digest_file};
use segue::snapshot::store::Store;
use tempfile::TempDir;

use crate::support::release::version;

/// How a release is made.
#[derive(Clone)]
pub(crate) struct Plan {
    /// The ids of its clusters.
    pub(crate) clusters: Vec<u32>,
    /// What the names of its clusters begin with.
    pub(crate) named: &'static str,
    /// Of histories of two clusters, one in so many is present.
    pub(crate) stride: usize,
    pub(crate) width: u8,
    /// When its data ends, in seconds since 1970.
    pub(crate) data_end_unix_s: Option<u64>,
    /// The share of answers that it expects from its table.
    pub(crate) table_share: Option<f64>,
    pub(crate) hit_5: f64,
    /// By how much the first candidate is shifted.
    pub(crate) shift: u32,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            clusters: (100..140).collect(),
            named: "cluster",
            stride: 1,
            width: 8,
            data_end_unix_s: Some(1_700_000_000),
            table_share: Some(0.9),
            hit_5: 0.3,
            shift: 1,
        }
    }
}

/// A store with releases of plans.
pub(crate) struct Made {
    pub(crate) dir: TempDir,
    pub(crate) store: Store,
}

impl Made {
    /// A store with a sound release, `current`, and another, `next`.
    pub(crate) fn new(next: &Plan) -> Self {
        let dir = TempDir::new().unwrap();
        let made = Self { store: Store::open(dir.path()), dir };
        made.publish("current", &Plan::default());
        made.publish("next", next);
        made
    }

    /// Loads and judges `next` beside `current`, as the service does.
    pub(crate) fn judge(&self, gates: &Gates, occasion: Occasion) -> Result<Vec<Verdict>, ReleaseError> {
        let next = Release::open(&self.store.release_path(&version("next")))?;
        gates.verify(&next)?;
        next.warm()?;
        // What serves is only compared with: it was verified when it was loaded.
        let current = Release::open(&self.store.release_path(&version("current")))?;
        gates.check(&next, Some(&current), occasion)
    }

    /// Rewrites the golden questions of `next`, and lists them as they are then.
    pub(crate) fn edit_golden(&self, edit: impl FnOnce(String) -> String) {
        let dir = self.store.release_path(&version("next"));
        let text = fs::read_to_string(dir.join(GOLDEN)).unwrap();
        fs::write(dir.join(GOLDEN), edit(text)).unwrap();
        let (bytes, digest) = digest_file(&dir.join(GOLDEN)).unwrap();
        edit_manifest(&dir, |manifest| {
            let listed = manifest.files.iter_mut().find(|file| file.name == GOLDEN).unwrap();
            (listed.bytes, listed.blake3) = (bytes, digest.to_hex().to_string());
        });
    }

    /// Publishes a release of a plan.
    pub(crate) fn publish(&self, name: &str, plan: &Plan) {
        let cluster =
            |&id: &u32| Cluster { id, name: format!("{} {id}", plan.named), keywords: Vec::new(), parent: None };
        let catalogue = Catalogue::new(plan.clusters.iter().map(cluster).collect()).unwrap();
        let shape = WriteShape { depth: 2, width: plan.width };
        let mut writer = ReleaseWriter::create(self.dir.path(), catalogue, shape, 1 << 16).unwrap();
        histories(plan).into_iter().for_each(|history| writer.push(&history, &candidates(plan, &history)).unwrap());
        let window = |end| DataWindow { from_unix_s: 0, to_unix_s: end };
        let provenance = Provenance { data_window: plan.data_end_unix_s.map(window), ..Provenance::default() };
        let about = About {
            version: Some(version(name)),
            provenance,
            quality: BTreeMap::from([("hit_5".to_owned(), plan.hit_5)]),
            expected_sources: plan.table_share.map(|share| ("table".to_owned(), share)).into_iter().collect(),
            ..About::default()
        };
        writer.finish(about).unwrap();
    }
}

/// Gates of the defaults, changed.
pub(crate) fn gates(change: impl FnOnce(&mut segue::config::Gates)) -> (Gates, Metrics) {
    let mut config = Config::defaults(Path::new("store"));
    change(&mut config.gates);
    let metrics = Metrics::new();
    (Gates::new(&config, &metrics), metrics)
}

/// How often a gate refused.
pub(crate) fn refusals(metrics: &Metrics, gate: &str) -> u64 {
    let name = format!("segue_gate_refusals_total{{gate=\"{gate}\"}} ");
    let text = metrics.render();
    text.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
}

/// Changes what a release's manifest says.
pub(crate) fn edit_manifest(dir: &Path, edit: impl FnOnce(&mut Manifest)) {
    let mut manifest = Manifest::from_json(&fs::read(dir.join(MANIFEST)).unwrap()).unwrap();
    edit(&mut manifest);
    fs::write(dir.join(MANIFEST), manifest.to_json()).unwrap();
}

fn histories(plan: &Plan) -> Vec<Vec<u32>> {
    let clusters = 0..plan.clusters.len() as u32;
    let pairs = clusters.clone().flat_map(|first| (0..plan.clusters.len() as u32).map(move |last| vec![first, last]));
    let singles = clusters.map(|only| vec![only]);
    [vec![]].into_iter().chain(singles).chain(pairs.step_by(plan.stride)).collect()
}

fn candidates(plan: &Plan, history: &[u32]) -> Vec<(u32, f32)> {
    let (clusters, last) = (plan.clusters.len() as u32, history.last().copied().unwrap_or(0));
    let candidate = |rank: u32| ((last + plan.shift + rank) % clusters, 1.0 - f32::from(rank as u8) / 100.0);
    (0..u32::from(plan.width)).map(candidate).collect()
}
