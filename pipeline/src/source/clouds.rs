//! The object stores of a run, each opened once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::TryStreamExt;
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStoreExt};
use parking_lot::Mutex;
use url::Url;

use super::object::Object;
use crate::read::ReadError;
use segue::cloud::{Cloud, CloudError};

/// As in a directory: `*` stands for no `/`.
const SEPARATED: glob::MatchOptions =
    glob::MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };

/// Stores by scheme and bucket.
#[derive(Debug, Default)]
pub struct Clouds {
    open: Mutex<BTreeMap<String, Arc<Cloud>>>,
}

impl Clouds {
    /// Knows a store by the scheme and bucket of a URL, so that it need not be opened.
    pub fn add(&self, root: &str, cloud: Cloud) {
        self.open.lock().insert(root.to_owned(), Arc::new(cloud));
    }

    /// The objects at a URL or below it, whose last part may be a pattern.
    ///
    /// # Errors
    /// When the store cannot be opened or listed.
    pub(super) fn list(&self, url: &str) -> Result<Vec<(String, ObjectMeta)>, ReadError> {
        let (root, path) = split(url)?;
        let cloud = self.at(&root)?;
        let failed = |source| ReadError::Store { url: url.to_owned(), source };
        let plain = path.split(['*', '?', '[']).next().unwrap_or_default();
        let prefix = if plain == path { plain } else { plain.rsplit_once('/').map_or("", |(above, _)| above) };
        let prefix = Key::parse(prefix.trim_matches('/')).map_err(|error| failed(error.into()))?;
        let objects = match cloud.wait(cloud.store.head(&prefix)) {
            Ok(object) => vec![object],
            Err(object_store::Error::NotFound { .. }) => {
                cloud.wait(cloud.store.list(Some(&prefix)).try_collect()).map_err(failed)?
            }
            Err(error) => return Err(failed(error)),
        };
        let pattern = (plain != path).then(|| glob::Pattern::new(&path)).transpose();
        let pattern = pattern.map_err(|source| ReadError::Pattern { pattern: url.to_owned(), source })?;
        let fits = |object: &ObjectMeta| {
            pattern.as_ref().is_none_or(|pattern| pattern.matches_with(object.location.as_ref(), SEPARATED))
        };
        Ok(objects.into_iter().filter(fits).map(|object| (format!("{root}/{}", object.location), object)).collect())
    }

    /// Opens an object of known size; nothing is asked of the store yet.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub(super) fn open(&self, url: &str, bytes: u64) -> Result<Object, ReadError> {
        let (root, path) = split(url)?;
        let key = Key::parse(&path).map_err(|error| ReadError::Store { url: url.to_owned(), source: error.into() })?;
        Ok(Object::cloud(self.at(&root)?, key, bytes))
    }

    fn at(&self, root: &str) -> Result<Arc<Cloud>, ReadError> {
        if let Some(cloud) = self.open.lock().get(root) {
            return Ok(Arc::clone(cloud));
        }
        let cloud = Arc::new(Cloud::open(root)?);
        Ok(Arc::clone(self.open.lock().entry(root.to_owned()).or_insert(cloud)))
    }
}

/// Scheme and bucket, and the path below them.
fn split(url: &str) -> Result<(String, String), CloudError> {
    let parsed = Url::parse(url).map_err(|source| CloudError::Url { url: url.to_owned(), source })?;
    let root = format!("{}://{}", parsed.scheme(), parsed.host_str().unwrap_or_default());
    // Taken from the text: a URL's own path would escape the signs of a pattern.
    let path = url.get(root.len()..).unwrap_or_default().trim_start_matches('/').to_owned();
    Ok((root, path))
}

/// A URL as the path that errors name.
pub(super) fn named(url: &str) -> PathBuf {
    PathBuf::from(url)
}
