//! Who gets in, who does not, and what a token file may hold.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Auth, AuthError, Caller, Role, TOKEN_BYTES_MAX, Token, holders::Holders};
use crate::config::{Config, Reads};
use crate::listen::Peer;
use crate::tls::Subject;

const SECRET: &str = "0123456789abcdef";
const OTHER: &str = "fedcba9876543210";

fn file(content: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("token");
    fs::write(&path, content).unwrap();
    (dir, path)
}

fn auth(token_file: Option<&Path>, certificates: bool, reads: Reads) -> Auth {
    let mut config = Config::defaults(Path::new("unused")).admin;
    config.token_file = token_file.map(Path::to_owned);
    config.tls_client_ca_file = certificates.then(|| "unused".into());
    config.reads = reads;
    Auth::new(&config).unwrap()
}

fn peer(certificate: Option<&str>) -> Peer {
    let subject = |name: &str| Subject { name: name.to_owned(), text: format!("CN={name},O=Example") };
    Peer { address: ([127, 0, 0, 1], 7).into(), certificate: certificate.map(subject) }
}

/// What came of a call, in a word.
fn told(checked: &Result<Caller, AuthError>) -> String {
    match checked {
        Ok(caller) => format!("{} {}", caller.who, caller.role),
        Err(AuthError::Missing { .. }) => "missing".to_owned(),
        Err(AuthError::Unknown) => "unknown".to_owned(),
        Err(AuthError::Role { .. }) => "role".to_owned(),
        Err(AuthError::Unreadable(_)) => "unreadable".to_owned(),
    }
}

