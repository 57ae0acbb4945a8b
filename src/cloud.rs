//! Object stores by URL: `s3://`, `gs://` and `az://`, with the credentials and endpoints that each store's own variables give.
//!
//! It must never know what lies in a store. Its calls wait; callers need no runtime.

use std::future::Future;
use std::sync::{Arc, Once};

use object_store::path::Path as Key;
use object_store::{ObjectStore, parse_url_opts};
use tokio::runtime::Runtime;
use url::Url;

use crate::config::store_variables;

/// A prefix in an object store.
#[derive(Debug)]
pub struct Cloud {
    /// The store.
    pub store: Arc<dyn ObjectStore>,
    /// Where in it.
    pub prefix: Key,
    runtime: Runtime,
}

/// Why a URL names no store that can be used.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// It is no URL.
    #[error("{url}: expected a URL such as s3://bucket/prefix: {source}")]
    Url {
        /// What was given.
        url: String,
        /// Why.
        source: url::ParseError,
    },
    /// It names no store that this program knows, or the store's variables are wrong.
    #[error("{url}: {source}; expected s3://, gs:// or az://, and the store's variables such as AWS_ACCESS_KEY_ID")]
    Store {
        /// What was given.
        url: String,
        /// Why.
        source: object_store::Error,
    },
    /// The system gives no thread or socket to wait with.
    #[error("cannot wait for the network: {0}")]
    Runtime(std::io::Error),
}

/// Whether a place is a URL rather than a path.
pub fn is_url(place: &str) -> bool {
    place.contains("://")
}

impl Cloud {
    /// Opens a store; nothing is asked of it yet.
    ///
    /// # Errors
    /// When the URL names none, or its variables are wrong.
    pub fn open(url: &str) -> Result<Self, CloudError> {
        encrypt();
        let parsed = Url::parse(url).map_err(|source| CloudError::Url { url: url.to_owned(), source })?;
        let (store, prefix) = parse_url_opts(&parsed, store_variables())
            .map_err(|source| CloudError::Store { url: url.to_owned(), source })?;
        Self::of(Arc::from(store), prefix)
    }

    /// A prefix of a store that is open.
    ///
    /// # Errors
    /// When the system gives no thread or socket.
    pub fn of(store: Arc<dyn ObjectStore>, prefix: Key) -> Result<Self, CloudError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        Ok(Self { store, prefix, runtime: runtime.map_err(CloudError::Runtime)? })
    }

    /// Waits for an answer of the store.
    pub fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.runtime.block_on(answer)
    }

    /// The key of a path below the prefix, its parts separated by `/`.
    pub fn key(&self, path: &str) -> Key {
        path.split('/').fold(self.prefix.clone(), |key, part| key.join(part))
    }
}

/// Chooses what encrypts, once a process: the library comes with none.
fn encrypt() {
    static ONCE: Once = Once::new();
    // Someone else's choice is as good.
    ONCE.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}
