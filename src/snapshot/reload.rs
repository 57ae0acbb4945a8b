//! Follows the store's pointer: opens, verifies, warms and checks what it names, with its model, then swaps it in.
//!
//! One thread of its own, at low priority, does all of it; requests never do. Whatever fails, the release before keeps
//! serving, and the failure stands in [`Status`] and in a metric until a load succeeds. A failure never blocks what is
//! pointed at next.

use std::iter;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;

use super::lifecycle::{Book, Reason};
use super::live::{Live, Share};
use super::manifest::Version;
use super::release::{Release, ReleaseError};
use super::store::{State, Store, StoreError};
use crate::config::Config;
use crate::metrics::{Metrics, Phase};
use crate::priority;

mod command;
mod loader;
mod outcome;
mod retired;

pub use outcome::{Effect, Failure, Outcome, Positions, Status};

use command::{Command, Request};
use loader::Loader;
use retired::Retired;

/// Longest wait before a release that failed is tried again unasked: a file that came late heals by itself, and a bad
/// one costs little.
const RETRY_MAX: Duration = Duration::from_secs(60);
/// Requests to reload that may wait for the look that is under way; the next look answers them all.
const REQUESTS_MAX: usize = 16;
/// The class of a quarantine that an operator ordered.
pub const OPERATOR: &str = "operator";

/// A handle on the reloader; clones share it. The thread ends when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Reloader {
    requests: SyncSender<Request>,
    status: Arc<Mutex<Status>>,
    book: Book,
}

/// What the reloader works on.
#[derive(Clone)]
pub struct Parts {
    /// Whose pointer it follows.
    pub store: Store,
    /// Where it swaps releases in.
    pub live: Arc<Live>,
    /// Where it counts.
    pub metrics: Metrics,
    /// Where it writes down how each release stands.
    pub book: Book,
}

impl Reloader {
    /// Starts the thread; it looks at the pointer at once, then at every `poll` and whenever asked.
    pub fn start(parts: Parts, config: &Config) -> std::io::Result<Self> {
        let (requests, waiting) = sync_channel(REQUESTS_MAX);
        let status = Arc::<Mutex<Status>>::default();
        let book = parts.book.clone();
        let follower = Follower {
            loader: Loader::new(&parts, config),
            parts,
            poll: config.release.poll,
            status: status.clone(),
            retired: Retired::default(),
            incomplete: false,
            retry: None,
        };
        thread::Builder::new().name("segue-reload".to_owned()).spawn(move || follower.run(&waiting))?;
        Ok(Self { requests, status, book })
    }

    /// Asks for a look at the pointer now. The receiver gets the outcome once it is a fact; it gets an error only where
    /// the reloader has ended, or more requests wait than are answered one by one. So it is with every call below.
    pub fn request(&self) -> oneshot::Receiver<Outcome> {
        self.ask(Command::Look)
    }

    /// Loads a release with every check, and keeps it in memory beside the one that serves; another one that was
    /// staged is dropped.
    pub fn stage(&self, version: Version) -> oneshot::Receiver<Outcome> {
        self.ask(Command::Stage(version))
    }

    /// Asks for another release to be pointed at and served: it is loaded once, with every check, and only if it could
    /// serve does the pointer move. One that is resident is not loaded again.
    pub fn activate(&self, version: Version) -> oneshot::Receiver<Outcome> {
        self.ask(Command::Activate(version))
    }

    /// As [`Reloader::activate`], of the staged release only: nothing is loaded.
    pub fn promote(&self, version: Version) -> oneshot::Receiver<Outcome> {
        self.ask(Command::Promote(version))
    }

    /// Goes back to the release that served before; a pull will not bring back by itself the one that is left.
    pub fn rollback(&self) -> oneshot::Receiver<Outcome> {
        self.ask(Command::Rollback)
    }

    /// Lets no other release take the place of this one, which must be the one that serves, until it is unpinned.
    pub fn pin(&self, version: Version) -> oneshot::Receiver<Outcome> {
        self.ask(Command::Pin(version))
    }

    /// Lets others take its place again.
    pub fn unpin(&self) -> oneshot::Receiver<Outcome> {
        self.ask(Command::Unpin)
    }

    /// Bars a release for good, for the reason that an operator gives; where it serves, rolls back first.
    pub fn quarantine(&self, version: Version, text: String) -> oneshot::Receiver<Outcome> {
        self.ask(Command::Quarantine(version, Reason { class: OPERATOR, text }))
    }

    /// Answers this share of the questions from the staged release too, for comparison only; none ends that.
    pub fn set_shadow(&self, version: Version, share: Share) -> oneshot::Receiver<Outcome> {
        self.ask(Command::SetShadow(version, share))
    }

    /// Answers this share of the callers from the staged release; none ends that.
    pub fn set_canary(&self, version: Version, share: Share) -> oneshot::Receiver<Outcome> {
        self.ask(Command::SetCanary(version, share))
    }

