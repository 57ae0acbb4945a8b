//! The thread that frees what serves no more, once no request holds it, and removes the files of what served long ago; it
//! must never keep what could be freed.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};

use crate::metrics::Metrics;
use crate::model::Model;
use crate::priority;
use crate::snapshot::release::Release;
use crate::snapshot::retention;
use crate::snapshot::store::Store;

/// Time between two looks at whether requests still hold what is to be freed.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A handle on the thread, which ends when it is dropped.
#[derive(Debug)]
pub(super) struct Retired {
    orders: Sender<Order>,
}

/// What the thread is told. There are few: a release each, or a word.
#[derive(Debug)]
enum Order {
    /// To free a release.
    Free(Arc<Release>),
    /// To remove the files of all that are hidden.
    Sweep,
}

/// Releases and models that are to be freed. A model has a place of its own: whoever computes an answer may hold it for
/// longer than its release, and another release may share it.
#[derive(Debug, Default)]
struct Held {
    releases: Vec<Arc<Release>>,
    models: Vec<Arc<Model>>,
}

impl Retired {
    /// Starts the thread.
    pub(super) fn start(store: Store, metrics: Metrics) -> io::Result<Self> {
        let (orders, waiting) = unbounded();
        thread::Builder::new().name("segue-retire".to_owned()).spawn(move || work(&waiting, &store, &metrics))?;
        Ok(Self { orders })
    }

    /// Takes releases that are wanted no more.
    pub(super) fn take(&self, releases: Vec<Arc<Release>>) {
        releases.into_iter().for_each(|release| self.order(Order::Free(release)));
    }

    /// Has the files of expired releases removed.
    pub(super) fn sweep(&self) {
        self.order(Order::Sweep);
    }

    fn order(&self, order: Order) {
        // The thread ends only after this handle.
        let _ = self.orders.send(order);
    }
}

fn work(orders: &Receiver<Order>, store: &Store, metrics: &Metrics) {
    priority::step_back();
    let mut held = Held::default();
    loop {
        let wait = if held.is_empty() { Duration::MAX } else { LOOK_EVERY };
        match orders.recv_timeout(wait) {
            Ok(Order::Free(release)) => held.add(release),
            Ok(Order::Sweep) => metrics.release().retired(retention::sweep(store)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        held.free_unread();
    }
}

impl Held {
    fn add(&mut self, release: Arc<Release>) {
        let known = |model: &Arc<Model>| self.models.iter().any(|kept| Arc::ptr_eq(kept, model));
        self.models.extend(release.model().filter(|model| !known(model)).cloned());
        self.releases.push(release);
    }

    /// Frees what nobody else holds.
    fn free_unread(&mut self) {
        let unread = self.releases.extract_if(.., |release| Arc::strong_count(release) == 1);
        unread.filter_map(Arc::into_inner).for_each(Release::let_go);
        self.models.retain(|model| Arc::strong_count(model) > 1);
    }

    fn is_empty(&self) -> bool {
        self.releases.is_empty() && self.models.is_empty()
    }
}
