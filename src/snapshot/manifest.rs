//! `manifest.json`: what a release is, what it is made of, and where it came from.
//!
//! Written last, so that a release with a manifest is complete. Unknown fields are refused: a manifest that says more
//! than this build understands was made for a newer one.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The only manifest format that this build reads and writes.
pub const FORMAT: &str = "segue.release/1";
/// Every manifest format that this build reads, oldest first.
pub const FORMATS: &[&str] = &[FORMAT];
/// The manifest's file name.
pub const MANIFEST: &str = "manifest.json";
/// The table's file name.
pub const TABLE: &str = "table.segue";
/// The catalogue's file name.
pub const CATALOGUE: &str = "catalogue.jsonl";
/// The golden questions' file name.
pub const GOLDEN: &str = "golden.jsonl";
/// The signature's file name. It signs the manifest, so the manifest cannot list it.
pub const SIGNATURE: &str = "manifest.sig";
/// The files that a manifest lists, in its order.
pub const FILES: [&str; 3] = [TABLE, CATALOGUE, GOLDEN];
/// Largest manifest that is read: it holds figures, never data.
pub const MANIFEST_BYTES_MAX: u64 = 1 << 20;

/// Longest version name: it is a directory's name and a header's value.
const VERSION_BYTES_MAX: usize = 128;

/// The name of a release, model or catalogue: letters, digits, `.`, `_` and `-`, starting with a letter or digit, so
/// that it is safe as a file name, a metric label and a JSON string.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(String);

/// Not the name of a version.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{got}` is no version name, expected 1 to {VERSION_BYTES_MAX} letters, digits, `.`, `_` or `-`, not starting with `.`, `_` or `-`"
)]
pub struct VersionError {
    /// What came.
    pub got: String,
}

/// What a release is. See the fields; `serde` gives the JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always [`FORMAT`].
    pub format: String,
    /// The release's name, also its directory's.
    pub version: Version,
    /// The snapshot's name: it changes exactly when the table's bytes do.
    pub snapshot: Version,
    /// The model that the candidates were computed with, if one was.
    pub model: Option<Version>,
    /// The catalogue's name: it changes exactly when the catalogue's bytes do.
    pub catalogue: Version,
    /// When the release was made, in seconds since 1970 UTC, if its maker said so.
    pub created_unix_s: Option<u64>,
    /// The table's figures, repeated so that they can be read without it.
    pub table: TableFigures,
    /// Every other file of the release.
    pub files: Vec<ReleaseFile>,
    /// Where the content came from.
    pub provenance: Provenance,
    /// Figures of quality, by name, such as a hit rate on held-out data.
    pub quality: BTreeMap<String, f64>,
    /// The shares of answers by source that its maker expects.
    pub expected_sources: BTreeMap<String, f64>,
}

/// The shape of a table and what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableFigures {
    /// Clusters in the catalogue.
    pub clusters: u32,
    /// Clusters in the longest history.
    pub depth: u8,
    /// Most candidates of one history.
    pub width: u8,
    /// Histories present and possible, by length from 0.
    pub levels: Vec<LevelFigures>,
}

/// Histories of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelFigures {
    /// Histories that the table holds.
    pub present: u64,
    /// Histories that there can be: clusters to the power of the length.
    pub possible: u64,
}

/// A file of the release and what it must contain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseFile {
    /// Its name inside the release's directory, one of [`FILES`].
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its BLAKE3 digest, 64 hexadecimal digits.
    pub blake3: String,
}

/// Where a release's content came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The program that made it, with its version.
    pub tool: String,
    /// What it read.
    pub inputs: Vec<InputFile>,
    /// Every setting that shaped the content.
    pub settings: BTreeMap<String, String>,
    /// The span of the interactions counted, if it came from a log.
    pub data_window: Option<DataWindow>,
    /// Whom to cite for the data.
    pub citation: Option<String>,
}

/// A file that a release was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputFile {
    /// Its name, without a path.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its BLAKE3 digest, 64 hexadecimal digits.
    pub blake3: String,
}

/// A span of time, in seconds since 1970 UTC; both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataWindow {
    /// The first interaction's time.
    pub from_unix_s: u64,
    /// The last interaction's time.
    pub to_unix_s: u64,
}

/// Why bytes are no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not the JSON of a manifest.
    #[error("the manifest cannot be read: {0}; expected the JSON of {FORMAT}")]
    Json(#[from] serde_json::Error),
    /// Another format.
    #[error("the manifest's format is `{got}`, expected `{FORMAT}`; build the release anew, or upgrade the service")]
    Format {
        /// What came.
        got: String,
    },
    /// The files listed are not those of a release.
    #[error("the manifest lists {got:?}, expected {FILES:?}")]
    Files {
        /// What came.
        got: Vec<String>,
    },
}

impl Version {
    /// The first 16 hexadecimal digits of a BLAKE3 digest: a name that follows from content.
    pub fn of_digest(digest: &blake3::Hash) -> Self {
        Self(digest.to_hex()[..16].to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(name: &str) -> Result<Self, VersionError> {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if first && name.len() <= VERSION_BYTES_MAX && name.bytes().all(inner) {
            Ok(Self(name.to_owned()))
        } else {
            Err(VersionError { got: name.chars().take(VERSION_BYTES_MAX).collect() })
        }
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(name: String) -> Result<Self, VersionError> {
        name.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Manifest {
    /// Reads a manifest and checks its format and that it lists exactly the files of a release.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_slice(bytes)?;
        if manifest.format != FORMAT {
            return Err(ManifestError::Format { got: manifest.format });
        }
        if !manifest.files.iter().map(|file| file.name.as_str()).eq(FILES) {
            return Err(ManifestError::Files { got: manifest.files.into_iter().map(|file| file.name).collect() });
        }
        Ok(manifest)
    }

    /// The manifest's JSON, indented and ending with a line break: the same manifest always gives the same bytes.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a manifest has string keys and finite numbers only");
        bytes.push(b'\n');
        bytes
    }

    /// Bytes of all files that the manifest lists.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn version_names_are_safe_file_names() {
        for name in ["1", "2026-11-21", "v1.2_rc-3", &"x".repeat(128)] {
            assert_eq!(name.parse::<Version>().expect("a good name").as_str(), name);
        }
        for name in ["", ".", "..", ".partial", "-rf", "a/b", "a\\b", "a b", "ä", "a\0", "a\"", &"x".repeat(129)] {
            assert!(name.parse::<Version>().is_err(), "{name:?} was accepted");
        }
    }
}
