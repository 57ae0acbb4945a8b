//! What a release's model answered, kept within a bound, with one computation in flight for each history.
//!
//! A memo belongs to one release and ends with it, so that a swap drops it whole. It must never keep a failure.

use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use futures_util::FutureExt;
use futures_util::future::{Shared, WeakShared};
use quick_cache::Lifecycle;
use quick_cache::sync::Cache;
use tokio::sync::oneshot::Receiver;
use tokio::sync::oneshot::error::RecvError;

use crate::answer::Heard;
use crate::metrics::ModelMetrics;
use crate::model::worker::Verdict;

/// A history as the model reads it: indexes, oldest first.
type History = Arc<[u32]>;
/// A computation that any number of askers wait for; it is given up once none does.
type Flight = Shared<Receiver<Verdict>>;

/// Answers and computations of one release's model.
#[derive(Debug)]
pub struct Memo {
    answers: Cache<History, Arc<Heard>, quick_cache::UnitWeighter, quick_cache::DefaultHashBuilder, Evictions>,
    /// Weak, so that a computation ends when its askers have left, and not when this forgets it.
    flights: DashMap<History, WeakShared<Receiver<Verdict>>>,
}

/// Where an answer is to be had.
#[derive(Debug)]
pub enum Found {
    /// It is known.
    Known(Arc<Heard>),
    /// Another asker's computation is under way.
    Joined(Seat),
    /// A computation has begun.
    Begun(Seat),
}

/// A place among those who wait for a computation.
#[derive(Debug)]
pub struct Seat {
    memo: Arc<Memo>,
    history: History,
    /// Taken when the seat is left.
    flight: Option<Flight>,
}

impl Memo {
    /// An empty memo that keeps at most `entries_max` answers.
    pub fn new(entries_max: usize, metrics: Arc<ModelMetrics>) -> Self {
        let answers = Cache::with(
            entries_max,
            entries_max as u64,
            quick_cache::UnitWeighter,
            quick_cache::DefaultHashBuilder::default(),
            Evictions { metrics },
        );
        Self { answers, flights: DashMap::new() }
    }

    /// Answers kept now.
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// Computations under way.
    pub fn flights(&self) -> usize {
        self.flights.len()
    }

    /// The answer for a history, or a seat in its computation, which `begin` begins where none is under way.
    pub fn find<E>(
        self: &Arc<Self>,
        history: &History,
        begin: impl FnOnce() -> Result<Receiver<Verdict>, E>,
    ) -> Result<Found, E> {
        if let Some(known) = self.answers.get(history) {
            return Ok(Found::Known(known));
        }
        // The shard is locked from here on: of all who come now, one begins.
        let entry = self.flights.entry(history.clone());
        if let Some(flight) = under_way(&entry) {
            return Ok(Found::Joined(self.seat(history, flight)));
        }
        // A computation that ended meanwhile has left its answer before it left its place.
        if let Some(known) = self.answers.get(history) {
            return Ok(Found::Known(known));
        }
        let flight = begin()?.shared();
        entry.insert(flight.downgrade().expect("it has not been polled"));
        Ok(Found::Begun(self.seat(history, flight)))
    }

    fn seat(self: &Arc<Self>, history: &History, flight: Flight) -> Seat {
        Seat { memo: self.clone(), history: history.clone(), flight: Some(flight) }
    }
}

fn under_way(entry: &Entry<'_, History, WeakShared<Receiver<Verdict>>>) -> Option<Flight> {
    match entry {
        Entry::Occupied(occupied) => occupied.get().upgrade(),
        Entry::Vacant(_) => None,
    }
}

impl Seat {
    /// Waits for the verdict and keeps an answer. An error says that the question was dropped unanswered. Dropping the
    /// future and the seat leaves the others theirs.
    pub async fn verdict(&mut self) -> Result<Verdict, RecvError> {
        let flight = self.flight.clone().expect("it is taken at the end only");
        let verdict = flight.await;
        if let Ok(Ok(heard)) = &verdict {
            self.memo.answers.insert(self.history.clone(), heard.clone());
        }
        verdict
    }
}

impl Drop for Seat {
    /// The last one to leave, and each one that has seen the end, clears the place.
    fn drop(&mut self) {
        let ended = self.flight.take().is_some_and(|flight| flight.peek().is_some());
        self.memo.flights.remove_if(&self.history, |_, flight| match flight.upgrade() {
            None => true,
            Some(other) => ended && other.peek().is_some(),
        });
    }
}

/// Counts what gives way.
#[derive(Clone, Debug)]
struct Evictions {
    metrics: Arc<ModelMetrics>,
}

impl Lifecycle<History, Arc<Heard>> for Evictions {
    type RequestState = ();

    fn on_evict(&self, (): &mut Self::RequestState, _: History, _: Arc<Heard>) {
        self.metrics.evicted();
    }
}
