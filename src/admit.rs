//! The door policy, one for both doors: how much work is in flight, and until when each request may take.
//!
//! What does not fit is refused at once, before any work is done for it. Nothing queues here.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::error::Error;

/// Counts the questions in flight and refuses those above the limit. A batch counts its size.
#[derive(Clone, Debug)]
pub struct Admission {
    in_flight: Arc<AtomicUsize>,
    limit: usize,
}

/// A right to have questions in flight, given back when dropped.
#[derive(Debug)]
#[must_use = "dropping a permit ends the admission"]
pub struct Permit {
    admission: Admission,
    cost: usize,
}

/// When a request must be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    started: Instant,
    allowed: Duration,
}

impl Admission {
    /// Admits up to `limit` questions at a time.
    pub fn new(limit: usize) -> Self {
        Self { in_flight: Arc::default(), limit }
    }

    /// Admits work that costs `cost` questions, or refuses it.
    #[inline]
    pub fn enter(&self, cost: usize) -> Result<Permit, Error> {
        let before = self.in_flight.fetch_add(cost, Ordering::Relaxed);
        // Built first: a refusal drops it, which takes the cost back.
        let permit = Permit { admission: self.clone(), cost };
        if before + cost <= self.limit { Ok(permit) } else { Err(Error::Overloaded { limit: self.limit }) }
    }

    /// Questions in flight now.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// The limit.
    pub fn limit(&self) -> usize {
        self.limit
    }
}

impl Permit {
    /// Raises the cost to `cost` questions, once a batch's size is known.
    pub fn raise(&mut self, cost: usize) -> Result<(), Error> {
        let mut more = self.admission.enter(cost.saturating_sub(self.cost))?;
        self.cost += std::mem::take(&mut more.cost);
        Ok(())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.in_flight.fetch_sub(self.cost, Ordering::Relaxed);
    }
}

impl Deadline {
    /// A request that came at `started` may take `allowed`.
    pub fn new(started: Instant, allowed: Duration) -> Self {
        Self { started, allowed }
    }

    /// Fails once the time is up.
    #[inline]
    pub fn check(&self) -> Result<(), Error> {
        if self.started.elapsed() < self.allowed { Ok(()) } else { Err(self.exceeded()) }
    }

    /// What is left of the time; nothing once it is up.
    pub fn left(&self) -> Duration {
        self.allowed.saturating_sub(self.started.elapsed())
    }

    /// When the request came.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The failure of a request whose time is up.
    pub fn exceeded(&self) -> Error {
        Error::DeadlineExceeded { after_ms: u64::try_from(self.allowed.as_millis()).unwrap_or(u64::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Admission, Deadline};
    use crate::error::Error;
    use std::time::{Duration, Instant};

    #[test]
    fn the_limit_holds_and_everything_is_given_back() {
        let admission = Admission::new(10);
        let mut first = admission.enter(1).expect("nothing is in flight");
        assert_eq!(first.raise(11).err(), Some(Error::Overloaded { limit: 10 }));
        first.raise(9).expect("nine fit");
        let second = admission.enter(1).expect("the tenth fits");
        assert_eq!(admission.enter(1).err(), Some(Error::Overloaded { limit: 10 }));
        assert_eq!(admission.in_flight(), 10);
        drop((first, second));
        assert_eq!(admission.in_flight(), 0);
    }

    #[test]
    fn a_deadline_passes() {
        let long = Deadline::new(Instant::now(), Duration::from_secs(3600));
        assert_eq!(long.check(), Ok(()));
        let past = Deadline::new(Instant::now(), Duration::ZERO);
        assert_eq!((past.check(), past.left()), (Err(Error::DeadlineExceeded { after_ms: 0 }), Duration::ZERO));
    }
}
