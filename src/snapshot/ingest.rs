//! Receives a release or a model in pieces, pushed or pulled: its manifest first, then every file it lists, then the
//! word to commit.
//!
//! Nothing that arrives is visible before all of it is there and has passed every check of a load; then one rename
//! publishes it. What broke off goes on where it stood, also after a restart. It never serves anything, and nothing that
//! is sent can leave its hidden directory: a version is a [`Version`](super::manifest::Version), and a file's name is
//! one of its kind's.

use std::fs;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

mod arrival;
mod error;
mod push;
mod pushes;

pub use error::IngestError;

use arrival::Arrival;
use push::{Push, sign};
use pushes::Pushes;

use super::failpoint::{Moment, reached};
use super::gate::{Gates, Offer};
use super::lifecycle::{Book, Reason, Standing};
use super::manifest::MANIFEST;
use super::pair::check_pair;
use super::parcel::{Address, Parcel};
use super::publish::rename_durably;
use super::release::{ReleaseError, read_manifest};
use super::signature::Signature;
use super::store::Store;
use crate::config::{Config, MissingModel};
use crate::metrics::{Metrics, Pushed, TransferMetrics};
use crate::model::engine::Precision;
use crate::model::open::Opened;

/// Pushes that may be under way at once: a rollout sends one release, and an operator perhaps another.
pub const PUSHES_MAX: usize = 4;
/// A push on which nobody works for so long makes room for another, where there are too many.
const LEFT_ALONE: Duration = Duration::from_secs(30);
/// Disk space that pushes leave free, for the pointer, for logs and for whatever shares the disk.
pub const FREE_BYTES_MIN: u64 = 64 << 20;

/// What a push may cost, and what it must be.
#[derive(Clone, Copy, Debug)]
pub struct IngestRules {
    /// All files of a release or a model together.
    pub bytes_max: u64,
    /// A push that nobody continued for so long is abandoned, and its files are removed.
    pub idle_max: Duration,
    /// The arithmetic in which a model is asked its golden prompts.
    pub precision: Precision,
    /// Whether a release may be published before its model.
    pub model_missing: MissingModel,
}

/// How a push stands once its manifest came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// These files are still to be sent: all of them whole, or what an earlier attempt left.
    Open(Vec<Missing>),
    /// The store has this very release or model; there is nothing to send.
    Published,
}

/// A file that is still to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its name.
    pub name: &'static str,
    /// Bytes of it that are there already: where to go on.
    pub offset: u64,
    /// All its bytes.
    pub bytes: u64,
}

/// What a push has become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its name.
    pub address: Address,
    /// Bytes of all its files, the manifest's included.
    pub bytes: u64,
}

/// What receiving works on.
#[derive(Clone)]
pub struct Parts {
    /// Where everything goes.
    pub store: Store,
    /// Who is asked before the first byte.
    pub gates: Gates,
    /// Where it is written down how far each release has come.
    pub book: Book,
    /// Where it is counted.
    pub metrics: Arc<TransferMetrics>,
}

/// Receives pushes into one store. A store belongs to one service.
pub struct Ingest {
    parts: Parts,
    rules: IngestRules,
    pushes: Mutex<Pushes>,
}

/// A push that is being checked and published, marked as such until dropped.
struct Commit<'a> {
    ingest: &'a Ingest,
    address: &'a Address,
}

impl Parts {
    /// The parts of a service.
    pub fn new(store: &Store, config: &Config, metrics: &Metrics, book: &Book) -> Self {
        let gates = Gates::new(config, metrics);
        Self { store: store.clone(), gates, book: book.clone(), metrics: metrics.transfer() }
    }
}

impl IngestRules {
    /// The rules that a configuration gives.
    pub fn new(config: &Config) -> Self {
        Self {
            bytes_max: config.admin.push_bytes_max,
            idle_max: config.admin.push_idle_max,
            precision: config.model.precision,
            model_missing: config.model.missing,
        }
    }
}

impl Ingest {
    /// Opens a store for pushes, and goes on with those that were under way when the process last ended.
    pub fn open(parts: Parts, rules: IngestRules) -> Self {
        let (left, broken) = Push::left(&parts.store);
        broken.iter().for_each(|dir| push::remove(dir));
        let mut pushes = Pushes::default();
        for push in left {
            tracing::info!(push = %push.parcel.address(), lacks = ?push.lacks(), "a push may go on");
            pushes.open(push);
        }
        Self { parts, rules, pushes: Mutex::new(pushes) }
    }

    /// Opens a push by its manifest, or goes on with the one that has the same; `address` is where it came to.
    ///
    /// Senders of one and the same manifest may take turns: a file counts only with the digest that all agree on.
    pub fn begin(&self, address: &Address, manifest: &[u8]) -> Result<Begun, IngestError> {
        self.begin_signed(address, manifest, None)
    }

