//! How fast bytes may be fetched; it must never let more come in a second than configured, but for one piece.

use std::thread;
use std::time::{Duration, Instant};

/// Largest piece: one request, held in memory. A request costs some tens of milliseconds whatever its size.
const PIECE_BYTES_MAX: u64 = 8 << 20;
/// Smallest piece.
const PIECE_BYTES_MIN: u64 = 64 << 10;

/// A rate and what was fetched under it.
#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_s_max: u64,
    started: Instant,
    bytes: u64,
}

impl Pace {
    /// At most so many bytes in a second; 0 sets no limit.
    pub(super) fn new(bytes_per_s_max: u64) -> Self {
        Self { bytes_per_s_max, started: Instant::now(), bytes: 0 }
    }

    /// Bytes to ask for at once: half a second's, so that a wait is short.
    pub(super) fn piece_bytes(&self) -> u64 {
        match self.bytes_per_s_max {
            0 => PIECE_BYTES_MAX,
            rate => (rate / 2).clamp(PIECE_BYTES_MIN, PIECE_BYTES_MAX),
        }
    }

    /// Counts bytes that came.
    pub(super) fn came(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Waits until all that came is due.
    pub(super) fn wait(&self) {
        thread::sleep(self.due().saturating_sub(self.started.elapsed()));
    }

    /// How long all that came should have taken.
    fn due(&self) -> Duration {
        match self.bytes_per_s_max {
            0 => Duration::ZERO,
            rate => Duration::from_secs_f64(self.bytes as f64 / rate as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_due_at_the_rate() {
        for (rate, bytes, due_ms, piece) in [
            (0, u64::MAX, 0, PIECE_BYTES_MAX),
            (1000, 2500, 2500, PIECE_BYTES_MIN),
            (1 << 20, 1 << 19, 500, 1 << 19),
            (1 << 30, 1 << 30, 1000, PIECE_BYTES_MAX),
        ] {
            let pace = Pace { bytes, ..Pace::new(rate) };
            assert_eq!((pace.due().as_millis(), pace.piece_bytes()), (due_ms, piece), "{rate}");
        }
    }
}
