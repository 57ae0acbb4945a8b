//! Users as dense numbers, in the order in which they were first met.
//!
//! A user is only ever a key to group by: nothing of it leaves this module but the number.

use rustc_hash::FxHashMap;
use twox_hash::XxHash64;

/// The seed of Spark's `xxhash64`.
const HASH_SEED: u64 = 42;

/// Numbers users from 0 up.
///
/// Most logs name users by integers; those are kept as eight bytes, and only the others as text.
#[derive(Debug, Default)]
pub struct Users {
    /// The hash of each user, by number.
    hashes: Vec<u64>,
    by_integer: FxHashMap<i64, u32>,
    by_text: FxHashMap<Box<str>, u32>,
}

impl Users {
    /// The number of an integer user; `None` after four billion of them.
    pub fn number_of_integer(&mut self, user: i64) -> Option<u32> {
        let next = self.next()?;
        Some(*self.by_integer.entry(user).or_insert_with(|| {
            self.hashes.push(hash_of_integer(user));
            next
        }))
    }

    /// The number of a user given as text; text that is an integer in its usual spelling is that integer, so that a CSV and
    /// a Parquet file of one log agree.
    pub fn number_of_text(&mut self, user: &str) -> Option<u32> {
        if let Some(integer) = usual_integer(user) {
            return self.number_of_integer(integer);
        }
        if let Some(number) = self.by_text.get(user) {
            return Some(*number);
        }
        let next = self.next()?;
        self.hashes.push(hash_of_text(user));
        self.by_text.insert(user.into(), next);
        Some(next)
    }

    /// How many users have a number.
    pub fn len(&self) -> usize {
        self.by_integer.len() + self.by_text.len()
    }

    /// The hashes of the users, by number.
    pub fn into_hashes(self) -> Vec<u64> {
        self.hashes
    }

    /// Whether no user was met yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn next(&self) -> Option<u32> {
        u32::try_from(self.len()).ok()
    }
}

/// The hash of an integer user: that of Spark's `xxhash64(user)` for a BIGINT, which gives no two integers the same.
pub fn hash_of_integer(user: i64) -> u64 {
    XxHash64::oneshot(HASH_SEED, &user.to_le_bytes())
}

/// The hash of a user given as text: that of Spark's `xxhash64(user)` for a STRING. Text that is an integer in its usual spelling has
/// that integer's. Two texts have the same with a chance of one in 2^64: of a billion users, one pair in 37 such logs.
pub fn hash_of_text(user: &str) -> u64 {
    usual_integer(user).map_or_else(|| XxHash64::oneshot(HASH_SEED, user.as_bytes()), hash_of_integer)
}

fn usual_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let usual = match digits {
        [b'0'] => text.len() == 1,
        [b'1'..=b'9', ..] => true,
        _ => false,
    };
    if usual { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_one_number_whatever_the_spelling() {
        let mut users = Users::default();
        let cases =
            [("7", 0), ("007", 1), ("anna", 2), ("7", 0), ("-0", 3), ("0", 4), ("+7", 5), ("anna", 2), ("-7", 6)];
        for (user, number) in cases {
            assert_eq!(users.number_of_text(user), Some(number), "{user}");
        }
        assert_eq!(users.number_of_integer(7), Some(0));
        assert_eq!(users.len(), 7);
    }

    #[test]
    fn hashes_are_sparks() {
        // SELECT xxhash64(7L), xxhash64(-7L), xxhash64(0L), xxhash64('anna'), xxhash64('007')
        let expected = [
            -2864211556195259663,
            -1663473129717591079,
            -5252525462095825812,
            3940404480344554896,
            4253822561066836160,
        ];
        let got = ["7", "-7", "0", "anna", "007"].map(|user| hash_of_text(user).cast_signed());
        assert_eq!(got, expected);
    }
}
