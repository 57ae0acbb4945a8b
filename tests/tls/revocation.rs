//! Clients whose certificates were revoked: refused from the next connection on, by a list that holds.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConfig;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;
use segue::config::Config;
use segue::metrics::Metrics;
use segue::serve::Service;
use segue::tls::{Tls, TlsFiles};
use tempfile::TempDir;
use x509_cert::crl::CertificateList;
use x509_cert::der::{Decode, Encode};

use crate::doors::{ask_grpc, encrypt};
use crate::support::certificates::{Authority, Issued, Line, Made};
use crate::support::service::{Running, start_with, until};

/// A year whose lists hold now.
const NOW: i32 = 2000;
/// The next one: newer.
const NEWER: i32 = 2001;
/// A year whose lists ended.
const LONG_AGO: i32 = 1971;

/// A service, all of whose doors ask for certificates and look them up in `lists`.
fn listed(authority: &Authority, lists: &Path) -> Running {
    let server = authority.issue("segue", Made::Server);
    start_with(|config| {
        encrypt(config, &server, Some(authority));
        list(config, lists);
    })
}

fn list(config: &mut Config, lists: &Path) {
    config.http.tls_client_crl_file = Some(lists.to_owned());
    config.grpc.tls_client_crl_file = Some(lists.to_owned());
    config.admin.tls_client_crl_file = Some(lists.to_owned());
}

/// Whether the plain doors let a client in, which must be the same of all.
fn opens(running: &Running, client: &Arc<ClientConfig>) -> bool {
    let addresses = running.service.addresses();
    let [http, admin] = [(addresses.http, "/version"), (addresses.admin, "/readyz")].map(|(address, path)| {
        let called = Line::to(address, client).call("GET", path, &[]);
        called.is_ok_and(|(status, _)| status == 200)
    });
    assert_eq!(http, admin);
    http
}

fn failures(running: &Running, door: &str) -> u64 {
    running.counted(&format!("segue_tls_handshake_failures_total{{door=\"{door}\"}}"))
}

#[test]
fn a_revoked_client_opens_no_door() {
    let authority = Authority::new();
    let (good, revoked) = (authority.issue("good", Made::Client), authority.issue("revoked", Made::Client));
    let lists = authority.file().with_file_name("lists");
    fs::write(&lists, authority.revoke(&[&revoked], NOW)).expect("the directory can be written");
    let running = listed(&authority, &lists);
    assert_eq!(running.counted("segue_tls_client_crl_expiry_timestamp_seconds{door=\"admin\"}"), 2_524_608_000, "2050");
    for (shown, expected) in [(&good, true), (&revoked, false)] {
        assert_eq!(opens(&running, &authority.client(Some(shown), &[])), expected);
        let spoken = authority.client(Some(shown), &[b"h2"]);
        assert_eq!(ask_grpc(running.service.addresses().grpc, &spoken).is_ok(), expected);
    }
    until("refusals are counted", || failures(&running, "http") == 1 && failures(&running, "admin") == 1);
    assert!(failures(&running, "grpc") >= 1);
}

/// Holds each row: what lists say, and whether a client then opens the door.
fn check(authority: &Authority, client: &Issued, rows: &[(&str, String, bool)]) {
    let lists = authority.file().with_file_name("lists");
    for (about, text, expected) in rows {
        fs::write(&lists, text).expect("the directory can be written");
        let running = listed(authority, &lists);
        assert_eq!(opens(&running, &authority.client(Some(client), &[])), *expected, "{about}");
    }
}

#[test]
fn what_no_list_that_holds_says_is_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    let client = authority.issue("good", Made::Client);
    // As if its key were another's: the name is right, the signature is not.
    let forged = authority.namesake().revoke(&[], NOW);
    let rows = [
        ("holds", authority.revoke(&[], NOW), true),
        ("another authority's beside it", other.revoke(&[], NOW) + &authority.revoke(&[], NOW), true),
        ("ended", authority.revoke(&[], LONG_AGO), false),
        ("another authority's alone", other.revoke(&[], NOW), false),
        ("forged", forged, false),
        (
            "revoked by the newer, which comes last",
            authority.revoke(&[], NOW) + &authority.revoke(&[&client], NEWER),
            false,
        ),
        (
            "revoked by the newer, which comes first",
            authority.revoke(&[&client], NEWER) + &authority.revoke(&[], NOW),
            false,
        ),
        ("revoked by an ended one", authority.revoke(&[&client], LONG_AGO) + &authority.revoke(&[], NOW), true),
    ];
    check(&authority, &client, &rows);
}

