//! That every door speaks TLS where it has a certificate, and nothing else then.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;

use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use segue::config::Config;
use segue::serve::Service;
use segue::wire::proto::v1;
use segue::wire::proto::v1::next_clusters_service_client::NextClustersServiceClient;
use tempfile::TempDir;
use tokio_rustls::TlsConnector;
use tonic::transport::Endpoint;

use crate::support::caller::PATIENCE;
use crate::support::certificates::{Authority, Issued, Line, Made};
use crate::support::release::VERSION;
use crate::support::service::{Running, start_with, until};

/// A service, all of whose doors show a certificate; they ask for one where there are authorities of clients.
pub(crate) fn encrypted(server: &Issued, clients: Option<&Authority>) -> Running {
    start_with(|config| encrypt(config, server, clients))
}

/// The same as a configuration.
pub(crate) fn encrypt(config: &mut Config, server: &Issued, clients: Option<&Authority>) {
    let (cert, key) = (Some(server.cert.clone()), Some(server.key.clone()));
    let client_ca = clients.map(Authority::file);
    (config.http.tls_cert_file, config.http.tls_key_file) = (cert.clone(), key.clone());
    (config.grpc.tls_cert_file, config.grpc.tls_key_file) = (cert.clone(), key.clone());
    (config.admin.tls_cert_file, config.admin.tls_key_file) = (cert, key);
    config.http.tls_client_ca_file = client_ca.clone();
    config.grpc.tls_client_ca_file = client_ca.clone();
    config.admin.tls_client_ca_file = client_ca;
}

/// What a gRPC client under TLS is told; an error where the connection fails.
pub(crate) fn ask_grpc(address: SocketAddr, config: &std::sync::Arc<rustls::ClientConfig>) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let connector = TlsConnector::from(config.clone());
    runtime.block_on(async {
        let connect = tower::service_fn(move |_| {
            let connector = connector.clone();
            async move {
                let socket = tokio::net::TcpStream::connect(address).await?;
                connector.connect(ServerName::from(address.ip()), socket).await.map(TokioIo::new)
            }
        });
        let endpoint = Endpoint::from_static("http://127.0.0.1").timeout(PATIENCE);
        let channel = endpoint.connect_with_connector(connect).await.map_err(|error| format!("{error:?}"))?;
        let asked = NextClustersServiceClient::new(channel).get_version(v1::GetVersionRequest {}).await;
        let reply = asked.map_err(|status| format!("{status:?}"))?.into_inner();
        Ok(reply.versions.expect("it serves").release)
    })
}

#[test]
fn every_door_speaks_tls_and_says_what_it_speaks_under_it() {
    let authority = Authority::new();
    let running = encrypted(&authority.issue("segue", Made::Server), None);
    let addresses = running.service.addresses();
    for (address, path) in [(addresses.http, "/version"), (addresses.admin, "/readyz")] {
        let mut line = Line::to(address, &authority.client(None, &[b"http/1.1"]));
        let (status, body) = line.call("GET", path, &[]).expect("it answers");
        assert_eq!(status, 200, "{body}");
        assert!(body.contains(VERSION), "{body}");
        assert_eq!(line.spoken(), Some(&b"http/1.1"[..]));
        // A connection is kept, as without.
        assert_eq!(line.call("GET", path, &[]).expect("it answers again").0, 200);
    }
    assert_eq!(ask_grpc(addresses.grpc, &authority.client(None, &[b"h2"])).as_deref(), Ok(VERSION));
    // What the door does not speak is not begun.
    let mut line = Line::to(addresses.grpc, &authority.client(None, &[b"http/1.1"]));
    assert!(line.call("GET", "/", &[]).is_err());
}

