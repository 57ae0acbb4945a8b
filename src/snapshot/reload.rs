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

use super::live::Live;
use super::manifest::Version;
use super::release::{Release, ReleaseError};
use super::store::{Store, StoreError};
use crate::config::Config;
use crate::metrics::{Metrics, Phase};
use crate::priority;

mod loader;
mod retired;

use loader::Loader;
use retired::Retired;

/// Longest wait before a release that failed is tried again unasked: a file that came late heals by itself, and a bad
/// one costs little.
const RETRY_MAX: Duration = Duration::from_secs(60);
/// Requests to reload that may wait for the look that is under way; the next look answers them all.
const REQUESTS_MAX: usize = 16;

/// How a look at the pointer ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Another release serves now.
    Swapped(Version),
    /// The pointer names the release that serves already.
    Unchanged(Version),
    /// What serves is what served before.
    Failed(Failure),
}

/// Why the last look at the pointer changed nothing.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The release that failed, if the pointer named one.
    pub version: Option<Version>,
    /// Its class, as in the metric.
    pub reason: &'static str,
    /// What was expected, what came, and what to do.
    pub text: String,
    /// When, in seconds since 1970 UTC.
    pub at_unix_s: u64,
}

/// What the reloader is doing and how it last fared.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// The release that serves.
    pub serving: Option<Version>,
    /// When it was swapped in, in seconds since 1970 UTC.
    pub loaded_unix_s: Option<u64>,
    /// The release being loaded now.
    pub loading: Option<Version>,
    /// The last failure, until a load succeeds.
    pub failure: Option<Failure>,
}

/// A handle on the reloader; clones share it. The thread ends when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Reloader {
    requests: SyncSender<Request>,
    status: Arc<Mutex<Status>>,
}

/// What the thread is asked for, and who waits for the outcome.
enum Request {
    /// A look at the pointer.
    Look(oneshot::Sender<Outcome>),
    /// A release to point at and serve.
    Activate(Version, oneshot::Sender<Outcome>),
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
}

impl Reloader {
    /// Starts the thread; it looks at the pointer at once, then at every `poll` and whenever asked.
    pub fn start(parts: Parts, config: &Config) -> std::io::Result<Self> {
        let (requests, waiting) = sync_channel(REQUESTS_MAX);
        let status = Arc::<Mutex<Status>>::default();
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
        Ok(Self { requests, status })
    }

    /// Asks for a look at the pointer now. The receiver gets the outcome once it is a fact; it gets an error only where
    /// the reloader has ended, or more requests wait than are answered one by one.
    pub fn request(&self) -> oneshot::Receiver<Outcome> {
        self.ask(Request::Look)
    }

    /// Asks for another release to be pointed at and served: it is loaded once, with every check, and only if it could
    /// serve does the pointer move. The receiver is as [`Reloader::request`]'s.
    pub fn activate(&self, version: Version) -> oneshot::Receiver<Outcome> {
        self.ask(|reply| Request::Activate(version, reply))
    }

