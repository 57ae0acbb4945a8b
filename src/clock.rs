//! The time of day, as everything that is written down or shown tells it; never for measuring how long anything took.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970 UTC; 0 on a machine whose clock stands before that.
pub(crate) fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
