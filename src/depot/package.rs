//! A release or a model as it lies in a directory, ready to be put elsewhere: its files with their digests, the manifest last.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::directory::read;
use super::{DepotError, SIGNATURE_BYTES_MAX};
use crate::snapshot::manifest::{MANIFEST, MANIFEST_BYTES_MAX, ReleaseFile, SIGNATURE};
use crate::snapshot::parcel::{Address, Parcel};
use crate::snapshot::release::digest_file;

/// Bytes handed on at once.
const CHUNK_BYTES: usize = 1 << 20;

/// What is put.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) dir: PathBuf,
    pub(super) parcel: Parcel,
    pub(super) papers: Papers,
}

/// What says what a release or a model is: its manifest's very bytes, and their signature if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Papers {
    /// The manifest.
    pub manifest: Vec<u8>,
    /// What `manifest.sig` holds; not looked at.
    pub signature: Option<Vec<u8>>,
}

impl Papers {
    /// Reads both by name and size limit; `None` where there is no manifest. The manifest is read first: its signature was put
    /// before it.
    pub(super) fn of<E>(read: impl Fn(&str, u64) -> Result<Option<Vec<u8>>, E>) -> Result<Option<Self>, E> {
        let Some(manifest) = read(MANIFEST, MANIFEST_BYTES_MAX)? else { return Ok(None) };
        Ok(Some(Self { manifest, signature: read(SIGNATURE, SIGNATURE_BYTES_MAX)? }))
    }
}

impl Package {
    /// Opens a directory that should hold the release or model.
    pub(super) fn open(address: &Address, dir: &Path) -> Result<Self, DepotError> {
        let missing = || DepotError::Missing { path: dir.to_owned(), address: address.clone() };
        let parcel =
            Parcel::read(address.kind, dir).filter(|parcel| parcel.address() == *address).ok_or_else(missing)?;
        let papers = Papers::of(|name, bytes_max| read(&dir.join(name), bytes_max))?.ok_or_else(missing)?;
        Ok(Self { dir: dir.to_owned(), parcel, papers })
    }

    /// Bytes of all files, the manifest's included.
    pub(super) fn bytes(&self) -> u64 {
        self.parcel.bytes() + self.papers.manifest.len() as u64
    }

    /// Where a file of it lies.
    pub(super) fn path(&self, file: &ReleaseFile) -> PathBuf {
        self.dir.join(&file.name)
    }

    /// Copies a file, whose digest must be the manifest's; tells `moved` of the bytes.
    pub(super) fn copy(&self, file: &ReleaseFile, to: &mut impl Write, moved: impl Fn(u64)) -> Result<(), DepotError> {
        let path = self.path(file);
        let mut digest = blake3::Hasher::new();
        let copied = File::open(&path).and_then(|from| {
            pour(from, |chunk| {
                digest.update(chunk);
                moved(chunk.len() as u64);
                to.write_all(chunk)
            })
        });
        copied.map_err(|source| DepotError::Io { path: path.clone(), source })?;
        check(path, file, digest.finalize())
    }

    /// Checks a file's digest without copying it.
    pub(super) fn verify(&self, file: &ReleaseFile) -> Result<(), DepotError> {
        let path = self.path(file);
        let (_, digest) = digest_file(&path).map_err(|source| DepotError::Io { path: path.clone(), source })?;
        check(path, file, digest)
    }
}

fn check(path: PathBuf, file: &ReleaseFile, digest: blake3::Hash) -> Result<(), DepotError> {
    let (expected, got) = (file.blake3.clone(), digest.to_hex().to_string());
    if expected == got { Ok(()) } else { Err(DepotError::Damaged { path, expected, got }) }
}

fn pour(mut from: File, mut to: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match from.read(&mut chunk)? {
            0 => return Ok(()),
            read => to(&chunk[..read])?,
        }
    }
}
