//! The commands that call a service, with what they are given to show and to trust.

use std::path::Path;
use std::process::{Command, Output};

use crate::doors::encrypted;
use crate::support::certificates::{Authority, Issued, Made};

fn health(url: &str, trusted: Option<&Path>, shown: Option<&Issued>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segue"));
    command.env_clear().args(["health", "--url", url]);
    trusted.map(|ca| command.arg("--ca").arg(ca));
    shown.map(|Issued { cert, key }| command.arg("--cert").arg(cert).arg("--key").arg(key));
    command.output().expect("the program starts")
}

#[test]
fn a_command_trusts_and_shows_what_it_is_told_to() {
    let (authority, foreign) = (Authority::new(), Authority::new());
    let running = encrypted(&authority.issue("segue", Made::Server), Some(&authority));
    let url = format!("https://{}/readyz", running.service.addresses().admin);
    let (good, stranger) = (authority.issue("good", Made::Client), foreign.issue("good", Made::Client));
    let (ours, theirs) = (authority.file(), foreign.file());
    let half = Issued { cert: good.cert.clone(), key: ours.clone() };
    let rows = [
        (Some(ours.as_path()), Some(&good), 0, "\"ready\":true"),
        (None, Some(&good), 1, "UnknownIssuer"),
        (Some(theirs.as_path()), Some(&good), 1, "UnknownIssuer"),
        (Some(ours.as_path()), None, 1, "CertificateRequired"),
        (Some(ours.as_path()), Some(&stranger), 1, ""),
        (Some(Path::new("none.crt")), None, 1, "none.crt cannot be read"),
        (Some(good.key.as_path()), None, 1, "does not hold at least one certificate"),
        (Some(ours.as_path()), Some(&half), 1, "does not hold a private key"),
    ];
    for (trusted, shown, code, text) in rows {
        let output = health(&url, trusted, shown);
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(text), "{text}: {told}");
    }
    let plain = health(&url.replace("https", "http"), None, None);
    assert_eq!(plain.status.code(), Some(1));
}
