//! Follows a channel of a depot: takes what it names into the store, and has it serve or wait beside what serves.
//!
//! One thread of its own, at low priority, does all of it. It moves nothing itself: what it fetched goes through the same
//! door as a push, and what it asks of the reloader can be refused. It must never bring back what an operator pinned
//! against, rolled back from or quarantined; and what failed never stands in the way of what the channel names next.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

mod board;
mod error;
mod fetch;
mod follower;
mod pace;
mod retry;

pub use board::{Board, Status};
pub use error::PullError;

use follower::Follower;
use retry::Retry;

use crate::audit::Audit;
use crate::config;
use crate::depot::{Depot, DepotError};
use crate::metrics::TransferMetrics;
use crate::priority;
use crate::snapshot::ingest::Ingest;
use crate::snapshot::reload::Reloader;
use crate::snapshot::store::Store;

/// A handle on the thread that pulls, which ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Puller {
    asks: SyncSender<()>,
    board: Board,
    /// Held by every handle, and by nobody else: the thread sees when all are gone.
    _held: Arc<()>,
}

/// What pulling works on.
#[derive(Clone)]
pub struct Parts {
    /// Where what is pulled goes.
    pub store: Store,
    /// Who takes it in.
    pub ingest: Arc<Ingest>,
    /// Who has it serve.
    pub reloader: Reloader,
    /// Where it is counted.
    pub metrics: Arc<TransferMetrics>,
    /// Where it is recorded.
    pub audit: Audit,
    /// Where it is written how pulling stands.
    pub board: Board,
}

/// Why nothing can be pulled.
#[derive(Debug, thiserror::Error)]
pub enum PullStartError {
    /// The depot cannot be used.
    #[error("pull.from: {0}")]
    Depot(#[from] DepotError),
    /// The system gives no thread.
    #[error("pulling cannot start: {0}; raise the limit on threads")]
    Thread(#[from] io::Error),
}

impl Puller {
    /// Starts to pull, where the configuration says from where.
    ///
    /// # Errors
    /// When the place is none, or the system gives no thread. That it does not answer is none: it may in a moment.
    pub fn start(parts: Parts, config: &config::Pull) -> Result<Option<Self>, PullStartError> {
        let Some(from) = &config.from else { return Ok(None) };
        let depot = open_stepped_back(from)?;
        let (asks, asked) = sync_channel(1);
        let (board, held) = (parts.board.clone(), Arc::new(()));
        parts.metrics.pulls();
        board.open(from.clone(), config.channel.clone());
        let follower = Follower {
            depot,
            config: config.clone(),
            retry: Retry::default(),
            said: None,
            wanted: Arc::downgrade(&held),
            parts,
        };
        let thread = thread::Builder::new().name("segue-pull".to_owned());
        thread.spawn(move || follower.run(&asked))?;
        Ok(Some(Self { asks, board, _held: held }))
    }

    /// Asks for a look at the channel now; one that waits already answers this as well.
    pub fn request(&self) {
        let _ = self.asks.try_send(());
    }

    /// Where it is written how it stands.
    pub fn board(&self) -> &Board {
        &self.board
    }
}

/// Opens a depot on a thread at the priority of what can wait, which those that it starts for the network inherit.
fn open_stepped_back(from: &str) -> Result<Depot, PullStartError> {
    thread::scope(|scope| {
        let opening = scope.spawn(|| {
            priority::step_back();
            Depot::open(from)
        });
        let opened = opening.join().map_err(|_| io::Error::other("opening the depot panicked"))?;
        Ok(opened?)
    })
}
