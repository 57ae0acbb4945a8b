//! Which role each call of the operator's door needs, over HTTP and gRPC, for all calls that there are.

use std::fs;
use std::path::PathBuf;

use segue::config::Reads;
use segue::wire::proto::v1;
use segue::wire::proto::v1::snapshots_service_client::SnapshotsServiceClient;
use serde_json::json;
use tempfile::TempDir;
use tonic::metadata::MetadataValue;
use tonic::transport::Endpoint;
use tonic::{Code, Request, Status};

use crate::routes;
use crate::site::Site;

const READER: &str = "authorization: Bearer reader-0123456789abcdef";
const OPERATOR: &str = "authorization: Bearer operator-0123456789abcdef";
const JSON: &str = "content-type: application/json";

/// What nobody needs to prove anything for: probes, and the console's page with what it is made of.
const OPEN: [&str; 3] = ["/livez", "/readyz", "/healthz"];
/// What changes nothing.
const READS: [&str; 4] = ["/metrics", "/admin/v1/status", "/admin/v1/releases", "/admin/v1/trial"];

pub(crate) fn token_file() -> (TempDir, PathBuf) {
    let dir = TempDir::new().expect("a temporary directory");
    let path = dir.path().join("tokens");
    let tokens = "reader watch reader-0123456789abcdef\noperator ann operator-0123456789abcdef\n";
    fs::write(&path, tokens).expect("the directory can be written");
    (dir, path)
}

fn status(site: &Site, call: (&str, &str), header: Option<&str>) -> u16 {
    let headers: Vec<_> = [JSON].into_iter().chain(header).collect();
    site.send(call, &headers, b"").status
}

#[test]
fn every_change_needs_an_operator_and_says_so() {
    let (_dir, tokens) = token_file();
    let site = Site::serving(|config| config.admin.token_file = Some(tokens.clone()));
    let changes = routes::paths().into_iter().filter_map(|path| {
        let method = ["POST", "PUT"].into_iter().find(|method| status(&site, (method, &path), None) == 401)?;
        Some((method, path))
    });
    let changes: Vec<_> = changes.collect();
    let expected = [
        "activate",
        "stage",
        "promote",
        "rollback",
        "pin",
        "unpin",
        "quarantine",
        "shadow",
        "canary",
        "reload",
        "releases/x/files/manifest.json",
        "releases/x/files/table.segue",
        "releases/x/commit",
        "models/x/files/manifest.json",
        "models/x/commit",
    ];
    for name in expected {
        assert!(changes.iter().any(|(_, path)| *path == format!("/admin/v1/{name}")), "{name} asks for nothing");
    }
    for (method, path) in &changes {
        let detail = site.send((method, path), &[JSON, READER], b"").problem(403, "forbidden");
        assert_eq!(detail, "watch is a reader, and this call needs the role operator", "{path}");
        let passed = status(&site, (method, path), Some(OPERATOR));
        assert!(![401, 403].contains(&passed), "{method} {path}: {passed}");
    }
    // What is no change above takes nothing by these methods.
    let others = routes::paths().into_iter().filter(|path| !changes.iter().any(|(_, change)| change == path));
    for path in others {
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let reply = status(&site, (method, &path), Some(OPERATOR));
            assert!([404, 405].contains(&reply), "{method} {path}: {reply}");
        }
    }
}

#[test]
fn reads_are_open_unless_they_are_told_to_ask() {
    let (_dir, tokens) = token_file();
    for reads in [Reads::Open, Reads::Token] {
        let site = Site::serving(|config| {
            config.admin.token_file = Some(tokens.clone());
            config.admin.reads = reads;
        });
        let get = |path: &str, header| status(&site, ("GET", path), header);
        for path in OPEN {
            assert_eq!(get(path, None), 200, "{path}");
        }
        for path in READS {
            let asked = if reads == Reads::Open { 200 } else { 401 };
            let wrong = get(path, Some("authorization: Bearer reader-0123456789abcdeF"));
            assert_eq!((get(path, None), wrong), (asked, asked), "{path}");
            assert_eq!((get(path, Some(READER)), get(path, Some(OPERATOR))), (200, 200), "{path}");
        }
        assert_eq!(get("/admin/v1/unseen", None), if reads == Reads::Open { 200 } else { 401 });
        if reads == Reads::Token {
            assert_eq!(get("/admin/v1/watch", None), 401, "it would go on for ever");
        }
    }
}

#[test]
fn a_caller_can_ask_who_it_is() {
    let (_dir, tokens) = token_file();
    let site = Site::serving(|config| config.admin.token_file = Some(tokens.clone()));
    let asked = |header: &str| site.send(("GET", "/admin/v1/whoami"), &[header], b"");
    assert_eq!(asked(READER).json(), json!({ "who": "watch", "role": "reader" }));
    assert_eq!(asked(OPERATOR).json(), json!({ "who": "ann", "role": "operator" }));
    asked("x: y").problem(401, "unauthorized");
    let open = Site::serving(|_| {});
    assert_eq!(open.get("/admin/v1/whoami").json(), json!({ "who": "local", "role": "operator" }));
}

#[test]
fn the_same_roles_count_over_grpc() {
    let (_dir, tokens) = token_file();
    let site = Site::serving(|config| {
        config.admin.token_file = Some(tokens.clone());
        config.admin.reads = Reads::Token;
    });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let endpoint = Endpoint::from_shared(site.url("")).expect("an address");
    let channel = runtime.block_on(endpoint.connect()).expect("the door is open");
    let told = |called: Result<(), Status>| called.map_or_else(|status| status.code(), |()| Code::Ok);
    let rows = [
        ("", Code::Unauthenticated, Code::Unauthenticated),
        ("Bearer reader-0123456789abcdeF", Code::Unauthenticated, Code::Unauthenticated),
        ("Bearer reader-0123456789abcdef", Code::Ok, Code::PermissionDenied),
        ("Bearer operator-0123456789abcdef", Code::Ok, Code::Ok),
    ];
    for (token, reads, changes) in rows {
        let shown = move |mut request: Request<()>| {
            if !token.is_empty() {
                request.metadata_mut().insert("authorization", MetadataValue::from_static(token));
            }
            Ok(request)
        };
        let mut client = SnapshotsServiceClient::with_interceptor(channel.clone(), shown);
        let read = runtime.block_on(client.list(v1::ListRequest {}));
        assert_eq!(told(read.map(drop)), reads, "{token}");
        let change = runtime.block_on(client.activate(v1::ActivateRequest { version: "old".to_owned() }));
        assert_eq!(told(change.map(drop)), changes, "{token}");
        if changes != Code::Ok {
            let pushed = runtime.block_on(client.push(tokio_stream::empty::<v1::PushRequest>()));
            assert_eq!(told(pushed.map(drop)), changes, "{token}");
        }
    }
}