    /// Ends shadow and canary; the release stays staged.
    pub fn end_trial(&self) -> oneshot::Receiver<Outcome> {
        self.ask(Command::EndTrial)
    }

    /// Ends the trial of a release that did not do, and bars it for good.
    pub fn abort_canary(&self, version: Version, reason: Reason) -> oneshot::Receiver<Outcome> {
        self.ask(Command::Abort(version, reason))
    }

    fn ask(&self, command: Command) -> oneshot::Receiver<Outcome> {
        let (reply, outcome) = oneshot::channel();
        // Where it does not fit, the reply's sender is dropped with it, which the receiver sees.
        let _ = self.requests.try_send(Request { command, reply });
        outcome
    }

    /// Where every release stands.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// What it is doing and how it last fared.
    pub fn status(&self) -> Status {
        locked(&self.status).clone()
    }
}

/// The thread's own state.
struct Follower {
    parts: Parts,
    loader: Loader,
    poll: Duration,
    status: Arc<Mutex<Status>>,
    retired: Retired,
    /// What serves does so without the model that it names.
    incomplete: bool,
    retry: Option<Retry>,
}

/// When to try again what failed.
struct Retry {
    version: Option<Version>,
    due: Instant,
    wait: Duration,
}

/// A failure with the release it is about.
struct Refusal {
    version: Option<Version>,
    reason: &'static str,
    text: String,
}

