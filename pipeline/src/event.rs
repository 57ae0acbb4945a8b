//! One event of a log, as small as counting needs it.

use std::cmp::Ordering;
use std::io::{self, Read, Write};

use crate::sort::Row;

/// Microseconds in a second: times are kept in microseconds, so that two events of one second keep their order.
pub const US_PER_S: i64 = 1_000_000;

/// A user engaged with a cluster at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The user's number in [`Users`](crate::users::Users).
    pub user: u32,
    /// The cluster's dense index: the rank of its id in the catalogue.
    pub cluster: u32,
    /// Microseconds since 1970.
    pub time_us: i64,
}

/// By user, then by time; equal times keep the order of the files.
impl Row for Event {
    fn order(&self, other: &Self) -> Ordering {
        (self.user, self.time_us).cmp(&(other.user, other.time_us))
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.user.to_le_bytes())?;
        out.write_all(&self.cluster.to_le_bytes())?;
        out.write_all(&self.time_us.to_le_bytes())
    }

    fn read(input: &mut impl Read) -> io::Result<Self> {
        let mut bytes = [0; 16];
        input.read_exact(&mut bytes)?;
        let [user, cluster, low, high] = [0, 4, 8, 12].map(|at| word(&bytes, at));
        Ok(Self { user, cluster, time_us: (u64::from(low) | (u64::from(high) << 32)).cast_signed() })
    }
}

fn word(bytes: &[u8; 16], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