    /// The same for a manifest that comes with its signature, if it has one.
    pub fn begin_signed(
        &self,
        address: &Address,
        manifest: &[u8],
        signature: Option<&Signature>,
    ) -> Result<Begun, IngestError> {
        let parcel = self.acceptable(address, manifest)?;
        self.remove_abandoned();
        let mut pushes = self.pushes.lock();
        if pushes.resumes(&parcel)? {
            let push = pushes.touch(address)?;
            push.sign(signature)?;
            self.note(push);
            return Ok(Begun::Open(push.missing()));
        }
        if self.published(&parcel)? {
            sign(&address.path(&self.parts.store), signature)?;
            return Ok(Begun::Published);
        }
        if pushes.count() >= PUSHES_MAX {
            // A push that broke off must not stand in the way of the next.
            let left = pushes.idlest(LEFT_ALONE).ok_or(IngestError::TooMany)?;
            self.end_abandoned(left);
        }
        let bytes_waiting = pushes.bytes_missing();
        self.ask_gates(&Offer { parcel: &parcel, manifest, signature, bytes_waiting })?;
        let push = Push::create(&self.parts.store, parcel, manifest)?;
        push.sign(signature)?;
        reached(Moment::PartialMade);
        self.note(&push);
        let missing = push.missing();
        pushes.open(push);
        Ok(Begun::Open(missing))
    }

    /// Writes one file of an open push from its beginning, as its bytes come. It counts only when all of them came and
    /// are those that the manifest lists.
    pub fn receive(
        &self,
        address: &Address,
        name: &str,
        chunks: impl IntoIterator<Item: AsRef<[u8]>>,
    ) -> Result<(), IngestError> {
        self.receive_from(address, (name, 0), chunks)
    }

    /// Writes one file of an open push from an offset on: where it stands, as [`Missing`] says, or 0 to send it anew.
    /// Where the bytes end before the file does, [`IngestError::Short`] says so, and what came is kept.
    pub fn receive_from(
        &self,
        address: &Address,
        (name, offset): (&str, u64),
        chunks: impl IntoIterator<Item: AsRef<[u8]>>,
    ) -> Result<(), IngestError> {
        let known = address.kind.files().iter().find(|known| **known == name);
        let name = *known.ok_or_else(|| IngestError::Name { kind: address.kind, got: name.to_owned() })?;
        self.arrive(address, name)?.write(offset, chunks)
    }

    /// Checks a complete push as if it were to serve, and publishes it; one that is refused is gone, but for a release
    /// that only lacks its model. A second word for what is published is fine.
    pub fn commit(&self, address: &Address) -> Result<Committed, IngestError> {
        self.check_needs(address)?;
        let taken = self.pushes.lock().take(address);
        let push = match taken {
            Err(IngestError::NotOpen { .. }) => return self.committed_before(address),
            other => other?,
        };
        let _commit = Commit { ingest: self, address };
        let published = self.publish(&push);
        match &published {
            Ok(_) => self.note_end(&push, Pushed::Published, None),
            Err(error) => self.note_end(&push, Pushed::Refused, Some(error.to_reason())),
        }
        // What is published is no longer there; and what is refused would be refused again.
        if push.dir.exists() {
            push.remove();
        }
        published
    }

    /// Removes pushes that nobody continued in the time allowed. Due now and then.
    pub fn remove_abandoned(&self) {
        let abandoned = self.pushes.lock().abandoned(self.rules.idle_max);
        abandoned.into_iter().for_each(|push| self.end_abandoned(push));
    }

    /// Removes a push that whoever sent it gives up, unless somebody else is at it.
    pub fn give_up(&self, address: &Address) {
        let given_up = self.pushes.lock().give_up(address);
        given_up.into_iter().for_each(|push| self.end_abandoned(push));
    }

    /// What a manifest describes, if that is of this address and not too large.
    fn acceptable(&self, address: &Address, manifest: &[u8]) -> Result<Parcel, IngestError> {
        let parcel = Parcel::from_json(address.kind, manifest)?;
        if parcel.address() != *address {
            return Err(IngestError::Version { expected: address.clone(), got: parcel.address() });
        }
        if let Parcel::Release(release) = &parcel {
            self.parts.store.state()?.check_barred(&release.version)?;
        }
        let (got, max) = (parcel.bytes().saturating_add(manifest.len() as u64), self.rules.bytes_max);
        if got <= max { Ok(parcel) } else { Err(IngestError::TooLarge { kind: address.kind, max, got }) }
    }

    /// Whether the store has this very release or model; an error where the name is taken by anything else.
    fn published(&self, parcel: &Parcel) -> Result<bool, IngestError> {
        let address = parcel.address();
        match address.read(&self.parts.store) {
            Some(present) if present == *parcel => Ok(true),
            None if !address.path(&self.parts.store).exists() => Ok(false),
            _ => Err(IngestError::Exists { address }),
        }
    }

