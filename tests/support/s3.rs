//! An S3 server on a directory of its own, which checks signatures, conditions and ranges as the real ones do, and tells
//! what it was asked; it must hold no test.

#![allow(dead_code, reason = "each test program uses its own part")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use http::Request;
use http::header::RANGE;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as Key;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use segue::cloud::Cloud;
use segue::depot::{Bucket, Depot};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::{self, Runtime};
use tokio::sync::watch;

/// The one bucket.
pub(crate) const BUCKET: &str = "bucket";
/// The prefix in it that everything is published below.
pub(crate) const PREFIX: &str = "some/prefix";
/// Where that is.
pub(crate) const URL: &str = "s3://bucket/some/prefix";
const KEY_ID: &str = "a-key";
const SECRET: &str = "a-secret";
const REGION: &str = "us-east-1";

/// What the server was asked: method, path and range.
pub(crate) type Asked = (String, String, Option<String>);

/// A server that runs; it stops when it is dropped.
pub(crate) struct S3 {
    address: SocketAddr,
    dir: TempDir,
    asked: Arc<Mutex<Vec<Asked>>>,
    held: watch::Sender<Option<String>>,
    _runtime: Runtime,
}

/// What the server's connections share.
#[derive(Clone)]
struct Shared {
    service: S3Service,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// The file system looks at a condition and writes in two steps, which a real server makes one.
    writing: Arc<tokio::sync::Mutex<()>>,
    /// How the paths of objects end that nobody is given.
    held: watch::Receiver<Option<String>>,
}

impl S3 {
    pub(crate) fn start() -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        std::fs::create_dir(dir.path().join(BUCKET)).expect("the directory can be written");
        let mut builder = S3ServiceBuilder::new(FileSystem::new(dir.path()).expect("the directory is there"));
        builder.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let (held, waiting) = watch::channel(None);
        let service = builder.build();
        let shared = Shared { service, asked: asked.clone(), writing: Arc::default(), held: waiting };
        let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        runtime.spawn(accept(listener, shared));
        Self { address, dir, asked, held, _runtime: runtime }
    }

    /// The place at [`URL`], for this process.
    pub(crate) fn depot(&self) -> Depot {
        let store = AmazonS3Builder::new()
            .with_endpoint(self.endpoint())
            .with_allow_http(true)
            .with_region(REGION)
            .with_bucket_name(BUCKET)
            .with_access_key_id(KEY_ID)
            .with_secret_access_key(SECRET);
        // The library comes with no encryption; here as in the service, it is chosen once.
        drop(rustls::crypto::ring::default_provider().install_default());
        let store = Arc::new(store.build().expect("a bucket"));
        Depot::Bucket(Bucket::new(Cloud::of(store, Key::from(PREFIX)).expect("threads")))
    }

    /// Gives a command the variables that lead here.
    pub(crate) fn tell<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("AWS_ENDPOINT", self.endpoint())
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
    }

    /// Where the server keeps an object of the place at [`URL`].
    pub(crate) fn object(&self, path: &str) -> PathBuf {
        self.dir.path().join(BUCKET).join(PREFIX).join(path)
    }

    /// What it was asked for objects whose path ends so, oldest first.
    pub(crate) fn asked(&self, method: &str, end: &str) -> Vec<Asked> {
        let asked = self.asked.lock().expect("no test panics while it holds it");
        asked.iter().filter(|(found, path, _)| found == method && path.ends_with(end)).cloned().collect()
    }

    /// Gives nobody objects whose path ends so, until they are let go; that they are asked for is noted at once.
    pub(crate) fn hold(&self, end: &str) {
        self.held.send_replace(Some(end.to_owned()));
    }

    /// Gives all that is waited for, and all that comes.
    pub(crate) fn let_go(&self) {
        self.held.send_replace(None);
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn accept(listener: TcpListener, shared: Shared) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(shared.clone(), request));
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            // Who hangs up has what it wanted.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(shared: Shared, request: Request<Incoming>) -> Result<s3s::HttpResponse, s3s::HttpError> {
    let range = request.headers().get(RANGE).and_then(|range| range.to_str().ok()).map(str::to_owned);
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let reads = method == "GET" || method == "HEAD";
    shared.asked.lock().expect("no test panics while it holds it").push((method, path.clone(), range));
    let passes = |held: &Option<String>| held.as_ref().is_none_or(|end| !reads || !path.ends_with(end));
    // A server that is gone holds nobody.
    let _ = shared.held.clone().wait_for(passes).await;
    let _one = if reads { None } else { Some(shared.writing.lock().await) };
    shared.service.call(request.map(s3s::Body::from)).await
}
