//! The circuit breaker: leaves a model alone that fails again and again, and tries it with one question after a while.
//!
//! It must never read a clock: whoever asks says what time it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// When the breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerLimits {
    /// Failures in a row that open it; at least 1.
    pub failures_max: usize,
    /// Time that it stays open before one question is let through.
    pub open: Duration,
}

/// A breaker; clones share it.
#[derive(Clone, Debug)]
pub struct Breaker {
    limits: BreakerLimits,
    inner: Arc<Mutex<Inner>>,
}

/// What the breaker lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Everything.
    Closed,
    /// One question, whose end decides.
    HalfOpen,
    /// Nothing.
    Open,
}

/// A question that was let through. Dropped without a verdict it says nothing; a probe's place is then free again.
#[derive(Debug)]
#[must_use = "the breaker learns from the verdict"]
pub struct Passage {
    breaker: Breaker,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Let through by a closed breaker.
    Usual,
    /// The one question of a half-open breaker, let through at this time.
    Probe(Instant),
    /// Its verdict is given.
    Judged,
}

#[derive(Debug)]
enum Inner {
    /// With so many failures in a row.
    Closed(usize),
    /// Until then.
    Open(Instant),
    /// The probe is under way.
    Probing,
}

impl Breaker {
    /// A closed one.
    pub fn new(limits: BreakerLimits) -> Self {
        Self { limits, inner: Arc::new(Mutex::new(Inner::Closed(0))) }
    }

    /// Lets a question through, or not.
    pub fn enter(&self, now: Instant) -> Option<Passage> {
        let mut inner = self.inner.lock();
        let kind = match *inner {
            Inner::Closed(_) => Kind::Usual,
            Inner::Open(until) if until <= now => Kind::Probe(now),
            Inner::Open(_) | Inner::Probing => return None,
        };
        if let Kind::Probe(_) = kind {
            *inner = Inner::Probing;
        }
        Some(Passage { breaker: self.clone(), kind })
    }

    /// What it would let through.
    pub fn state(&self, now: Instant) -> BreakerState {
        match *self.inner.lock() {
            Inner::Closed(_) => BreakerState::Closed,
            Inner::Open(until) if until > now => BreakerState::Open,
            Inner::Open(_) | Inner::Probing => BreakerState::HalfOpen,
        }
    }
}

impl Passage {
    /// The question was answered.
    pub fn succeed(mut self) {
        let mut inner = self.breaker.inner.lock();
        match (self.kind, &mut *inner) {
            (Kind::Probe(_), state) => *state = Inner::Closed(0),
            (_, Inner::Closed(failures)) => *failures = 0,
            // A question from before it opened says nothing about now.
            (_, Inner::Open(_) | Inner::Probing) => {}
        }
        drop(inner);
        self.kind = Kind::Judged;
    }

    /// The question failed.
    pub fn fail(mut self, now: Instant) {
        let BreakerLimits { failures_max, open } = self.breaker.limits;
        let mut inner = self.breaker.inner.lock();
        let opens = match (self.kind, &mut *inner) {
            (Kind::Probe(_), _) => true,
            (_, Inner::Closed(failures)) => {
                *failures += 1;
                *failures >= failures_max
            }
            (_, Inner::Open(_) | Inner::Probing) => false,
        };
        if opens {
            *inner = Inner::Open(now + open);
        }
        drop(inner);
        if opens {
            tracing::warn!(open_ms = open.as_millis(), "the model fails; it is left alone for a while");
        }
        self.kind = Kind::Judged;
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        if let Kind::Probe(entered) = self.kind {
            // It was let through at that time, and so is the next.
            *self.breaker.inner.lock() = Inner::Open(entered);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Breaker, BreakerLimits, BreakerState};
    use std::time::{Duration, Instant};

    const OPEN: Duration = Duration::from_secs(5);

    fn breaker() -> (Breaker, Instant) {
        (Breaker::new(BreakerLimits { failures_max: 3, open: OPEN }), Instant::now())
    }

    fn fail(breaker: &Breaker, now: Instant, times: usize) {
        for _ in 0..times {
            breaker.enter(now).expect("it lets through").fail(now);
        }
    }

    #[test]
    fn only_failures_in_a_row_open_it() {
        let (breaker, now) = breaker();
        for _ in 0..5 {
            fail(&breaker, now, 2);
            breaker.enter(now).expect("it is closed").succeed();
        }
        fail(&breaker, now, 2);
        drop(breaker.enter(now));
        assert_eq!(breaker.state(now), BreakerState::Closed);
        fail(&breaker, now, 1);
        assert_eq!(breaker.state(now), BreakerState::Open);
        assert!(breaker.enter(now + OPEN - Duration::from_nanos(1)).is_none());
    }

    #[test]
    fn one_probe_decides() {
        let (breaker, now) = breaker();
        fail(&breaker, now, 3);
        let later = now + OPEN;
        assert_eq!(breaker.state(later), BreakerState::HalfOpen);
        let probe = breaker.enter(later).expect("the time is up");
        assert!(breaker.enter(later).is_none(), "a second question while the first is out");
        probe.fail(later);
        assert_eq!(breaker.state(later), BreakerState::Open);
        let again = later + OPEN;
        breaker.enter(again).expect("the time is up again").succeed();
        assert_eq!(breaker.state(again), BreakerState::Closed);
        fail(&breaker, again, 2);
        assert_eq!(breaker.state(again), BreakerState::Closed, "it begins to count anew");
    }

    #[test]
    fn a_probe_without_a_verdict_lets_the_next_one_through() {
        let (breaker, now) = breaker();
        fail(&breaker, now, 3);
        let later = now + OPEN;
        drop(breaker.enter(later).expect("the time is up"));
        breaker.enter(later).expect("the place is free").succeed();
        assert_eq!(breaker.state(later), BreakerState::Closed);
    }

    #[test]
    fn questions_from_before_it_opened_change_nothing() {
        let (breaker, now) = breaker();
        let (early, late) = (breaker.enter(now).expect("closed"), breaker.enter(now).expect("closed"));
        fail(&breaker, now, 3);
        early.succeed();
        late.fail(now + OPEN);
        assert_eq!(breaker.state(now), BreakerState::Open);
        assert_eq!(breaker.state(now + OPEN), BreakerState::HalfOpen);
    }
}