    fn committed_before(&self, address: &Address) -> Result<Committed, IngestError> {
        let present = address.read(&self.parts.store);
        present.as_ref().map(committed).ok_or_else(|| IngestError::NotOpen { address: address.clone() })
    }

    /// Refuses to publish a release whose model is not there, while its push stays open: the model may still come.
    fn check_needs(&self, address: &Address) -> Result<(), IngestError> {
        let needed = self.pushes.lock().find(address).and_then(|push| push.parcel.needs().cloned());
        let lacked = needed.filter(|model| !self.parts.store.model_path(model).join(MANIFEST).exists());
        match lacked.filter(|_| self.rules.model_missing == MissingModel::Refuse) {
            Some(model) => Err(IngestError::NeedsModel { release: address.version.clone(), model }),
            None => Ok(()),
        }
    }

    /// Refuses a release that was not made for the model that it names, where that is there.
    fn check_pair(&self, parcel: &Parcel) -> Result<(), IngestError> {
        let Parcel::Release(release) = parcel else { return Ok(()) };
        let model = release.model.as_ref().map(|model| self.parts.store.model_path(model)).filter(|path| path.exists());
        let Some(path) = model else { return Ok(()) };
        let paired = Opened::open(&path)
            .map_err(ReleaseError::from)
            .and_then(|model| Ok(check_pair(release, &model.manifest, &model.config)?));
        paired.map_err(|source| IngestError::Release { version: release.version.clone(), source: Box::new(source) })
    }

    /// Asks whether a new push may come, before its first byte is written.
    fn ask_gates(&self, offer: &Offer<'_>) -> Result<(), IngestError> {
        let store = &self.parts.store;
        fs::create_dir_all(offer.parcel.address().kind.home(store))?;
        let current = store.state()?.current.and_then(|current| read_manifest(&store.release_path(&current)).ok());
        Ok(self.parts.gates.before_fetch(offer, current.as_ref(), store)?)
    }

    /// Writes down how far a release has come.
    fn note(&self, push: &Push) {
        if let Parcel::Release(release) = &push.parcel {
            let bytes = push.parcel.bytes();
            self.parts.book.note(&release.version, Standing::Fetching, None);
            self.parts.book.fetched(&release.version, bytes - push.bytes_missing(), bytes);
        }
    }

    /// Counts bytes that came, and writes down how far that brings the push.
    fn came(&self, address: &Address, bytes: u64) {
        self.parts.metrics.push_bytes(bytes);
        if let Some(push) = self.pushes.lock().find(address) {
            self.note(push);
        }
    }

    fn end_abandoned(&self, push: Push) {
        let text = format!("nobody continued the push, which lacked {:?}; push it again", push.lacks());
        tracing::warn!(push = %push.parcel.address(), "push abandoned: {text}");
        self.note_end(&push, Pushed::Abandoned, Some(Reason { class: "abandoned", text }));
        push.remove();
    }

    /// Counts how a push ended, and writes down why where it was not published.
    fn note_end(&self, push: &Push, how: Pushed, reason: Option<Reason>) {
        self.parts.metrics.pushed(how);
        let Parcel::Release(release) = &push.parcel else { return };
        match reason {
            Some(reason) => self.parts.book.note(&release.version, Standing::Failed, Some(reason)),
            // It lies on the disk now, and nobody has begun to load it.
            None => self.parts.book.forget(&release.version),
        }
    }

    /// Checks what came as a load would, and gives it its name.
    fn publish(&self, push: &Push) -> Result<Committed, IngestError> {
        let Push { dir, parcel } = push;
        parcel.check(dir, self.rules.precision, &self.parts.gates)?;
        self.check_pair(parcel)?;
        let address = parcel.address();
        let is_same = |_: &std::path::Path| address.read(&self.parts.store).as_ref() == Some(parcel);
        rename_durably(dir, &address.path(&self.parts.store), is_same).map_err(|error| named(error, &address))?;
        Ok(committed(parcel))
    }

    fn arrive<'a>(&'a self, address: &'a Address, name: &'static str) -> Result<Arrival<'a>, IngestError> {
        let mut pushes = self.pushes.lock();
        let unlisted = || IngestError::Name { kind: address.kind, got: name.to_owned() };
        let expected = pushes.touch(address)?.listed(name).cloned().ok_or_else(unlisted)?;
        let push = pushes.arrives(address, name)?;
        let (whole, part) = (push.path(name), push.part(name));
        Ok(Arrival { ingest: self, address, name, expected, whole, part })
    }
}

impl Drop for Commit<'_> {
    fn drop(&mut self) {
        self.ingest.pushes.lock().committed(self.address);
    }
}

fn committed(parcel: &Parcel) -> Committed {
    Committed { address: parcel.address(), bytes: parcel.bytes() + parcel.to_json().len() as u64 }
}

fn named(error: io::Error, address: &Address) -> IngestError {
    match error.kind() {
        io::ErrorKind::AlreadyExists => IngestError::Exists { address: address.clone() },
        _ => error.into(),
    }
}