#[test]
fn an_authority_in_between_is_looked_up_too() {
    let authority = Authority::new();
    let between = authority.below();
    let client = between.issue("good", Made::Client);
    let itself = Issued { cert: between.file(), key: client.key.clone() };
    let rows = [
        ("both", authority.revoke(&[], NOW) + &between.revoke(&[], NOW), true),
        ("only the root's", authority.revoke(&[], NOW), false),
        ("only its own", between.revoke(&[], NOW), false),
        ("it is revoked itself", authority.revoke(&[&itself], NOW) + &between.revoke(&[], NOW), false),
    ];
    check(&authority, &client, &rows);
}

#[test]
fn a_new_list_counts_from_the_next_connection_on() {
    let authority = Authority::new();
    let config = |name| {
        let issued = authority.issue(name, Made::Client);
        (authority.client(Some(&issued), &[]), issued)
    };
    let ((good, _), (revoked, issued)) = (config("good"), config("revoked"));
    let lists = authority.file().with_file_name("lists");
    fs::write(&lists, authority.revoke(&[], NOW)).expect("the directory can be written");
    let running = listed(&authority, &lists);
    let mut kept = Line::to(running.service.addresses().http, &revoked);
    assert_eq!(kept.call("GET", "/version", &[]).expect("it answers").0, 200);
    fs::write(&lists, authority.revoke(&[&issued], NEWER)).expect("the directory can be written");
    running.service.look();
    let call = || Line::to(running.service.addresses().http, &revoked).call("GET", "/version", &[]);
    until("the new list counts", || call().is_err());
    assert!(opens(&running, &good));
    assert_eq!(kept.call("GET", "/version", &[]).expect("what was open stays").0, 200);
}

#[test]
fn a_broken_list_leaves_what_was() {
    let authority = Authority::new();
    let [server, other] = ["segue", "other"].map(|name| authority.issue(name, Made::Server));
    let (lists, good) = (authority.file().with_file_name("lists"), authority.revoke(&[], NOW));
    fs::write(&lists, &good).expect("the directory can be written");
    let mut config = crate::support::config(authority.file().parent().expect("a directory"));
    encrypt(&mut config, &server, Some(&authority));
    list(&mut config, &lists);
    let metrics = Metrics::new();
    let files = TlsFiles::http(&config.http).expect("it speaks TLS");
    let tls = Tls::load(files, &[b"http/1.1"], &metrics).expect("good files");
    let first = tls.shown();
    // A renewal beside it waits for a list that can be used.
    fs::copy(&other.cert, &server.cert).expect("the directory can be written");
    fs::copy(&other.key, &server.key).expect("the directory can be written");
    let certificate = fs::read_to_string(authority.file()).expect("an authority");
    for broken in ["", "half a li", &good[..good.len() / 2], &good.replacen('M', "N", 1), &certificate] {
        fs::write(&lists, broken).expect("the directory can be written");
        tls.refresh();
        assert_eq!((tls.shown(), ends_year_2050(&metrics)), (first, true), "{broken}");
    }
    fs::remove_file(&lists).expect("it is there");
    tls.refresh();
    assert_eq!((tls.shown(), ends_year_2050(&metrics)), (first, true));
    fs::write(&lists, authority.revoke(&[], NEWER)).expect("the directory can be written");
    tls.refresh();
    assert_ne!(tls.shown(), first);
    assert!(!ends_year_2050(&metrics));
}

fn ends_year_2050(metrics: &Metrics) -> bool {
    metrics.render().contains("segue_tls_client_crl_expiry_timestamp_seconds{door=\"http\"} 2524608000\n")
}

#[test]
fn what_cannot_be_looked_up_is_not_opened() {
    let (authority, dir) = (Authority::new(), TempDir::new().expect("a temporary directory"));
    let server = authority.issue("segue", Made::Server);
    let lists = dir.path().join("lists");
    let certificate = fs::read_to_string(authority.file()).expect("an authority");
    let rows = [
        (None, "lists cannot be read"),
        (Some(certificate.clone()), "expected at least one revocation list, in PEM"),
        (Some(certificate.replace("CERTIFICATE", "X509 CRL")), "holds a revocation list that cannot be read"),
        (Some(without_end(&authority.revoke(&[], NOW))), "expected whole lists of version 2"),
        (Some("x".repeat((1 << 20) + 1)), "has more than 1048576 bytes"),
    ];
    for (text, expected) in rows {
        text.into_iter().for_each(|text| fs::write(&lists, text).expect("the directory can be written"));
        let mut config = crate::support::config(dir.path());
        encrypt(&mut config, &server, Some(&authority));
        list(&mut config, &lists);
        let error = Service::start(&config).err().expect("it is refused").to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// The same list, without the time by which there is a next one.
fn without_end(pem: &str) -> String {
    let der = CertificateRevocationListDer::from_pem_slice(pem.as_bytes()).expect("a list");
    let mut list = CertificateList::from_der(&der).expect("a list");
    list.tbs_cert_list.next_update = None;
    let text = STANDARD.encode(list.to_der().expect("it can be written"));
    format!("-----BEGIN X509 CRL-----\n{text}\n-----END X509 CRL-----\n")
}
