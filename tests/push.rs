//! Pushing a release: the way that works, through the command, and everything that must be refused, byte by byte, with
//! the store and what serves unchanged after each refusal.

use std::fs;
use std::io::Write;
use std::time::Duration;

use segue::config::Config;
use segue::snapshot::manifest::{FILES, MANIFEST, MANIFEST_BYTES_MAX, Manifest};
use segue::snapshot::release::Release;
use serde_json::{Value, json};
use tempfile::TempDir;

#[path = "support/admin.rs"]
mod support;

use support::{FILE, Parcel, Site, break_off, receive, replace, run, segue, until, version};

/// What no refusal may change: the one release, alone in the store but for pushes that may go on, and serving.
#[track_caller]
fn check_unchanged(site: &Site) {
    let shown: Vec<_> = site.names().into_iter().filter(|name| !name.starts_with(".partial-push-")).collect();
    assert_eq!(shown, ["old"]);
    assert_eq!(site.store().state().expect("a pointer").current, Some(version("old")));
    assert_eq!(site.served().as_deref(), Some("old"));
    Release::load(&site.store().release_path(&version("old"))).expect("old is as it was");
}

fn push_command(parcel: &Parcel, site: &Site, more: &[&str]) -> std::process::Command {
    let mut command = segue();
    command.arg("push").arg(&parcel.path).args(["--to", &site.url("")]).args(more);
    command
}

#[test]
fn the_command_pushes_and_the_service_serves() {
    let (site, parcel) = (Site::serving(|_| {}), Parcel::new("new", 0.25));
    for present in [false, true] {
        let output = run(&mut push_command(&parcel, &site, &["--json"]), 0);
        let outcome: Value = serde_json::from_slice(&output.stdout).expect("--json prints JSON");
        let bytes = parcel.manifest().bytes();
        assert_eq!(
            outcome,
            json!({ "release": "new", "bytes": bytes, "present": present, "model": null, "serving": "new" })
        );
        assert_eq!(site.served().as_deref(), Some("new"));
        assert_eq!(site.names(), ["new", "old"]);
    }
    for name in [MANIFEST].into_iter().chain(FILES) {
        let pushed = fs::read(site.store().release_path(&version("new")).join(name)).expect("a complete release");
        assert_eq!(pushed, parcel.bytes(name), "{name}");
    }
    assert_eq!(site.store().state().expect("a pointer").previous, Some(version("old")));
}

#[test]
fn the_command_leaves_what_serves_when_told_to() {
    let (site, parcel) = (Site::serving(|_| {}), Parcel::new("new", 0.25));
    let output = run(&mut push_command(&parcel, &site, &["--no-activate"]), 0);
    assert!(String::from_utf8_lossy(&output.stdout).contains("not activated"));
    assert_eq!((site.names(), site.served().as_deref()), (vec!["new".to_owned(), "old".to_owned()], Some("old")));
}

#[test]
fn the_command_carries_the_token() {
    let dir = TempDir::new().expect("a temporary directory");
    let token = |name: &str, token: &str| {
        fs::write(dir.path().join(name), token).expect("the directory can be written");
        dir.path().join(name).to_string_lossy().into_owned()
    };
    let (right, wrong) = (token("right", "0123456789abcdef"), token("wrong", "0123456789abcdeF"));
    let site = Site::serving(|config| config.admin.token_file = Some(right.clone().into()));
    let parcel = Parcel::new("new", 0.25);
    let rows: [(&[&str], i32, &str); 4] = [
        (&[], 1, "answered 401: this call needs the role operator: send the header"),
        (&["--token-file", &wrong], 1, "answered 401: the token is not one in the service's"),
        (&["--token-file", "/nonexistent"], 1, "the token file /nonexistent cannot be read"),
        (&["--token-file", &right], 0, ""),
    ];
    for (flags, code, text) in rows {
        check_unchanged(&site);
        let output = run(&mut push_command(&parcel, &site, flags), code);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains(text), "{told}");
    }
    assert_eq!(site.served().as_deref(), Some("new"));
}

