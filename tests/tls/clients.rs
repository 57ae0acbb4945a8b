//! Whose certificates open a door, and what they may do behind the operator's.

use std::fs;

use serde_json::Value;

use crate::doors::{ask_grpc, encrypt, encrypted};
use crate::support::certificates::{Authority, Issued, Line, Made};
use crate::support::release::VERSION;
use crate::support::service::{Running, start_with, until};

const JSON: &str = "content-type: application/json";
const RELOAD: &str = "/admin/v1/reload";

fn failures(running: &Running, door: &str) -> u64 {
    running.counted(&format!("segue_tls_handshake_failures_total{{door=\"{door}\"}}"))
}

#[test]
fn only_a_certificate_that_holds_opens_a_door() {
    let (authority, foreign) = (Authority::new(), Authority::new());
    let running = encrypted(&authority.issue("segue", Made::Server), Some(&authority));
    let rows: [(&str, Option<Issued>, bool); 7] = [
        ("good", Some(authority.issue("good", Made::Client)), true),
        ("workload", Some(authority.issue("spiffe://example/ns/segue", Made::Workload)), true),
        ("none", None, false),
        ("foreign", Some(foreign.issue("good", Made::Client)), false),
        ("expired", Some(authority.issue("expired", Made::Ended)), false),
        ("not yet", Some(authority.issue("early", Made::NotYet)), false),
        ("a server's", Some(authority.issue("server", Made::Server)), false),
    ];
    let addresses = running.service.addresses();
    let mut refused = 0;
    for (about, shown, opens) in &rows {
        let config = authority.client(shown.as_ref(), &[]);
        for (address, path) in [(addresses.http, "/version"), (addresses.admin, "/readyz")] {
            let called = Line::to(address, &config).call("GET", path, &[]);
            assert_eq!(called.as_ref().map_or(0, |(status, _)| *status), if *opens { 200 } else { 0 }, "{about}");
        }
        let spoken = authority.client(shown.as_ref(), &[b"h2"]);
        assert_eq!(ask_grpc(addresses.grpc, &spoken).is_ok(), *opens, "{about}");
        refused += u64::from(!opens);
        // tonic connects anew by itself, so that a refusal there may count more than once.
        until("refusals are counted", || {
            failures(&running, "http") == refused && failures(&running, "admin") == refused
        });
        assert!(failures(&running, "grpc") >= refused, "{about}");
    }
}

#[test]
fn a_session_is_never_gone_on_with_where_certificates_count() {
    let authority = Authority::new();
    let server = authority.issue("segue", Made::Server);
    for (clients, resumed) in [(None, true), (Some(&authority), false)] {
        let running = encrypted(&server, clients);
        let shown = authority.issue("good", Made::Client);
        let config = authority.client(clients.map(|_| &shown), &[]);
        let again = || {
            let mut line = Line::to(running.service.addresses().http, &config);
            assert_eq!(line.call("GET", "/version", &[]).expect("it answers").0, 200);
            line.is_resumed()
        };
        assert_eq!((again(), again()), (false, resumed));
    }
}

/// What a caller with a certificate or a token may do: the statuses of a probe, a read and a change.
fn may(running: &Running, authority: &Authority, shown: Option<&Issued>, header: &str) -> [u16; 3] {
    let config = authority.client(shown, &[]);
    [("GET", "/readyz"), ("GET", "/metrics"), ("POST", RELOAD)].map(|(method, path)| {
        let mut line = Line::to(running.service.addresses().admin, &config);
        let headers: Vec<_> = [JSON, header].into_iter().filter(|header| !header.is_empty()).collect();
        line.call(method, path, &headers).map_or(0, |(status, _)| status)
    })
}

#[test]
fn without_a_token_file_any_certificate_of_the_authority_is_an_operators() {
    let authority = Authority::new();
    let server = authority.issue("segue", Made::Server);
    let deploy = authority.issue("deploy", Made::Client);
    let running = start_with(|config| encrypt(config, &server, Some(&authority)));
    assert_eq!(may(&running, &authority, Some(&deploy), ""), [200, 200, 200]);
    assert_eq!(may(&running, &authority, None, ""), [0, 0, 0]);
    let optional = start_with(|config| {
        encrypt(config, &server, Some(&authority));
        config.admin.tls_client_required = false;
    });
    assert_eq!(may(&optional, &authority, Some(&deploy), ""), [200, 200, 200]);
    assert_eq!(may(&optional, &authority, None, ""), [200, 200, 401], "probes and open reads need none");
    assert_eq!(may(&optional, &authority, Some(&Authority::new().issue("deploy", Made::Client)), ""), [0, 0, 0]);
    let log = fs::read_to_string(optional.dir().join("audit.jsonl")).expect("there was a change");
    let line: Value = serde_json::from_str(log.lines().last().expect("two lines")).expect("JSON");
    assert_eq!((&line["who"], &line["certificate"]), (&"CN=deploy,O=Example".into(), &"CN=deploy,O=Example".into()));
    assert!(line["peer"].as_str().is_some_and(|peer| peer.starts_with("127.0.0.1:")), "{line}");
    assert_eq!((&line["change"], &line["outcome"], &line["to"]), (&"reload".into(), &"done".into(), &VERSION.into()));
}

#[test]
fn a_token_file_says_what_each_certificate_may() {
    let authority = Authority::new();
    let server = authority.issue("segue", Made::Server);
    let tokens = server.cert.with_file_name("tokens");
    let lines =
        "operator deploy certificate\nreader spiffe://example/watch certificate\noperator ann 0123456789abcdef\n";
    fs::write(&tokens, lines).expect("the directory can be written");
    let running = start_with(|config| {
        encrypt(config, &server, Some(&authority));
        config.admin.tls_client_required = false;
        config.admin.reads = segue::config::Reads::Token;
        config.admin.token_file = Some(tokens.clone());
    });
    let [deploy, watch, stranger] =
        [("deploy", Made::Client), ("spiffe://example/watch", Made::Workload), ("x", Made::Client)]
            .map(|(name, made)| authority.issue(name, made));
    let token = "authorization: Bearer 0123456789abcdef";
    let rows = [
        (Some(&deploy), "", [200, 200, 200]),
        (Some(&watch), "", [200, 200, 403]),
        (Some(&stranger), "", [200, 401, 401]),
        (None, "", [200, 401, 401]),
        (None, token, [200, 200, 200]),
        (Some(&watch), token, [200, 200, 200]),
        (Some(&deploy), "authorization: Bearer 0123456789abcdeF", [200, 401, 401]),
    ];
    for (shown, header, expected) in rows {
        assert_eq!(may(&running, &authority, shown, header), expected, "{header} {:?}", shown.map(|shown| &shown.cert));
    }
}

#[test]
fn a_page_in_a_browser_that_holds_a_certificate_changes_nothing() {
    let authority = Authority::new();
    let running = encrypted(&authority.issue("segue", Made::Server), Some(&authority));
    let config = authority.client(Some(&authority.issue("deploy", Made::Client)), &[]);
    for (header, status) in [("x: y", 415), ("content-type: text/plain", 415), (JSON, 200)] {
        let mut line = Line::to(running.service.addresses().admin, &config);
        assert_eq!(line.call("POST", RELOAD, &[header]).expect("it answers").0, status, "{header}");
    }
}
