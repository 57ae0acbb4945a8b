//! The thread that writes the unseen log: at an interval, at a swap and at the stop; recording never waits for it.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::file::Span;
use super::{UnseenLog, files};
use crate::config;
use crate::snapshot::live::Live;
use crate::snapshot::manifest::Version;

/// Time between looks whether another release serves: so much may stand in the file of the release before.
const SWAP_POLL: Duration = Duration::from_secs(1);
/// Spans kept for the next attempt while the disk refuses; past it the oldest is given up.
const UNWRITTEN_MAX: usize = 4;

/// What the thread works on.
#[derive(Clone, Debug)]
pub struct Parts {
    /// What it empties.
    pub log: Arc<UnseenLog>,
    /// Whose release it names.
    pub live: Arc<Live>,
    /// Where the files go.
    pub dir: PathBuf,
}

impl Parts {
    fn serving(&self) -> Option<Version> {
        self.live.read(|release| release.manifest().version.clone())
    }
}

/// The thread, running.
#[derive(Debug)]
pub struct Flusher {
    stop: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl Flusher {
    /// Starts the thread.
    pub fn start(parts: Parts, config: &config::Unseen) -> io::Result<Self> {
        let (stop, stopped) = sync_channel(1);
        let (flush, files_max) = (config.flush, config.files_max);
        let serving = parts.serving();
        let writer = Writer { parts, flush, files_max, unwritten: VecDeque::new(), serving };
        let thread = thread::Builder::new().name("segue-unseen".to_owned()).spawn(move || writer.run(&stopped))?;
        Ok(Self { stop, thread })
    }

    /// Writes what is left, and ends the thread.
    pub fn stop(self) {
        drop(self.stop);
        // A panic has been printed.
        let _ = self.thread.join();
    }
}

struct Writer {
    parts: Parts,
    flush: Duration,
    files_max: usize,
    /// Spans that the disk refused, oldest first.
    unwritten: VecDeque<Span>,
    serving: Option<Version>,
}

impl Writer {
    fn run(mut self, stopped: &Receiver<()>) {
        let mut due = Instant::now() + self.flush;
        loop {
            let wait = due.saturating_duration_since(Instant::now()).min(SWAP_POLL);
            let stopping = stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout);
            let serving = self.parts.serving();
            // Before the first release nothing is unseen: what was counted since is the first one's.
            let swapped = self.serving.is_some() && serving != self.serving;
            if !swapped {
                self.serving.clone_from(&serving);
            }
            if stopping || swapped || Instant::now() >= due {
                self.write();
                due = Instant::now() + self.flush;
            }
            self.serving = serving;
            if stopping {
                return;
            }
        }
    }

    /// Writes what the disk refused before and what was counted since.
    fn write(&mut self) {
        let span = self.parts.log.take(self.serving.clone());
        if !span.is_empty() {
            self.unwritten.push_back(span);
        }
        if let Err(error) = self.write_all() {
            self.parts.log.flush_failed();
            let dir = self.parts.dir.display();
            tracing::warn!(%error, %dir, spans = self.unwritten.len(), "unseen histories not written; trying again");
        }
        while self.unwritten.len() > UNWRITTEN_MAX {
            self.unwritten.pop_front().iter().for_each(|span| self.parts.log.abandoned(span));
        }
    }

    fn write_all(&mut self) -> io::Result<()> {
        while let Some(span) = self.unwritten.front() {
            let path = files::write(&self.parts.dir, span)?;
            tracing::debug!(path = %path.display(), histories = span.rows.len(), "unseen histories written");
            self.unwritten.pop_front();
            files::trim(&self.parts.dir, self.files_max)?;
        }
        Ok(())
    }
}
