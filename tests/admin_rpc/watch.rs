//! Watching: all there is at once, then every change, over both skins; and no watcher holds up the stop.

use std::io::{BufRead, BufReader, Write};

use segue::wire::proto::v1;
use serde_json::Value;
use tonic::Streaming;

use crate::caller::Caller;
use crate::support::{Site, publish};

/// Reads until something is told that is so.
#[track_caller]
fn wait_until(
    caller: &Caller,
    told: &mut Streaming<v1::WatchResponse>,
    is_so: impl Fn(&v1::Releases) -> bool,
) -> v1::Releases {
    loop {
        let message = caller.wait(told.message()).expect("the door is open").expect("it goes on");
        let releases = message.releases.expect("all releases");
        if is_so(&releases) {
            return releases;
        }
    }
}

#[test]
fn a_watcher_is_told_of_every_kind_of_change() {
    let site = Site::serving(|_| {});
    publish(site.dir.path(), "new", 0.25);
    let caller = Caller::of(&site);
    let told = caller.wait(caller.client.clone().watch(caller.request(v1::WatchRequest {})));
    let mut told = told.expect("it is only read").into_inner();
    let first = wait_until(&caller, &mut told, |_| true);
    assert_eq!(first.serving.as_deref(), Some("old"));

    caller.stage("new").expect("it is complete");
    let staged = wait_until(&caller, &mut told, |all| all.staged.as_deref() == Some("new"));
    assert!(staged.sequence > first.sequence);
    caller.pin("old").expect("it serves");
    wait_until(&caller, &mut told, |all| all.pinned.as_deref() == Some("old"));
    caller.unpin().expect("it is pinned");
    wait_until(&caller, &mut told, |all| all.pinned.is_none());
    caller.promote("new").expect("it is staged");
    wait_until(&caller, &mut told, |all| all.serving.as_deref() == Some("new"));
    // The stream is still open; the stop ends it.
    drop(site);
    assert!(!matches!(caller.wait(told.message()), Ok(Some(_))));
}

#[test]
fn events_carry_the_document_of_the_list() {
    let site = Site::serving(|_| {});
    let mut stream = site.connect();
    write!(stream, "GET /admin/v1/watch HTTP/1.1\r\nhost: {}\r\n\r\n", site.address).expect("the door is open");
    let mut lines = BufReader::new(stream).lines().map(|line| line.expect("it goes on"));
    assert!(lines.any(|line| line == "content-type: text/event-stream"));
    assert!(lines.any(|line| line == "event: releases"));
    let data = lines.find_map(|line| line.strip_prefix("data: ").map(str::to_owned)).expect("a document");
    let told: Value = serde_json::from_str(&data).expect("the document is JSON");
    assert_eq!(told, site.get("/admin/v1/releases").json());
}
