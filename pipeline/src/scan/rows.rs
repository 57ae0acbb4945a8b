//! An event as it is read: 20 bytes, with the user's hash.

use crate::event::Event;
use crate::spill::boxes::Record;

/// An event of a user.
///
/// Kept as five words of four bytes, because a struct of its fields would take 24.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row([u32; 5]);

impl Row {
    /// The event of a user with that hash.
    #[inline]
    pub fn new(user: u64, time_us: i64, cluster: u32) -> Self {
        let time = time_us.cast_unsigned();
        Self([user as u32, (user >> 32) as u32, time as u32, (time >> 32) as u32, cluster])
    }

    /// The user's hash.
    #[inline]
    pub fn user(&self) -> u64 {
        u64::from(self.0[0]) | u64::from(self.0[1]) << 32
    }

    /// The event, of user 0.
    #[inline]
    pub fn event(&self) -> Event {
        let time = u64::from(self.0[2]) | u64::from(self.0[3]) << 32;
        Event { user: 0, cluster: self.0[4], time_us: time.cast_signed() }
    }
}

impl Record for Row {
    fn write(self, out: &mut Vec<u8>) {
        self.0.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
    }

    fn read(bytes: &[u8]) -> Self {
        let (words, _) = bytes.as_chunks();
        Self(std::array::from_fn(|at| words.get(at).map_or(0, |word| u32::from_le_bytes(*word))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_it_was_made_of() {
        for (user, time_us, cluster) in [(0, 0, 0), (u64::MAX, i64::MIN, u32::MAX), (1 << 40, -1, 7), (5, i64::MAX, 1)]
        {
            let row = Row::new(user, time_us, cluster);
            assert_eq!((row.user(), row.event()), (user, Event { user: 0, cluster, time_us }));
            let mut bytes = Vec::new();
            row.write(&mut bytes);
            assert_eq!((bytes.len(), Row::read(&bytes)), (size_of::<Row>(), row));
        }
    }
}
