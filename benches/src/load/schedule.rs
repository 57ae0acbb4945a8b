//! When the next request is due and which connection carries it; pure arithmetic, no clock and no socket.

use std::time::Duration;

/// How requests follow each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Each connection (or stream) asks again as soon as it is answered.
    Closed,
    /// Requests are due at fixed times whatever the server does.
    Open {
        /// Requests a second over all connections.
        per_second: f64,
    },
}

/// How requests divide over connections.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spread {
    /// Each connection carries the same.
    Even,
    /// A few connections carry most of the load, as a few busy callers behind pooled connections do.
    Uneven {
        /// How many of all connections are heavy.
        heavy: usize,
        /// The share of all requests that those carry, 0 to 1.
        share: f64,
    },
}

/// The fixed schedule of one client thread.
#[derive(Debug)]
pub struct Schedule {
    /// Time between two requests of this thread.
    interval: Duration,
    /// Connection of each slot of a cycle.
    turns: Vec<usize>,
    /// Slots handed out so far.
    taken: u64,
}

/// One request that is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Due {
    /// Counted from the start of the run.
    pub at: Duration,
    /// Which of the thread's connections carries it.
    pub connection: usize,
}

impl Schedule {
    /// The schedule of one of `threads` threads that has `connections` connections of its own.
    pub fn new(per_second: f64, spread: Spread, share: ThreadShare) -> Self {
        let interval = Duration::from_secs_f64(share.threads as f64 / per_second);
        Self { interval, turns: turns(spread, share), taken: 0 }
    }

    /// When the next request is due.
    pub fn next_at(&self) -> Duration {
        Duration::from_nanos((self.interval.as_nanos() as u64).saturating_mul(self.taken))
    }

    /// Takes the next request if its time has come.
    pub fn take(&mut self, now: Duration) -> Option<Due> {
        let at = self.next_at();
        if at > now {
            return None;
        }
        let connection = self.turns[(self.taken % self.turns.len() as u64) as usize];
        self.taken += 1;
        Some(Due { at, connection })
    }
}

/// What one client thread has of the whole.
#[derive(Clone, Copy, Debug)]
pub struct ThreadShare {
    /// All client threads.
    pub threads: usize,
    /// Connections of this thread.
    pub connections: usize,
}

fn turns(spread: Spread, share: ThreadShare) -> Vec<usize> {
    match spread {
        Spread::Even => (0..share.connections).collect(),
        Spread::Uneven { heavy, share: carried } => uneven(heavy.div_ceil(share.threads), carried, share.connections),
    }
}

/// A cycle of 1,000 slots in which every slot goes to a heavy connection, except evenly spaced light ones.
fn uneven(heavy: usize, carried: f64, connections: usize) -> Vec<usize> {
    const SLOTS: usize = 1_000;
    let (mut debt, mut light, mut next) = (0.0, 0, 0);
    let heavy = heavy.clamp(1, connections);
    let mut slots = Vec::with_capacity(SLOTS);
    for _ in 0..SLOTS {
        debt += 1.0 - carried;
        if debt >= 1.0 && connections > heavy {
            debt -= 1.0;
            slots.push(heavy + light % (connections - heavy));
            light += 1;
        } else {
            slots.push(next % heavy);
            next += 1;
        }
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uneven_cycle_gives_the_heavy_connections_their_share() {
        for (heavy, carried, connections) in [(4, 0.8, 64), (1, 0.5, 2), (2, 0.9, 32)] {
            let cycle = uneven(heavy, carried, connections);
            let got = cycle.iter().filter(|connection| **connection < heavy).count() as f64 / cycle.len() as f64;
            assert!((got - carried).abs() < 0.01, "{heavy} of {connections} should carry {carried}, carry {got}");
            assert!(cycle.iter().all(|connection| *connection < connections));
        }
    }

    #[test]
    fn requests_fall_due_at_fixed_times() {
        let share = ThreadShare { threads: 2, connections: 3 };
        let mut schedule = Schedule::new(1_000.0, Spread::Even, share);
        let due: Vec<_> = std::iter::from_fn(|| schedule.take(Duration::from_millis(6))).collect();
        let expected = [(0, 0), (2, 1), (4, 2), (6, 0)];
        assert_eq!(due, expected.map(|(ms, connection)| Due { at: Duration::from_millis(ms), connection }));
    }
}