#[test]
fn a_door_with_a_certificate_speaks_nothing_else() {
    let authority = Authority::new();
    let running = encrypted(&authority.issue("segue", Made::Server), None);
    let addresses = running.service.addresses();
    for (door, address) in [("http", addresses.http), ("grpc", addresses.grpc), ("admin", addresses.admin)] {
        let mut stream = TcpStream::connect(address).expect("the door is open");
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n").expect("the door is open");
        let mut told = Vec::new();
        let _ = stream.read_to_end(&mut told);
        assert!(!told.starts_with(b"HTTP"), "{door}: {told:?}");
        let failures = format!("segue_tls_handshake_failures_total{{door=\"{door}\"}}");
        until("the failure is counted", || running.counted(&failures) == 1);
    }
    // Another authority's word is nothing to a caller.
    let stranger = Authority::new().client(None, &[]);
    let error = Line::to(addresses.http, &stranger).call("GET", "/version", &[]).expect_err("it is not trusted");
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
}

#[test]
fn a_plain_service_shows_nothing_of_tls() {
    let running = start_with(|_| {});
    let text = running.service.metrics().render();
    assert!(!text.contains("segue_tls_"), "{text}");
}

#[test]
fn a_handshake_that_stalls_holds_nobody_up() {
    let authority = Authority::new();
    let running = start_with(|config| {
        encrypt(config, &authority.issue("segue", Made::Server), None);
        config.drain.grace = 2 * PATIENCE;
    });
    let addresses = running.service.addresses();
    let stalled: Vec<_> = (0..4).map(|_| TcpStream::connect(addresses.http).expect("the door is open")).collect();
    let mut line = Line::to(addresses.http, &authority.client(None, &[]));
    assert_eq!(line.call("GET", "/version", &[]).expect("it answers").0, 200);
    drop(line);
    // A stop does not wait for what has begun nothing.
    running.service.stop();
    let (stopped, waiting) = mpsc::channel();
    thread::spawn(move || stopped.send(running.service.wait()));
    waiting.recv_timeout(PATIENCE).expect("it stops").expect("it drains");
    drop(stalled);
}

#[test]
fn what_cannot_be_encrypted_is_not_opened() {
    let (authority, dir) = (Authority::new(), TempDir::new().expect("a temporary directory"));
    let (one, other) = (authority.issue("one", Made::Server), authority.issue("other", Made::Server));
    let (empty, none) = (dir.path().join("empty"), dir.path().join("none"));
    std::fs::write(&empty, "nothing\n").expect("the directory can be written");
    let rows = [
        (one.cert.clone(), other.key.clone(), None, "cannot be used together"),
        (none.clone(), one.key.clone(), None, "none cannot be read"),
        (one.cert.clone(), none.clone(), None, "none cannot be read"),
        (empty.clone(), one.key.clone(), None, "expected at least one certificate, in PEM"),
        (one.cert.clone(), empty.clone(), None, "expected a private key, in PEM"),
        (one.cert.clone(), one.cert.clone(), None, "expected a private key, in PEM"),
        (one.cert.clone(), one.key.clone(), Some(empty.clone()), "expected at least one certificate, in PEM"),
        (one.cert, one.key, Some(none), "none cannot be read"),
    ];
    for (cert, key, client_ca, text) in rows {
        for door in ["http", "admin"] {
            let mut config = crate::support::config(dir.path());
            let section = (Some(cert.clone()), Some(key.clone()), client_ca.clone());
            if door == "http" {
                (config.http.tls_cert_file, config.http.tls_key_file, config.http.tls_client_ca_file) = section;
            } else {
                (config.admin.tls_cert_file, config.admin.tls_key_file, config.admin.tls_client_ca_file) = section;
            }
            let error = Service::start(&config).err().expect("it is refused").to_string();
            assert!(error.contains(text), "{door}: {error}");
        }
    }
}

#[test]
fn a_drain_ends_encrypted_connections_as_it_does_plain_ones() {
    let authority = Authority::new();
    let running = encrypted(&authority.issue("segue", Made::Server), None);
    let mut line = Line::to(running.service.addresses().http, &authority.client(None, &[]));
    assert_eq!(line.call("GET", "/version", &[]).expect("it answers").0, 200);
    running.service.stop();
    running.service.wait().expect("it drains, though the connection is kept");
    assert!(line.call("GET", "/version", &[]).is_err());
}
