//! Follows the store's pointer and does what an operator asks of releases, each of which is loaded, verified, warmed
//! and checked before it serves.
//!
//! Three threads of its own do it, and requests never do: one decides and swaps, within milliseconds; one loads, and one
//! frees what no longer serves, both at low priority. Whatever fails, the release before keeps serving, and the failure
//! stands in [`Status`], in the [`Book`] and in a metric. A failure never blocks what is pointed at next.

use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Sender, bounded};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::lifecycle::{Book, Reason};
use super::live::{Live, Share};
use super::manifest::Version;
use super::store::Store;
use crate::audit::Audit;
use crate::config::Config;
use crate::metrics::Metrics;

mod command;
mod errand;
mod follower;
mod land;
mod loader;
mod outcome;
mod outside;
mod residents;
mod retired;
mod retry;
mod standings;
mod trial;

pub use outcome::{Effect, Failure, Outcome, Positions, Status};

use command::{Command, Request};
use follower::Follower;

/// Requests that may wait until the deciding thread hears them, which takes milliseconds.
const REQUESTS_MAX: usize = 16;
/// The class of a quarantine that an operator ordered.
pub const OPERATOR: &str = "operator";

/// Who waits for an outcome.
type Reply = oneshot::Sender<Outcome>;

/// A handle on the reloader; clones share it. The thread ends when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Reloader {
    requests: Sender<Request>,
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
    /// Where it records that another hand moved the pointer.
    pub audit: Audit,
}

impl Reloader {
    /// Starts the threads; they look at the pointer at once, then at every `poll` and whenever asked.
    pub fn start(parts: Parts, config: &Config) -> std::io::Result<Self> {
        let (requests, waiting) = bounded(REQUESTS_MAX);
        let (status, book) = (Arc::<Mutex<Status>>::default(), parts.book.clone());
        parts.metrics.release().keep(&book);
        let follower = Follower::new(parts, config, status.clone())?;
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
        self.status.lock().clone()
    }
}
