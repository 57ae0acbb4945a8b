//! New certificates in the place of old ones: used from the next connection on, or refused and told.

use std::fs;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use segue::metrics::{Metrics, Port};
use segue::tls::{Tls, TlsFiles};

use crate::doors::encrypted;
use crate::support::certificates::{Authority, Line, Made};
use crate::support::service::{Running, until};

const EXPIRY: &str = "segue_tls_certificate_expiry_timestamp_seconds{door=\"http\"}";

fn shown(running: &Running, config: &Arc<ClientConfig>) -> Option<CertificateDer<'static>> {
    let mut line = Line::to(running.service.addresses().http, config);
    line.call("GET", "/version", &[]).ok()?;
    line.shown()
}

#[test]
fn a_renewed_certificate_is_shown_without_a_restart() {
    let authority = Authority::new();
    let server = authority.issue("segue", Made::Server);
    let running = encrypted(&server, None);
    let config = authority.client(None, &[]);
    let mut kept = Line::to(running.service.addresses().http, &config);
    assert_eq!(kept.call("GET", "/version", &[]).expect("it answers").0, 200);
    let first = shown(&running, &config);
    assert!(first.is_some());
    authority.issue_into(&server, "segue", Made::Server);
    running.service.look();
    until("the new one is shown", || shown(&running, &config) != first);
    assert_eq!(kept.call("GET", "/version", &[]).expect("what was open stays").0, 200);
    assert_eq!(running.counted(EXPIRY), 3_786_912_000, "2090-01-01");
}

#[test]
fn a_new_authority_of_clients_counts_from_the_next_connection_on() {
    let (authority, next) = (Authority::new(), Authority::new());
    let running = encrypted(&authority.issue("segue", Made::Server), Some(&authority));
    let old = authority.client(Some(&authority.issue("old", Made::Client)), &[]);
    let new = authority.client(Some(&next.issue("new", Made::Client)), &[]);
    assert_eq!((shown(&running, &old).is_some(), shown(&running, &new).is_some()), (true, false));
    // The service trusts the next one in its place; clients trust the service as before.
    fs::copy(next.file(), authority.file()).expect("the directory can be written");
    running.service.look();
    until("the next one counts", || shown(&running, &new).is_some());
    assert!(shown(&running, &old).is_none());
}

#[test]
fn what_cannot_be_used_leaves_what_was() {
    let authority = Authority::new();
    let server = authority.issue("segue", Made::Server);
    let other = authority.issue("other", Made::Server);
    let files = TlsFiles {
        port: Port::Http,
        cert: server.cert.clone(),
        key: server.key.clone(),
        client_ca: None,
        client_crl: None,
        client_required: true,
    };
    let metrics = Metrics::new();
    let tls = Tls::load(files, &[b"http/1.1"], &metrics).expect("good files");
    let first = tls.shown();
    let good = fs::read(&server.key).expect("a key");
    let broken: [&dyn Fn(); 4] = [
        &|| drop(fs::write(&server.cert, "half a certifi")),
        &|| drop(fs::remove_file(&server.cert)),
        &|| drop(fs::copy(&other.cert, &server.cert)),
        &|| drop(fs::write(&server.key, "")),
    ];
    for damage in broken {
        damage();
        tls.refresh();
        assert_eq!(tls.shown(), first);
    }
    // The rest of a renewal comes: certificate first, key second, with a look between.
    fs::copy(&other.key, &server.key).expect("the directory can be written");
    tls.refresh();
    assert_ne!(tls.shown(), first);
    assert_ne!(fs::read(&server.key).expect("a key"), good);
}