impl Follower {
    fn run(mut self, requests: &Receiver<Request>) {
        priority::step_back();
        // What came of it stands in the status.
        let _ = self.look(Looking::Asked);
        loop {
            match requests.recv_timeout(self.poll) {
                Ok(request) => self.answer(iter::once(request).chain(requests.try_iter())),
                Err(RecvTimeoutError::Timeout) => drop(self.look(Looking::Unasked)),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.retired.drop_unread();
        }
    }

    /// Does one command after the other, then looks once for all who asked before the look began.
    fn answer(&mut self, requests: impl Iterator<Item = Request>) {
        let mut looks = Vec::new();
        for Request { command, reply } in requests {
            match command {
                Command::Look => looks.push(reply),
                // Here and below: a caller that left does not want the outcome.
                command => drop(reply.send(self.obey(command))),
            }
        }
        if !looks.is_empty() {
            let before = self.positions();
            let result = self.look(Looking::Asked);
            let outcome = Outcome { before, after: self.positions(), result };
            looks.into_iter().for_each(|reply| drop(reply.send(outcome.clone())));
        }
    }

    fn obey(&mut self, command: Command) -> Outcome {
        let before = self.positions();
        let result = match command {
            Command::Activate(version) | Command::Promote(version) => self.activate(version),
            Command::Look => self.look(Looking::Asked),
            Command::Rollback => self.remember(|store| store.roll_back()),
            Command::Stage(version) => self.remember(|store| store.stage(&version)),
            Command::Pin(version) => self.remember(|store| store.pin(&version)),
            Command::Unpin => self.remember(|store| store.unpin()),
            Command::Quarantine(version, reason) | Command::Abort(version, reason) => {
                self.remember(|store| store.quarantine(&version, &reason))
            }
            Command::SetShadow(..) | Command::SetCanary(..) | Command::EndTrial => Ok(Effect::Unchanged),
        };
        Outcome { before, after: self.positions(), result }
    }

    /// Edits what the store remembers, then follows it.
    fn remember(&mut self, edit: impl FnOnce(&Store) -> Result<State, StoreError>) -> Result<Effect, Failure> {
        if let Err(error) = edit(&self.parts.store) {
            let reason = if let StoreError::Refused(refusal) = &error { refusal.class() } else { "io" };
            return Err(Failure { version: None, reason, text: error.to_string(), at_unix_s: unix_s() });
        }
        self.look(Looking::Asked)
    }

    fn positions(&self) -> Positions {
        let state = self.parts.store.state().unwrap_or_default();
        let State { previous, staged, pinned, .. } = state;
        Positions { serving: self.serving(), previous, staged, pinned, ..Positions::default() }
    }

    /// Loads a release, then points at it and swaps it in. Were the pointer moved first, a bad release would wait there
    /// for the next start of the service, which would then have nothing to serve.
    fn activate(&mut self, version: Version) -> Result<Effect, Failure> {
        if self.serving().as_ref() == Some(&version) && !self.completes(&version) {
            return match self.parts.store.activate(&version) {
                Ok(_) => Ok(Effect::Unchanged),
                Err(error) => self.refuse(Refusal::pointer(&error), Looking::Asked),
            };
        }
        let loaded = self.load(&version).map_err(|error| Refusal::of(version.clone(), &error));
        let pointed = loaded.and_then(|release| match self.parts.store.activate(&version) {
            Ok(_) => Ok(release),
            Err(error) => Err(Refusal::pointer(&error)),
        });
        match pointed {
            Ok(release) => Ok(self.swap(version, release)),
            Err(refusal) => self.refuse(refusal, Looking::Asked),
        }
    }

    /// Looks at the pointer and follows it.
    fn look(&mut self, looking: Looking) -> Result<Effect, Failure> {
        self.parts.metrics.release().reload_checked();
        let wanted = match self.wanted() {
            Ok(wanted) => wanted,
            Err(refusal) => return self.refuse(refusal, looking),
        };
        if self.serving().as_ref() == Some(&wanted) && !self.completes(&wanted) {
            self.settle();
            return Ok(Effect::Unchanged);
        }
        if let (Looking::Unasked, Some(failure)) = (looking, self.not_due(Some(&wanted))) {
            return Err(failure);
        }
        match self.load(&wanted) {
            Ok(release) => Ok(self.swap(wanted, release)),
            Err(error) => self.refuse(Refusal::of(wanted, &error), looking),
        }
    }

    /// The release that the pointer names.
    fn wanted(&self) -> Result<Version, Refusal> {
        let state = self.parts.store.state().map_err(|error| Refusal::pointer(&error))?;
        state.current.ok_or_else(|| Refusal::none(self.parts.store.dir()))
    }

    /// Loads a release, and shows meanwhile that it does.
    fn load(&self, version: &Version) -> Result<Release, ReleaseError> {
        locked(&self.status).loading = Some(version.clone());
        let loaded = self.loader.load(version);
        locked(&self.status).loading = None;
        loaded
    }

    fn swap(&mut self, version: Version, release: Release) -> Effect {
        let release = Arc::new(release);
        let before = self.parts.metrics.release().timed(Phase::Swap, || self.parts.live.swap(release.clone()));
        before.into_iter().for_each(|before| self.retired.add(before));
        self.incomplete = release.model().is_none() && release.manifest().model.is_some();
        self.retry = None;
        let loaded_unix_s = unix_s();
        let (serving, loaded) = (Some(version.clone()), Some(loaded_unix_s));
        *locked(&self.status) = Status { serving, loaded_unix_s: loaded, loading: None, failure: None };
        self.report(&release, loaded_unix_s);
        Effect::Swapped(version)
    }

    fn report(&self, release: &Release, loaded_unix_s: u64) {
        let manifest = release.manifest();
        self.parts.metrics.release().loaded(manifest, loaded_unix_s);
        let model = release.model().map(|model| model.manifest().version.as_str());
        tracing::info!(release = %manifest.version, model, bytes = manifest.bytes(), "release swapped in");
    }

    /// Keeps what serves, and says why. Logged when it is news: at every asked look, and at the first unasked one.
    fn refuse(&mut self, refusal: Refusal, looking: Looking) -> Result<Effect, Failure> {
        if let (Looking::Unasked, Some(failure)) = (looking, self.not_due(refusal.version.as_ref())) {
            return Err(failure);
        }
        let Refusal { version, reason, text } = refusal;
        let again = self.retry.take().filter(|retry| retry.version == version);
        let wait = again.map_or(self.poll, |retry| (retry.wait * 2).min(RETRY_MAX));
        self.retry = Some(Retry { version: version.clone(), due: Instant::now() + wait, wait });
        self.parts.metrics.release().load_failed(reason);
        tracing::error!(release = version.as_ref().map(Version::as_str), reason, "release refused: {text}");
        let failure = Failure { version, reason, text, at_unix_s: unix_s() };
        locked(&self.status).failure = Some(failure.clone());
        Err(failure)
    }

    /// The failure that stands, where the same release failed and its retry is not due yet.
    fn not_due(&self, version: Option<&Version>) -> Option<Failure> {
        let waiting = self.retry.as_ref().filter(|retry| retry.version.as_ref() == version)?;
        if Instant::now() < waiting.due { locked(&self.status).failure.clone() } else { None }
    }

    /// The pointer is back at what serves: what failed before is no longer wanted.
    fn settle(&mut self) {
        self.retry = None;
        locked(&self.status).failure = None;
    }

    /// Whether a model has come that what serves, this release, names and lacks.
    fn completes(&self, serving: &Version) -> bool {
        self.incomplete && self.loader.has_model(serving)
    }

    fn serving(&self) -> Option<Version> {
        locked(&self.status).serving.clone()
    }
}

/// Who wanted the pointer looked at.
#[derive(Clone, Copy)]
enum Looking {
    /// An operator, or the start: try whatever failed before.
    Asked,
    /// The clock: leave what failed before until its retry is due.
    Unasked,
}

impl Refusal {
    fn of(version: Version, error: &ReleaseError) -> Self {
        Self { version: Some(version), reason: error.reason(), text: error.to_string() }
    }

    fn pointer(error: &StoreError) -> Self {
        Self { version: None, reason: "io", text: error.to_string() }
    }

    fn none(dir: &Path) -> Self {
        let text = format!("the store {} points at no release; `segue activate VERSION` does", dir.display());
        Self { version: None, reason: "missing", text }
    }
}

fn locked(status: &Mutex<Status>) -> MutexGuard<'_, Status> {
    status.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
