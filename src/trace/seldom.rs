//! Lets a line that anyone can cause be written only now and then; it must never hold up who would write it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Says when the next line is due.
#[derive(Debug)]
pub struct Seldom {
    interval: Duration,
    started: Instant,
    /// Nanoseconds since the start; 0 is due.
    due_ns: AtomicU64,
}

impl Seldom {
    /// At most one line in each interval.
    pub fn new(interval: Duration) -> Self {
        Self { interval, started: Instant::now(), due_ns: AtomicU64::new(0) }
    }

    /// Whether a line is due; then none is for one interval.
    pub fn is_due(&self) -> bool {
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let (now, due) = (nanoseconds(self.started.elapsed()), self.due_ns.load(Ordering::Relaxed));
        let next = now.saturating_add(nanoseconds(self.interval));
        now >= due && self.due_ns.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Seldom;
    use std::time::Duration;

    #[test]
    fn one_line_is_due_in_an_interval() {
        let hourly = Seldom::new(Duration::from_secs(3600));
        assert_eq!([hourly.is_due(), hourly.is_due()], [true, false]);
        let always = Seldom::new(Duration::ZERO);
        assert_eq!([always.is_due(), always.is_due()], [true, true]);
    }
}
