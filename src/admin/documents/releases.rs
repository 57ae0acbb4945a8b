//! What the door says of the releases it knows: where each stands, since when and why; it must never hold more than a
//! manifest does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::snapshot::lifecycle::{Entry, Fetched, Reason, Standing, Step};
use crate::snapshot::manifest::{DataWindow, Manifest, Version};

/// `GET /admin/v1/releases`, and each event of `GET /admin/v1/watch`: all releases and pointers at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReleasesBody {
    /// Grows with every change; a larger one is later, until the service starts anew.
    pub sequence: u64,
    /// Every release known, ascending by name.
    pub releases: Vec<EntryBody>,
    /// Every model of the store, ascending by name.
    pub models: Vec<Version>,
    /// The one that serves.
    pub serving: Option<Version>,
    /// What the store points at.
    #[serde(flatten)]
    pub pointers: PointersBody,
    /// The one that was last rolled back from, which pulls leave alone.
    pub declined: Option<Version>,
}

/// Which release is what, as `state.json` holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointersBody {
    /// The one that should serve.
    pub current: Option<Version>,
    /// The one before it: where a rollback goes.
    pub previous: Option<Version>,
    /// The one that is loaded beside the current one.
    pub staged: Option<Version>,
    /// The one that the service is held at.
    pub pinned: Option<Version>,
}

/// `GET /admin/v1/releases/{version}`: a release and where it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryBody {
    /// Its name.
    pub version: Version,
    /// Where it stands, such as `current`; none where it lies in the store and was never looked at.
    pub standing: Option<Standing>,
    /// Since when, in seconds since 1970 UTC.
    pub since_unix_s: Option<u64>,
    /// What refused or barred it.
    pub reason: Option<ReasonBody>,
    /// How much of it has come, while it is fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetched: Option<Fetched>,
    /// Where it stood before and when, oldest first; the last ones only.
    pub steps: Vec<Step>,
    /// What its manifest says; none where that cannot be read.
    pub facts: Option<FactsBody>,
}

/// Why a release stands where it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonBody {
    /// Its class, as in the metrics.
    pub class: String,
    /// What was expected, what came, and what to do.
    pub text: String,
}

/// What the manifest of a release says of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FactsBody {
    /// Its table.
    pub snapshot: Version,
    /// Its model, if it names one.
    pub model: Option<Version>,
    /// Its catalogue.
    pub catalogue: Version,
    /// When it was made, in seconds since 1970 UTC.
    pub created_unix_s: Option<u64>,
    /// The span of the interactions it was computed from.
    pub data_window: Option<DataWindow>,
    /// Histories in its table, of every length.
    pub histories: u64,
    /// Clusters in its catalogue.
    pub clusters: u32,
    /// Clusters in its longest history.
    pub depth: u8,
    /// Bytes of all its files.
    pub bytes: u64,
    /// Its figures of quality.
    pub quality: BTreeMap<String, f64>,
}

impl FactsBody {
    /// The essentials of a manifest.
    pub fn new(manifest: &Manifest) -> Self {
        Self {
            snapshot: manifest.snapshot.clone(),
            model: manifest.model.clone(),
            catalogue: manifest.catalogue.clone(),
            created_unix_s: manifest.created_unix_s,
            data_window: manifest.provenance.data_window,
            histories: manifest.table.levels.iter().map(|level| level.present).sum(),
            clusters: manifest.table.clusters,
            depth: manifest.table.depth,
            bytes: manifest.bytes(),
            quality: manifest.quality.clone(),
        }
    }
}

impl EntryBody {
    /// A release of the store that was never looked at.
    pub fn unseen(version: Version) -> Self {
        let (standing, since_unix_s, reason, fetched, steps, facts) = Default::default();
        Self { version, standing, since_unix_s, reason, fetched, steps, facts }
    }
}

impl From<Entry> for EntryBody {
    fn from(entry: Entry) -> Self {
        let Entry { version, standing, since_unix_s, reason, fetched, steps } = entry;
        let (standing, since_unix_s, reason) = (Some(standing), Some(since_unix_s), reason.map(Into::into));
        Self { version, standing, since_unix_s, reason, fetched, steps, facts: None }
    }
}

impl From<Reason> for ReasonBody {
    fn from(Reason { class, text }: Reason) -> Self {
        Self { class: class.to_owned(), text }
    }
}
