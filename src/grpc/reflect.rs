//! Reflection, both versions that clients speak: what this door can be asked, from the contract itself.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body::Frame;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::server::NamedService;
use tonic::service::Routes;

use crate::drain::{Drain, Stage};
use crate::wire::proto;

/// Adds reflection to what is served.
pub(super) fn add_to(routes: Routes, drain: &Drain) -> Routes {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let readable = "both sets were written by compilers, at build time";
    let (v1, v1alpha) = (builder().build_v1().expect(readable), builder().build_v1alpha().expect(readable));
    let routes = routes.add_service(Closing { inner: v1, drain: drain.clone() });
    routes.add_service(Closing { inner: v1alpha, drain: drain.clone() })
}

/// A service whose callers seem to have nothing more to say once the doors close, which is how it ends its streams.
#[derive(Clone)]
struct Closing<S> {
    inner: S,
    drain: Drain,
}

/// A body that ends when it ends, or when the doors close.
struct UntilClosing {
    body: Body,
    closing: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl<S: NamedService> NamedService for Closing<S> {
    const NAME: &'static str = S::NAME;
}

impl<S: Service<Request<Body>>> Service<Request<Body>> for Closing<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> S::Future {
        let drain = self.drain.clone();
        let closing = Box::pin(async move { drain.reached(Stage::Closing).await });
        self.inner.call(request.map(|body| Body::new(UntilClosing { body, closing })))
    }
}

impl http_body::Body for UntilClosing {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Pending => self.closing.as_mut().poll(context).map(|()| None),
            ready => ready,
        }
    }
}