#[test]
fn files_that_name_nobody_or_are_unclear_are_refused_without_a_word_of_their_secrets() {
    let long = "x".repeat(TOKEN_BYTES_MAX + 1);
    let name = "n".repeat(65);
    let rows = [
        (String::new(), "names nobody"),
        ("  \n# alone\n".to_owned(), "names nobody"),
        ("0123456789abcde\n".to_owned(), "line 1: the token has 15 bytes, expected 16 to 4096"),
        (long.clone(), "line 1: the token has 4097 bytes"),
        ("0123456789äbcdef".to_owned(), "line 1: the token holds a space or a character that is not ASCII"),
        ("0123456789 abcdef".to_owned(), "line 1: expected `ROLE NAME TOKEN`, got 2 words"),
        (format!("{SECRET}\n{OTHER}\n"), "line 1: expected `ROLE NAME TOKEN`, got 1 words"),
        (format!("operator a {SECRET}\n\nroot b {OTHER}"), "line 3: expected the role reader or operator first"),
        (format!("operator a {SECRET}\nreader b {SECRET}"), "line 2: the token is also that of line 1"),
        ("reader a certificate\noperator a certificate".to_owned(), "line 2: the certificate is also that of line 1"),
        (format!("operator a {SECRET} x"), "line 1: expected `ROLE NAME TOKEN`, got 4 words"),
        ("operator a 0123456789abcde".to_owned(), "line 1: the token has 15 bytes"),
        (format!("operator {name} {SECRET}"), "line 1: expected a name of at most 64"),
        (format!("operator segue:pull {SECRET}"), "line 1: expected a name of at most 64"),
        (format!("operator ä {SECRET}"), "line 1: expected a name of at most 64"),
        (
            "# many\n".to_owned() + &(0..257).map(|n| format!("reader r{n} {SECRET}{n:05}\n")).collect::<String>(),
            "more than",
        ),
        ("#".repeat(256 * 1024 + 1), "more than"),
    ];
    for (content, expected) in rows {
        let (_dir, path) = file(&content);
        let error = Holders::read(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{}: {error}", &content[..content.len().min(80)]);
        assert!(!error.contains(SECRET) && !error.contains(OTHER) && !error.contains(&long), "{error}");
    }
    let (dir, _) = file("");
    assert!(Holders::read(&dir.path().join("none")).unwrap_err().to_string().contains("cannot be read"));
}

#[test]
fn a_token_proves_a_name_and_a_role() {
    let (_dir, path) = file(format!(
        "# who may\n operator alice {SECRET}\r\n\nreader\tgrafana  {OTHER}\noperator deploy certificate\n"
    ));
    let auth = auth(Some(&path), true, Reads::Token);
    let rows = [
        (Some("Bearer 0123456789abcdef"), None, Role::Operator, "alice operator"),
        (Some("bearer   0123456789abcdef "), None, Role::Reader, "alice operator"),
        (Some("Bearer fedcba9876543210"), None, Role::Reader, "grafana reader"),
        (Some("Bearer fedcba9876543210"), None, Role::Operator, "role"),
        (None, Some("deploy"), Role::Operator, "deploy operator"),
        (None, Some("stranger"), Role::Reader, "missing"),
        // A certificate beside a token does not lend its role.
        (Some("Bearer fedcba9876543210"), Some("deploy"), Role::Operator, "role"),
        (Some("Bearer 0123456789abcdeF"), Some("deploy"), Role::Operator, "unknown"),
        (Some("Bearer certificate"), None, Role::Operator, "unknown"),
        (Some("Bearer "), None, Role::Operator, "unknown"),
        (Some("Bearer 0123456789abcde"), None, Role::Operator, "unknown"),
        (Some("Bearer 0123456789abcdef0"), None, Role::Operator, "unknown"),
        (Some("Basic 0123456789abcdef"), None, Role::Operator, "missing"),
        (Some("Bearer0123456789abcdef"), None, Role::Operator, "missing"),
        (Some("0123456789abcdef"), None, Role::Operator, "missing"),
        (Some("Bear"), None, Role::Operator, "missing"),
        (Some(""), None, Role::Reader, "missing"),
        (None, None, Role::Reader, "missing"),
    ];
    for (header, certificate, needed, expected) in rows {
        let checked = auth.check(needed, header.map(str::as_bytes), &peer(certificate));
        assert_eq!(told(&checked), expected, "{header:?} {certificate:?} {needed}");
        if let Ok(caller) = checked {
            assert_eq!(caller.certificate, certificate.map(|name| format!("CN={name},O=Example")));
            assert_eq!(caller.peer, Some(([127, 0, 0, 1], 7).into()));
        }
    }
}

#[test]
fn what_has_to_be_proved_follows_from_what_is_configured() {
    let (_dir, path) = file(SECRET);
    let rows = [
        // token file, certificates, reads -> reads ask, changes ask, a change by nobody, a change by a certificate
        (false, false, Reads::Open, false, false, "local operator", "local operator"),
        (true, false, Reads::Open, false, true, "missing", "missing"),
        (true, false, Reads::Token, true, true, "missing", "missing"),
        (false, true, Reads::Open, false, true, "missing", "CN=deploy,O=Example operator"),
        (false, true, Reads::Token, true, true, "missing", "CN=deploy,O=Example operator"),
        // Who is not in the file has no role, however good the certificate.
        (true, true, Reads::Open, false, true, "missing", "missing"),
    ];
    for (tokens, certificates, reads, reads_ask, changes_ask, by_nobody, by_certificate) in rows {
        let auth = auth(tokens.then_some(path.as_path()), certificates, reads);
        assert_eq!((auth.asks(Role::Reader), auth.asks(Role::Operator)), (reads_ask, changes_ask), "{auth:?}");
        assert_eq!(told(&auth.check(Role::Operator, None, &peer(None))), by_nobody, "{auth:?}");
        // Where no authority is configured, no handshake lets a certificate through.
        let shown = certificates.then_some("deploy");
        assert_eq!(told(&auth.check(Role::Operator, None, &peer(shown))), by_certificate, "{auth:?}");
    }
}

#[test]
fn a_bare_token_is_an_operators() {
    let (_dir, path) = file(format!("# made by hand\n {SECRET}\n"));
    let auth = auth(Some(&path), false, Reads::Open);
    let checked = auth.check(Role::Operator, Some(format!("Bearer {SECRET}").as_bytes()), &peer(None));
    assert_eq!(told(&checked), "operator operator");
}

#[test]
fn a_rotated_token_counts_at_once_and_a_lost_one_shuts_the_door() {
    let (_dir, path) = file(SECRET);
    let auth = auth(Some(&path), false, Reads::Open);
    let old = Token::read(&path).unwrap().header();
    let check = |header: &str| told(&auth.check(Role::Operator, Some(header.as_bytes()), &peer(None)));
    // While it is rotated, both count.
    fs::write(&path, format!("operator ann {SECRET}\noperator ann {OTHER}")).unwrap();
    assert_eq!((check(&old), check("Bearer fedcba9876543210")), ("ann operator".into(), "ann operator".into()));
    fs::write(&path, OTHER).unwrap();
    assert_eq!((check(&old), check("Bearer fedcba9876543210")), ("unknown".into(), "operator operator".into()));
    fs::remove_file(&path).unwrap();
    assert_eq!(check("Bearer fedcba9876543210"), "unreadable");
}

#[test]
fn a_token_hides_itself() {
    let (_dir, path) = file(SECRET);
    assert_eq!(format!("{:?}", Token::read(&path).unwrap()), "Token(hidden)");
    assert!(!format!("{:?}", Holders::read(&path).unwrap()).contains(SECRET));
}
