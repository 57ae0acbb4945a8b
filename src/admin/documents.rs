//! The JSON documents of the operator's door, as the service writes them and the commands read them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub mod changes;
mod pull;
pub mod releases;

pub use pull::PullBody;

use crate::drain::Stage;
use crate::model::Model;
use crate::snapshot::manifest::{DataWindow, Manifest, TableFigures, Version};
use crate::snapshot::parcel::{Address, Kind};
use crate::snapshot::reload::Failure;
use crate::snapshot::store::State;

pub mod figures;
pub mod lookup;
pub mod session;

/// `/livez`: the process runs.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct LiveBody {
    /// Always true: a process that does not run does not answer.
    pub live: bool,
}

/// `/readyz`: whether requests are welcome.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReadyBody {
    /// Whether a verified release is warm and the service is not stopping.
    pub ready: bool,
    /// The release that serves.
    pub release: Option<Version>,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<UnreadyReason>,
}

/// Why the service is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnreadyReason {
    /// The first release is being loaded.
    Loading,
    /// Nothing that could serve was found; `/healthz` says why.
    NoRelease,
    /// The service is stopping.
    Draining,
}

/// How far the stop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageBody {
    /// Not at all.
    Serving,
    /// Un-ready, serving as before.
    Unready,
    /// Doors closed, finishing what is in flight.
    Closing,
}

/// `/healthz`: the state in a few words, always with status 200.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HealthBody {
    /// As in `/readyz`.
    pub ready: bool,
    /// As in `/readyz`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<UnreadyReason>,
    /// The release that serves.
    pub release: Option<Version>,
    /// How far the stop has come.
    pub stage: StageBody,
    /// The last load that failed, until one succeeds.
    pub failure: Option<FailureBody>,
}

/// A load that failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FailureBody {
    /// The release that failed, if the pointer named one.
    pub release: Option<Version>,
    /// Its class, such as `checksum`.
    pub reason: String,
    /// What was expected, what came, and what to do.
    pub text: String,
    /// When, in seconds since 1970 UTC.
    pub at_unix_s: u64,
}

/// `GET /admin/v1/status`: everything an operator asks first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StatusBody {
    /// The service's own version.
    pub service: String,
    /// Seconds since the door opened.
    pub uptime_s: u64,
    /// As in `/readyz`.
    pub ready: bool,
    /// How far the stop has come.
    pub stage: StageBody,
    /// The release that serves.
    pub release: Option<ReleaseBody>,
    /// The model that serves with it; none where the release names none, or serves without.
    pub model: Option<ModelBody>,
    /// The release being loaded now.
    pub loading: Option<Version>,
    /// What `state.json` says.
    pub pointer: Option<State>,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer_failure: Option<String>,
    /// The last load that failed, until one succeeds.
    pub failure: Option<FailureBody>,
    /// Questions in flight.
    pub in_flight: InFlightBody,
    /// How pulling stands; none where nothing is pulled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull: Option<PullBody>,
}

/// `GET /admin/v1/whoami`: who calls.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WhoamiBody {
    /// The name in the token file, the certificate's subject, or `local` where no proof is asked for.
    pub who: String,
    /// `reader` or `operator`.
    pub role: String,
}

/// Questions in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InFlightBody {
    /// Now.
    pub now: usize,
    /// At most; more are shed.
    pub limit: usize,
}

/// The release that serves: what its manifest says, without the lists.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReleaseBody {
    /// Its name.
    pub version: Version,
    /// Its snapshot's.
    pub snapshot: Version,
    /// The model's that it names, if it names one.
    pub model: Option<Version>,
    /// Its catalogue's.
    pub catalogue: Version,
    /// Bytes of its files.
    pub bytes: u64,
    /// When it was made, in seconds since 1970 UTC.
    pub created_unix_s: Option<u64>,
    /// When it was swapped in, in seconds since 1970 UTC.
    pub loaded_unix_s: Option<u64>,
    /// The span of the interactions it was computed from.
    pub data_window: Option<DataWindow>,
    /// The program that made it.
    pub tool: String,
    /// What its table holds.
    pub table: TableFigures,
    /// Its figures of quality.
    pub quality: BTreeMap<String, f64>,
    /// The shares of answers by source that its maker expects.
    #[serde(default)]
    pub expected_sources: BTreeMap<String, f64>,
}

/// The model that serves.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModelBody {
    /// Its name.
    pub version: Version,
    /// The arithmetic of its weights, as in `model.precision`.
    pub precision: String,
    /// The instructions that it runs on, as this processor has them.
    pub kernel: String,
    /// Numbers in all its weights together.
    pub parameters: u64,
    /// When it was trained, in seconds since 1970 UTC.
    pub created_unix_s: Option<u64>,
    /// The span of the interactions it was trained on.
    pub data_window: Option<DataWindow>,
    /// Figures of its training and its quality.
    pub figures: BTreeMap<String, f64>,
}

/// The header that carries the signature of a manifest that is pushed, in hexadecimal digits.
pub const SIGNATURE_HEADER: &str = "segue-signature";

/// How a push stands once its manifest came.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PushBody {
    /// Whether the store has this very release or model already, so that nothing is to be sent.
    pub published: bool,
    /// The files to send before the commit.
    pub missing: Vec<String>,
    /// Bytes of them that are there already: `?offset=BYTES` goes on there, without it a file is sent anew.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub offsets: BTreeMap<String, u64>,
}

/// A file that was received.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReceivedBody {
    /// Its name.
    pub received: String,
}

/// What was published by a push.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CommittedBody {
    /// Its name, as `release` or `model`.
    #[serde(flatten)]
    pub address: AddressBody,
    /// Bytes of all its files.
    pub bytes: u64,
}

/// The name of a release or a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressBody {
    /// A release's.
    Release(Version),
    /// A model's.
    Model(Version),
}

impl From<Address> for AddressBody {
    fn from(Address { kind, version }: Address) -> Self {
        match kind {
            Kind::Release => Self::Release(version),
            Kind::Model => Self::Model(version),
        }
    }
}

impl From<Stage> for StageBody {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Serving => Self::Serving,
            Stage::Unready => Self::Unready,
            Stage::Closing => Self::Closing,
        }
    }
}

impl From<Failure> for FailureBody {
    fn from(Failure { version, reason, text, at_unix_s, .. }: Failure) -> Self {
        Self { release: version, reason: reason.to_owned(), text, at_unix_s }
    }
}

impl ReleaseBody {
    /// The essentials of a release that was swapped in at a time.
    pub fn new(manifest: &Manifest, loaded_unix_s: Option<u64>) -> Self {
        Self {
            version: manifest.version.clone(),
            snapshot: manifest.snapshot.clone(),
            model: manifest.model.clone(),
            catalogue: manifest.catalogue.clone(),
            bytes: manifest.bytes(),
            created_unix_s: manifest.created_unix_s,
            loaded_unix_s,
            data_window: manifest.provenance.data_window,
            tool: manifest.provenance.tool.clone(),
            table: manifest.table.clone(),
            quality: manifest.quality.clone(),
            expected_sources: manifest.expected_sources.clone(),
        }
    }
}

impl ModelBody {
    /// The essentials of a model.
    pub fn new(model: &Model) -> Self {
        let manifest = model.manifest();
        Self {
            version: manifest.version.clone(),
            precision: model.precision().word().to_owned(),
            kernel: model.engine().kernel().to_owned(),
            parameters: model.config().parameters(),
            created_unix_s: manifest.created_unix_s,
            data_window: manifest.provenance.data_window,
            figures: manifest.figures.clone(),
        }
    }
}
