//! Baseline: what does HTTP/1.1 itself cost? A bare hyper server that answers every request with the same bytes.
//!
//! Command: `hyper_hello --listen 127.0.0.1:8088 --workers 2 --flavor shared|per-core --body FILE`. It must never parse a body.

use std::convert::Infallible;

use anyhow::Result;
use http::{Response, header};
use http_body_util::{BodyExt, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use segue_bench::workers::{ServerArgs, serve};

fn main() -> Result<()> {
    let args = ServerArgs::from_command_line();
    let reply = args.reply()?;
    serve(&args, move |stream| {
        let reply = reply.clone();
        async move {
            let service =
                service_fn(move |request: http::Request<hyper::body::Incoming>| answer(request, reply.clone()));
            // A client that leaves is no error of this server.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        }
    })
}

/// Reads the request to its end, as any server of a `POST` must, and answers with the ready bytes.
async fn answer(
    request: http::Request<hyper::body::Incoming>,
    reply: bytes::Bytes,
) -> Result<Response<Full<bytes::Bytes>>, Infallible> {
    // A body that cannot be read ends the connection by itself.
    let _ = request.into_body().collect().await;
    let mut response = Response::new(Full::new(reply));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    Ok(response)
}
