//! Who is part of a trial: a share of all callers, and each caller's own place; it must never depend on the replica.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use crate::snapshot::manifest::Version;

/// Places on the scale that shares are measured on: enough for one in two billion.
const SCALE: u32 = 1 << 31;
/// Ids of a list that its lot follows from, the last: they tell callers apart, and need no memory but the stack.
const IDS_MAX: usize = 16;
/// Decimals of a share as it is shown: as many as the scale tells apart.
const SHOWN: f64 = 1e9;

/// A part of all callers, from none to all. Raising it keeps everyone who was part of the smaller one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(u32);

/// A caller's place in one trial, the same on every replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lot(u32);

/// Where a trial's lots begin: another for each release, so that it is not always the same callers who try what is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(u64);

/// A number that is no share.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("the share is {got}, expected a number from 0 to 1, such as 0.05, or a percentage, such as 5%")]
pub struct ShareError {
    /// What came; not a number where the text was none.
    pub got: f64,
}

impl Share {
    /// Nobody.
    pub const NONE: Self = Self(0);
    /// Everybody.
    pub const ALL: Self = Self(SCALE);

    /// The share of a ratio from 0 to 1.
    pub fn of(ratio: f64) -> Result<Self, ShareError> {
        let held = (0.0..=1.0).contains(&ratio);
        if held { Ok(Self((ratio * f64::from(SCALE)).round() as u32)) } else { Err(ShareError { got: ratio }) }
    }

    /// From 0 to 1.
    pub fn ratio(self) -> f64 {
        (f64::from(self.0) / f64::from(SCALE) * SHOWN).round() / SHOWN
    }

    /// Whether it is nobody.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether a lot is within.
    #[inline]
    pub const fn holds(self, lot: Lot) -> bool {
        lot.0 < self.0
    }
}

impl Lot {
    /// The lot of some bytes: the upper 31 bits of their XXH3 under the trial's seed.
    pub fn of(bytes: &[u8], Seed(seed): Seed) -> Self {
        Self((XxHash3_64::oneshot_with_seed(seed, bytes) >> 33) as u32)
    }

    /// The lot of a list of ids: of the last 16 of them, four bytes each, little-endian.
    pub fn of_ids(ids: &[u32], seed: Seed) -> Self {
        let mut bytes = [0; 4 * IDS_MAX];
        let last = &ids[ids.len().saturating_sub(IDS_MAX)..];
        bytes.chunks_exact_mut(4).zip(last).for_each(|(place, id)| place.copy_from_slice(&id.to_le_bytes()));
        Self::of(&bytes[..4 * last.len()], seed)
    }

    /// A lot drawn at random, for what need not be stable.
    #[inline]
    pub fn drawn() -> Self {
        Self(fastrand::u32(..SCALE))
    }
}

impl Seed {
    /// The seed of a release's trial: the XXH3 of its name.
    pub fn of(release: &Version) -> Self {
        Self(XxHash3_64::oneshot(release.as_str().as_bytes()))
    }
}

impl TryFrom<f64> for Share {
    type Error = ShareError;

    fn try_from(ratio: f64) -> Result<Self, ShareError> {
        Self::of(ratio)
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> Self {
        share.ratio()
    }
}

impl FromStr for Share {
    type Err = ShareError;

    /// A ratio, or a percentage with its sign.
    fn from_str(text: &str) -> Result<Self, ShareError> {
        let (number, whole) = text.trim().strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
        Self::of(number.trim().parse().unwrap_or(f64::NAN) / whole)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.ratio())
    }
}
