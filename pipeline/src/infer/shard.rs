//! A shard: one machine's contiguous range of the parts, so that many machines compute one job.
//!
//! A part is cut and named alike whoever computes it; a shard never changes a byte of it.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::job::REPORT;

/// One of several shards, written `index/of`, counted from 0 as the schedulers do that number their tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    index: u32,
    of: u32,
}

/// Why a text names no shard.
#[derive(Debug, thiserror::Error)]
#[error("expected a shard as INDEX/OF with INDEX from 0 to OF - 1, such as 0/16 or 15/16, got {got:?}")]
pub struct ShardError {
    /// The text.
    got: String,
}

impl Shard {
    /// Its place among the shards, from 0.
    pub const fn index(self) -> u32 {
        self.index
    }

    /// How many shards there are.
    pub const fn of(self) -> u32 {
        self.of
    }

    /// Those of so many parts that are this shard's; the shards' ranges follow one another and differ by one at most.
    pub fn parts(self, parts: usize) -> Range<usize> {
        let start = |index: u32| (parts as u64 * u64::from(index) / u64::from(self.of)) as usize;
        start(self.index)..start(self.index + 1)
    }

    /// The report's name: another in each shard, so that their files can lie in one directory.
    pub fn report(self) -> String {
        let (stem, extension) = REPORT.split_once('.').unwrap_or((REPORT, "json"));
        format!("{stem}-{}-of-{}.{extension}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let numbers = text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((index, of)) if index < of => Ok(Self { index, of }),
            _ => Err(ShardError { got: text.to_owned() }),
        }
    }
}

impl TryFrom<String> for Shard {
    type Error = ShardError;

    fn try_from(text: String) -> Result<Self, ShardError> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.index, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_hold_every_part_once_and_evenly() {
        for (parts, of) in [(0, 1), (1, 1), (1, 3), (7, 3), (16, 16), (143, 10), (5, 100)] {
            let ranges: Vec<_> = (0..of).map(|index| Shard { index, of }.parts(parts)).collect();
            assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start), "{ranges:?}");
            assert_eq!((ranges[0].start, ranges.last().map(|range| range.end)), (0, Some(parts)));
            let lengths = ranges.iter().map(ExactSizeIterator::len);
            assert!(lengths.clone().max().unwrap() - lengths.min().unwrap() <= 1, "{ranges:?}");
        }
    }

    #[test]
    fn a_shard_reads_back_as_it_is_written() {
        let shard: Shard = "3/16".parse().unwrap();
        assert_eq!((shard.index(), shard.of(), shard.report().as_str()), (3, 16, "candidates-3-of-16.json"));
        let json = serde_json::to_string(&shard).unwrap();
        assert_eq!((json.as_str(), serde_json::from_str::<Shard>(&json).unwrap()), ("\"3/16\"", shard));
        for text in ["16/16", "0/0", "1", "-1/3", "1/", "/3", "a/b", "1/2/3", ""] {
            let error = text.parse::<Shard>().unwrap_err().to_string();
            assert!(error.contains(&format!("got {text:?}")), "{error}");
        }
    }
}
