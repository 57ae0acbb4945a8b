//! A depot in an object store: immutable objects that are made once, and channels that are replaced by their tag.
//!
//! It must never overwrite what is published: every put says what it expects to be there.

use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::path::Path as Key;
use object_store::{Error, GetResult, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion, WriteMultipart};

use super::channel::Channel;
use super::package::{Package, Papers};
use super::{DepotError, Pointed, Put};
use crate::cloud::Cloud;
use crate::snapshot::failpoint::{Moment, reached};
use crate::snapshot::manifest::{FILES, MANIFEST, ReleaseFile, SIGNATURE, Version};
use crate::snapshot::parcel::Address;
use crate::snapshot::store::RELEASES;

/// What goes in one piece: no store takes more than some gigabytes at once, and none needs them in memory.
const WHOLE_BYTES_MAX: u64 = 64 << 20;
/// Holds the digest of the manifest that a name is for, while its files come.
const CLAIM: &str = "claim.txt";
/// Parts under way at once.
const PARTS_MAX: usize = 4;

/// A prefix of an object store.
#[derive(Debug)]
pub struct Bucket {
    cloud: Cloud,
    /// Larger files go in parts.
    whole_bytes_max: u64,
}

impl Bucket {
    /// A depot below the prefix.
    pub fn new(cloud: Cloud) -> Self {
        Self { cloud, whole_bytes_max: WHOLE_BYTES_MAX }
    }

    /// The same with another limit, so that a test needs no large file.
    #[cfg(test)]
    pub(super) fn with_whole_bytes_max(self, whole_bytes_max: u64) -> Self {
        Self { whole_bytes_max, ..self }
    }

    pub(super) fn channel(&self, name: &Version) -> Result<Pointed, DepotError> {
        let key = self.cloud.key(&Channel::path(name));
        let Some(found) = self.get(&key)? else { return Ok(Pointed::default()) };
        let tag = UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
        let bytes = self.cloud.wait(found.bytes()).map_err(bucket(&key))?;
        Ok(Pointed { channel: Some(Channel::from_json(key.as_ref(), &bytes)?), tag: Some(tag) })
    }

    pub(super) fn put(&self, package: &Package, moved: &dyn Fn(u64)) -> Result<Put, DepotError> {
        let home = home(&package.parcel.address());
        let manifest = self.cloud.key(&format!("{home}/{MANIFEST}"));
        if let Some(there) = self.read(&manifest)? {
            if there != package.papers.manifest {
                return Err(exists(&manifest));
            }
            self.sign(package, &home)?;
            return Ok(Put { bytes: package.bytes(), new: false });
        }
        self.claim(package, &home)?;
        for file in package.parcel.files() {
            self.put_file(package, file, &self.cloud.key(&format!("{home}/{}", file.name)))?;
            moved(file.bytes);
            reached(Moment::FilePut);
        }
        self.sign(package, &home)?;
        self.create(&manifest, package.papers.manifest.clone(), |there| there == package.papers.manifest)?;
        reached(Moment::ManifestPut);
        Ok(Put { bytes: package.bytes(), new: true })
    }