    fn ask(&self, request: impl FnOnce(oneshot::Sender<Outcome>) -> Request) -> oneshot::Receiver<Outcome> {
        let (reply, outcome) = oneshot::channel();
        // Where it does not fit, the reply's sender is dropped with it, which the receiver sees.
        let _ = self.requests.try_send(request(reply));
        outcome
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
        self.look(Looking::Asked);
        loop {
            match requests.recv_timeout(self.poll) {
                Ok(request) => self.answer(iter::once(request).chain(requests.try_iter())),
                Err(RecvTimeoutError::Timeout) => drop(self.look(Looking::Unasked)),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.retired.drop_unread();
        }
    }

    /// Activates one after the other, then looks once for all who asked before the look began.
    fn answer(&mut self, requests: impl Iterator<Item = Request>) {
        let mut looks = Vec::new();
        for request in requests {
            match request {
                Request::Look(reply) => looks.push(reply),
                // Here and below: a caller that left does not want the outcome.
                Request::Activate(version, reply) => drop(reply.send(self.activate(version))),
            }
        }
        if !looks.is_empty() {
            let outcome = self.look(Looking::Asked);
            looks.into_iter().for_each(|reply| drop(reply.send(outcome.clone())));
        }
    }

    /// Loads a release, then points at it and swaps it in. Were the pointer moved first, a bad release would wait there
    /// for the next start of the service, which would then have nothing to serve.
    fn activate(&mut self, version: Version) -> Outcome {
        if self.serving().as_ref() == Some(&version) && !self.completes(&version) {
            return match self.parts.store.activate(&version) {
                Ok(_) => Outcome::Unchanged(version),
                Err(error) => self.refuse(Refusal::pointer(&error), Looking::Asked),
            };
        }
        let loaded = self.load(&version).map_err(|error| Refusal::of(version.clone(), &error));
        let pointed = loaded.and_then(|release| match self.parts.store.activate(&version) {
            Ok(_) => Ok(release),
            Err(error) => Err(Refusal::pointer(&error)),
        });
        match pointed {
            Ok(release) => self.swap(version, release),
            Err(refusal) => self.refuse(refusal, Looking::Asked),
        }
    }

    /// Looks at the pointer and follows it.
    fn look(&mut self, looking: Looking) -> Outcome {
        self.parts.metrics.release().reload_checked();
        let wanted = match self.wanted() {
            Ok(wanted) => wanted,
            Err(refusal) => return self.refuse(refusal, looking),
        };
        if self.serving().as_ref() == Some(&wanted) && !self.completes(&wanted) {
            self.settle();
            return Outcome::Unchanged(wanted);
        }
        if let (Looking::Unasked, Some(failure)) = (looking, self.not_due(Some(&wanted))) {
            return Outcome::Failed(failure);
        }
        match self.load(&wanted) {
            Ok(release) => self.swap(wanted, release),
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

    fn swap(&mut self, version: Version, release: Release) -> Outcome {
        let release = Arc::new(release);
        let before = self.parts.metrics.release().timed(Phase::Swap, || self.parts.live.swap(release.clone()));
        before.into_iter().for_each(|before| self.retired.add(before));
        self.incomplete = release.model().is_none() && release.manifest().model.is_some();
        self.retry = None;
        let loaded_unix_s = unix_s();
        let (serving, loaded) = (Some(version.clone()), Some(loaded_unix_s));
        *locked(&self.status) = Status { serving, loaded_unix_s: loaded, loading: None, failure: None };
        self.report(&release, loaded_unix_s);
        Outcome::Swapped(version)
    }

    fn report(&self, release: &Release, loaded_unix_s: u64) {
        let manifest = release.manifest();
        self.parts.metrics.release().loaded(manifest, loaded_unix_s);
        let model = release.model().map(|model| model.manifest().version.as_str());
        tracing::info!(release = %manifest.version, model, bytes = manifest.bytes(), "release swapped in");
    }

    /// Keeps what serves, and says why. Logged when it is news: at every asked look, and at the first unasked one.
    fn refuse(&mut self, refusal: Refusal, looking: Looking) -> Outcome {
        if let (Looking::Unasked, Some(failure)) = (looking, self.not_due(refusal.version.as_ref())) {
            return Outcome::Failed(failure);
        }
        let Refusal { version, reason, text } = refusal;
        let again = self.retry.take().filter(|retry| retry.version == version);
        let wait = again.map_or(self.poll, |retry| (retry.wait * 2).min(RETRY_MAX));
        self.retry = Some(Retry { version: version.clone(), due: Instant::now() + wait, wait });
        self.parts.metrics.release().load_failed(reason);
        tracing::error!(release = version.as_ref().map(Version::as_str), reason, "release refused: {text}");
        let failure = Failure { version, reason, text, at_unix_s: unix_s() };
        locked(&self.status).failure = Some(failure.clone());
        Outcome::Failed(failure)
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