#[test]
fn the_command_sends_nothing_that_is_damaged() {
    let parcel = Parcel::new("new", 0.25);
    let mut bytes = parcel.bytes("table.segue");
    *bytes.last_mut().expect("it is not empty") ^= 1;
    fs::write(parcel.path.join("table.segue"), bytes).expect("it can be written");
    let site = Site::serving(|_| {});
    run(&mut push_command(&parcel, &site, &[]), 3);
    check_unchanged(&site);
    assert_eq!(site.names(), ["old"]);
}

#[test]
fn the_command_says_what_is_wrong_with_the_service() {
    let parcel = Parcel::new("new", 0.25);
    let site = Site::serving(|config| config.admin.push_bytes_max = 1024);
    let told = |to: &str| {
        let output = run(segue().arg("push").arg(&parcel.path).args(["--to", to]), 1);
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let refused = told(&site.url("/"));
    assert!(refused.contains("answered 413: the release has") && refused.contains("admin.push_bytes_max"), "{refused}");
    check_unchanged(&site);
    for address in ["ftp://127.0.0.1", "127.0.0.1:9090", "http://"] {
        assert!(told(address).contains("is no address of a service"), "{address}");
    }
    let gone = site.url("");
    drop(site);
    assert!(told(&gone).contains("did not answer in 5 attempts"));
}

#[test]
fn pieces_become_a_release_at_the_commit_and_not_before() {
    let (site, parcel) = (Site::serving(|_| {}), Parcel::new("new", 0.25));
    let begun = parcel.put(&site, MANIFEST);
    assert_eq!((begun.status, begun.json()), (200, json!({ "published": false, "missing": FILES })));
    for (sent, name) in FILES.into_iter().enumerate() {
        let detail = parcel.commit(&site).problem(409, "conflict");
        assert!(detail.contains(&format!("{:?}", &FILES[sent..])), "{detail}");
        check_unchanged(&site);
        assert_eq!(parcel.put(&site, name).status, 200);
    }
    check_unchanged(&site);
    let committed = parcel.commit(&site);
    assert_eq!((committed.status, committed.json()["release"].clone()), (200, json!("new")));
    assert_eq!((site.names(), site.served().as_deref()), (vec!["new".to_owned(), "old".to_owned()], Some("old")));
    // The word to commit may have been answered and the answer lost.
    assert_eq!(parcel.commit(&site).json(), committed.json());
    assert_eq!(parcel.put(&site, MANIFEST).json(), json!({ "published": true, "missing": [] }));
}

#[test]
fn bytes_that_are_not_the_manifests_do_not_count() {
    let (site, parcel) = (Site::serving(|_| {}), Parcel::new("new", 0.25));
    parcel.send(&site);
    let good = parcel.bytes("table.segue");
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 0x40;
    let rows = [
        (good[..good.len() - 1].to_vec(), "table.segue came with"),
        (Vec::new(), "table.segue came with 0 bytes"),
        ([&good[..], b"x"].concat(), "table.segue came with"),
        (vec![0; 1 << 20], "table.segue came with"),
        (flipped, "table.segue came with digest"),
    ];
    for (bytes, text) in rows {
        // A file that came before is forgotten once it is sent anew.
        assert_eq!(parcel.put(&site, "table.segue").status, 200);
        let detail = parcel.put_bytes(&site, "table.segue", &bytes).problem(422, "refused");
        assert!(detail.starts_with(text), "{detail}");
        let detail = parcel.commit(&site).problem(409, "conflict");
        assert!(detail.contains(r#"still lacks ["table.segue"]"#), "{detail}");
        check_unchanged(&site);
    }
    assert_eq!(parcel.put(&site, "table.segue").status, 200);
    assert_eq!(parcel.commit(&site).status, 200);
}

#[test]
fn a_body_that_breaks_off_can_be_sent_again() {
    let (site, parcel) = (Site::serving(|_| {}), Parcel::new("new", 0.25));
    parcel.send(&site);
    let (stream, _) = parcel.send_all_but_a_byte(&site, "table.segue");
    break_off(stream).problem(400, "invalid_request");
    parcel.commit(&site).problem(409, "conflict");
    check_unchanged(&site);
    assert_eq!(parcel.put(&site, MANIFEST).json()["missing"], json!(["table.segue"]));
    assert_eq!(parcel.put(&site, "table.segue").status, 200);
    assert_eq!(parcel.commit(&site).status, 200);
}

#[test]
fn a_body_that_stalls_is_given_up() {
    let site = Site::serving(|config| config.admin.body_idle_timeout = Duration::from_millis(500));
    let parcel = Parcel::new("new", 0.25);
    // On a busy machine so short a time may be up between its head and its body.
    until(|| parcel.put(&site, MANIFEST).status == 200);
    let (stream, _) = parcel.send_all_but_a_byte(&site, "table.segue");
    let detail = receive(stream).problem(504, "deadline_exceeded");
    assert!(detail.contains("nothing of the body came for 500 ms"), "{detail}");
    check_unchanged(&site);
}

#[test]
fn no_name_leads_out_of_the_push() {
    let (site, parcel) = (Site::serving(|_| {}), Parcel::new("new", 0.25));
    assert_eq!(parcel.put(&site, MANIFEST).status, 200);
    let before = site.names();
    for name in [
        "../x",
        "%2e%2e%2fx",
        "..%2f..%2f..%2fstate.json",
        "%2fetc%2fpasswd",
        "..",
        "%2e%2e",
        ".",
        "%00",
        "x",
        "table.segue/x",
        "table.segue%00",
        "table.segue%2f..%2fx",
        "TABLE.SEGUE",
        "manifest%2ejson",
        "",
    ] {
        let reply = parcel.put_bytes(&site, name, b"x");
        reply.problem(404, "not_found");
        assert_eq!(site.names(), before, "{name}");
    }
    for name in ["..", "%2e%2e", "%2e%2e%2fx", ".partial", "a%20b", "%2e%2e%2f%2e%2e", &"x".repeat(129)] {
        let path = format!("/admin/v1/releases/{name}/files/manifest.json");
        site.send(("PUT", &path), &[FILE], &parcel.bytes(MANIFEST)).problem(400, "invalid_request");
        let path = format!("/admin/v1/releases/{name}/commit");
        site.post(&path, "").problem(400, "invalid_request");
        assert_eq!(site.names(), before, "{name}");
    }
    check_unchanged(&site);
    let outside = fs::read_dir(site.dir.path()).expect("the store").count();
    assert_eq!(outside, 4, "releases, state.json, its lock and the audit log");
}

#[test]
fn manifests_that_cannot_be_pushed_are_refused_before_any_file() {
    let parcel = Parcel::new("new", 0.25);
    let changed = |change: fn(&mut Manifest)| {
        let mut manifest = parcel.manifest();
        change(&mut manifest);
        manifest.to_json()
    };
    let rows: [(Vec<u8>, u16, &str, &str); 8] = [
        (b"{".to_vec(), 422, "refused", "the manifest cannot be read"),
        (b"".to_vec(), 422, "refused", "the manifest cannot be read"),
        (changed(|manifest| manifest.format = "segue.release/9".into()), 422, "refused", "segue.release/9"),
        (changed(|manifest| manifest.files[0].name = "../x".into()), 422, "refused", "the manifest lists [\"../x\""),
        (changed(|manifest| manifest.version = version("other")), 422, "refused", "sent to the address of release new"),
        (changed(|manifest| manifest.files[0].bytes = u64::MAX), 413, "too_large", "at most"),
        (changed(|manifest| manifest.files[0].bytes = 1 << 49), 507, "storage_full", "the store's disk has"),
        (vec![b' '; MANIFEST_BYTES_MAX as usize + 1], 413, "too_large", "larger than 1048576 bytes"),
    ];
    let site = Site::serving(|config| config.admin.push_bytes_max = 1 << 50);
    for (manifest, status, kind, text) in rows {
        let detail = parcel.put_bytes(&site, MANIFEST, &manifest).problem(status, kind);
        assert!(detail.contains(text), "{detail}");
        assert_eq!(site.names(), ["old"]);
        check_unchanged(&site);
    }
}

#[test]
fn a_push_may_be_exactly_as_large_as_allowed() {
    let parcel = Parcel::new("new", 0.25);
    let bytes = parcel.manifest().bytes() + parcel.bytes(MANIFEST).len() as u64;
    let limited = |bytes_max| Site::serving(move |config: &mut Config| config.admin.push_bytes_max = bytes_max);
    let detail = parcel.put(&limited(bytes - 1), MANIFEST).problem(413, "too_large");
    assert!(detail.starts_with(&format!("the release has {bytes} bytes, at most {} may", bytes - 1)), "{detail}");
    assert_eq!(parcel.put(&limited(bytes), MANIFEST).status, 200);
}

#[test]
fn nothing_is_taken_without_its_manifest() {
    let (site, parcel) = (Site::serving(|_| {}), Parcel::new("new", 0.25));
    let refusals = [parcel.put(&site, "table.segue"), parcel.commit(&site)];
    for reply in refusals {
        let detail = reply.problem(409, "conflict");
        assert_eq!(detail, "no push of release new is open; send its manifest.json first");
    }
    assert_eq!(site.names(), ["old"]);
}

#[test]
fn a_release_that_could_not_serve_is_not_published() {
    let parcel = Parcel::new("new", 0.25);
    let golden = parcel.bytes("golden.jsonl");
    let golden =
        String::from_utf8(golden).expect("golden questions are text").replacen("\"cluster\":7", "\"cluster\":9", 1);
    let table = |change: fn(&mut Vec<u8>)| {
        let mut bytes = parcel.bytes("table.segue");
        change(&mut bytes);
        bytes
    };
    let rows = [
        ("golden.jsonl", golden.into_bytes(), "golden question"),
        ("table.segue", table(|bytes| bytes.truncate(100)), "bytes"),
        ("table.segue", table(|bytes| *bytes.last_mut().expect("it is not empty") ^= 1), "checksum"),
    ];
    let site = Site::serving(|_| {});
    for (name, bytes, text) in rows {
        // The manifest agrees with the bytes: only the checks of a load can tell.
        let bad = Parcel::new("new", 0.25);
        replace(&bad.path, name, &bytes);
        bad.send(&site);
        let detail = bad.commit(&site).problem(422, "refused");
        assert!(detail.starts_with("release new was refused: ") && detail.contains(text), "{detail}");
        assert_eq!(site.names(), ["old"]);
        check_unchanged(&site);
    }
    parcel.send(&site);
    assert_eq!(parcel.commit(&site).status, 200, "a bad push is in nobody's way");
}

#[test]
fn a_version_never_changes() {
    let site = Site::serving(|_| {});
    let (same, other) = (Parcel::new("old", 0.5), Parcel::new("old", 0.25));
    assert_eq!(same.put(&site, MANIFEST).json(), json!({ "published": true, "missing": [] }));
    let detail = other.put(&site, MANIFEST).problem(409, "conflict");
    assert_eq!(detail, "release old exists with other content; releases never change, choose another version");
    check_unchanged(&site);
    let output = run(&mut push_command(&other, &site, &[]), 1);
    assert!(String::from_utf8_lossy(&output.stderr).contains("choose another version"));
    check_unchanged(&site);
}

#[test]
fn one_push_of_a_version_at_a_time() {
    let site = Site::serving(|_| {});
    let (parcel, other) = (Parcel::new("new", 0.25), Parcel::new("new", 0.75));
    parcel.send(&site);
    let (mut stream, last) = parcel.send_all_but_a_byte(&site, "table.segue");
    // Until the first bytes have come, the file is not yet being received.
    until(|| parcel.put(&site, MANIFEST).status != 200);
    let refusals = [
        parcel.put(&site, MANIFEST),
        other.put(&site, MANIFEST),
        parcel.put(&site, "table.segue"),
        parcel.commit(&site),
    ];
    for reply in refusals {
        let detail = reply.problem(409, "conflict");
        assert_eq!(detail, "another push of release new is under way; wait for its end and try again");
        assert!(reply.head.contains("retry-after: 1"), "{}", reply.head);
    }
    stream.write_all(&[last]).expect("the connection is open");
    assert_eq!(receive(stream).status, 200);
    other.put(&site, MANIFEST).problem(409, "conflict");
    assert_eq!(parcel.commit(&site).status, 200);
    other.put(&site, MANIFEST).problem(409, "conflict");
}
