//! Baseline: what does axum cost above hyper? A router with one route that answers with the same bytes.
//!
//! Command: `axum_hello --listen 127.0.0.1:8088 --workers 2 --body FILE` (shared runtime only). It must never parse a body.

use anyhow::Result;
use axum::{Router, http::header, routing::any};
use segue_bench::workers::ServerArgs;

fn main() -> Result<()> {
    let args = ServerArgs::from_command_line();
    let reply = args.reply()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(args.workers).enable_all().build()?;
    runtime.block_on(async {
        let answer = move |_request: bytes::Bytes| async move { ([(header::CONTENT_TYPE, "application/json")], reply) };
        let router = Router::new().route("/{*path}", any(answer));
        Ok(axum::serve(tokio::net::TcpListener::bind(args.listen).await?, router).await?)
    })
}