    /// Replaces a channel if its tag is still the one that was read.
    pub(super) fn point(&self, name: &Version, from: &Pointed, to: &Channel) -> Result<(), DepotError> {
        let key = self.cloud.key(&Channel::path(name));
        let mode = from.tag.clone().map_or(PutMode::Create, PutMode::Update);
        let put = self.cloud.store.put_opts(&key, PutPayload::from(to.to_json()), PutOptions::from(mode));
        match self.cloud.wait(put) {
            Ok(_) => Ok(()),
            // Someone was there first; perhaps it was this run, before it was killed.
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
                let now = self.channel(name)?;
                if now.channel.as_ref() == Some(to) { Ok(()) } else { Err(now.moved(name, from)) }
            }
            Err(source) => Err(bucket(&key)(source)),
        }
    }

    /// Brings a release to a directory; `None` where there is none.
    pub(super) fn release(&self, version: &Version, into: &Path) -> Result<Option<PathBuf>, DepotError> {
        let dir = into.join(version.as_str());
        std::fs::create_dir_all(&dir).map_err(|source| DepotError::Io { path: dir.clone(), source })?;
        for name in FILES.into_iter().chain([MANIFEST]) {
            let key = self.cloud.key(&format!("{RELEASES}/{version}/{name}"));
            let Some(bytes) = self.read(&key)? else { return Ok(None) };
            let path = dir.join(name);
            std::fs::write(&path, bytes).map_err(|source| DepotError::Io { path, source })?;
        }
        Ok(Some(dir))
    }

    pub(super) fn papers(&self, address: &Address) -> Result<Option<Papers>, DepotError> {
        Papers::of(|name, bytes_max| {
            let key = self.cloud.key(&format!("{}/{name}", home(address)));
            let Some(found) = self.get(&key)? else { return Ok(None) };
            if found.meta.size > bytes_max {
                return Err(DepotError::TooLarge { what: key.to_string(), bytes_max });
            }
            Ok(Some(self.cloud.wait(found.bytes()).map_err(bucket(&key))?.into()))
        })
    }

    pub(super) fn piece(&self, address: &Address, name: &str, range: Range<u64>) -> Result<Bytes, DepotError> {
        let key = self.cloud.key(&format!("{}/{name}", home(address)));
        self.cloud.wait(self.cloud.store.get_range(&key, range)).map_err(bucket(&key))
    }

    /// Takes the name for this content before a file goes there that knows no condition, so that of two publishers of
    /// one name only one writes.
    fn claim(&self, package: &Package, home: &str) -> Result<(), DepotError> {
        if package.parcel.files().iter().all(|file| file.bytes <= self.whole_bytes_max) {
            return Ok(());
        }
        let digest = blake3::hash(&package.papers.manifest).to_hex().to_string().into_bytes();
        self.create(&self.cloud.key(&format!("{home}/{CLAIM}")), digest.clone(), |there| there == digest)
    }

    /// Puts a signature where there is none yet.
    fn sign(&self, package: &Package, home: &str) -> Result<(), DepotError> {
        let Some(signature) = &package.papers.signature else { return Ok(()) };
        let key = self.cloud.key(&format!("{home}/{SIGNATURE}"));
        self.create(&key, signature.clone(), |there| there == signature)
    }

    fn put_file(&self, package: &Package, file: &ReleaseFile, key: &Key) -> Result<(), DepotError> {
        if file.bytes > self.whole_bytes_max {
            return self.put_parts(package, file, key);
        }
        let mut bytes = Vec::with_capacity(file.bytes as usize);
        package.copy(file, &mut bytes, |_| {})?;
        self.create(key, bytes, |there| blake3::hash(there).to_hex().as_str() == file.blake3)
    }

    /// A large file. Parts know no condition; but the name was claimed for this content, so whoever else writes there writes
    /// the same, and nobody reads it before the manifest is there.
    fn put_parts(&self, package: &Package, file: &ReleaseFile, key: &Key) -> Result<(), DepotError> {
        if self.digest(key)?.is_some_and(|there| there.to_hex().as_str() == file.blake3) {
            return Ok(());
        }
        package.verify(file)?;
        let upload = self.cloud.wait(self.cloud.store.put_multipart(key)).map_err(bucket(key))?;
        let mut parts = Parts { cloud: &self.cloud, upload: Some(WriteMultipart::new(upload)) };
        package.copy(file, &mut parts, |_| {})?;
        parts.finish().map_err(bucket(key))
    }

    /// Makes an object that is not there; one that is there must be the same.
    fn create(&self, key: &Key, bytes: Vec<u8>, is_same: impl Fn(&[u8]) -> bool) -> Result<(), DepotError> {
        let put = self.cloud.store.put_opts(key, PutPayload::from(bytes), PutOptions::from(PutMode::Create));
        match self.cloud.wait(put) {
            Ok(_) => Ok(()),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
                let same = self.read(key)?.is_some_and(|there| is_same(&there));
                if same { Ok(()) } else { Err(exists(key)) }
            }
            Err(source) => Err(bucket(key)(source)),
        }
    }

    fn read(&self, key: &Key) -> Result<Option<Vec<u8>>, DepotError> {
        let Some(found) = self.get(key)? else { return Ok(None) };
        let bytes = self.cloud.wait(found.bytes()).map_err(bucket(key))?;
        Ok(Some(bytes.into()))
    }

    /// The digest of an object of any size.
    fn digest(&self, key: &Key) -> Result<Option<blake3::Hash>, DepotError> {
        let Some(found) = self.get(key)? else { return Ok(None) };
        let mut digest = blake3::Hasher::new();
        let read = found.into_stream().try_for_each(|chunk| {
            digest.update(&chunk);
            std::future::ready(Ok(()))
        });
        self.cloud.wait(read).map_err(bucket(key))?;
        Ok(Some(digest.finalize()))
    }

    fn get(&self, key: &Key) -> Result<Option<GetResult>, DepotError> {
        match self.cloud.wait(self.cloud.store.get(key)) {
            Err(Error::NotFound { .. }) => Ok(None),
            other => Ok(Some(other.map_err(bucket(key))?)),
        }
    }
}

/// The parts of a large object, written as they come.
struct Parts<'a> {
    cloud: &'a Cloud,
    upload: Option<WriteMultipart>,
}

impl Parts<'_> {
    fn finish(mut self) -> Result<(), Error> {
        self.upload.take().map_or(Ok(()), |upload| self.cloud.wait(upload.finish()).map(drop))
    }
}

impl std::io::Write for Parts<'_> {
    fn write(&mut self, chunk: &[u8]) -> std::io::Result<usize> {
        let Some(upload) = &mut self.upload else { return Ok(0) };
        let (len, upload_error) = (chunk.len(), std::io::Error::other);
        self.cloud.wait(async {
            upload.wait_for_capacity(PARTS_MAX).await.map_err(upload_error)?;
            upload.write(chunk);
            Ok(len)
        })
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The prefix of a release or a model.
fn home(address: &Address) -> String {
    format!("{}s/{}", address.kind, address.version)
}

fn exists(key: &Key) -> DepotError {
    DepotError::Exists { what: key.to_string() }
}

fn bucket(key: &Key) -> impl Fn(Error) -> DepotError {
    |source| DepotError::Bucket { key: key.to_string(), source }
}
