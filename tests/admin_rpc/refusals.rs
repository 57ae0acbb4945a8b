//! What is refused, by whom it was asked and how: the codes and words are those that HTTP has.

use std::fs;
use std::io::Read;
use std::time::Duration;

use segue::wire::proto::v1;
use tonic::{Code, Status};

use crate::caller::Caller;
use crate::support::{Site, publish};

#[track_caller]
fn check(refused: Result<v1::Change, Status>, code: Code, text: &str) {
    let status = refused.expect_err("it is refused");
    assert!(status.code() == code && status.message().contains(text), "{status:?}");
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    let site = Site::serving(|_| {});
    publish(site.dir.path(), "new", 0.25);
    let caller = Caller::of(&site);
    check(caller.activate("../old"), Code::InvalidArgument, "`../old` is no version name");
    check(caller.activate("none"), Code::NotFound, "release none was not activated: ");
    check(caller.promote("new"), Code::FailedPrecondition, "release new was not promoted: ");
    check(caller.canary("new", 0.5), Code::FailedPrecondition, "release new is no canary: ");
    check(caller.canary("new", 1.5), Code::InvalidArgument, "the share is 1.5, expected a number from 0 to 1");
    check(caller.shadow("new", f64::NAN), Code::InvalidArgument, "expected a number from 0 to 1");
    check(caller.rollback(None), Code::FailedPrecondition, "nothing was rolled back: ");
    check(caller.rollback(Some("new")), Code::FailedPrecondition, "old serves by now, and not new");
    check(caller.pin("new"), Code::FailedPrecondition, "release new was not pinned: ");
    for reason in ["", " ", "two\nlines", &"x".repeat(513)] {
        check(caller.quarantine("new", reason), Code::InvalidArgument, "expected 1 to 512");
    }
    caller.pin("old").expect("it serves");
    check(caller.activate("new"), Code::FailedPrecondition, "pinned to old; unpin first");
    caller.unpin().expect("it is pinned");
    caller.quarantine("new", "unfit").expect("it does not serve");
    check(caller.activate("new"), Code::FailedPrecondition, "quarantined");
    assert_eq!(site.served().as_deref(), Some("old"));
}

#[test]
fn changes_need_the_token_and_reads_do_not() {
    let dir = tempfile::TempDir::new().expect("a temporary directory");
    let token_file = dir.path().join("token");
    fs::write(&token_file, "0123456789abcdef\n").expect("the directory can be written");
    let site = Site::serving(|config| config.admin.token_file = Some(token_file.clone()));
    check(Caller::of(&site).activate("old"), Code::Unauthenticated, "");
    check(Caller::of(&site).with("0123456789abcdeF").unpin(), Code::Unauthenticated, "");
    Caller::of(&site).list().expect("reads are open");
    Caller::of(&site).with("0123456789abcdef").activate("old").expect("it is the token");
}

#[test]
fn who_says_nothing_loses_the_place() {
    let site = Site::empty(|config| config.admin.header_read_timeout = Duration::from_millis(20));
    for begun in [&b""[..], b"PRI * HT", b"G"] {
        let mut stream = site.connect();
        // On a busy machine its time may be up before it says anything.
        let _ = std::io::Write::write_all(&mut stream, begun);
        let mut rest = Vec::new();
        // A reset is an end as well; only this reader giving up would be none.
        let ended = stream.read_to_end(&mut rest).map_err(|error| error.kind());
        assert!(!matches!(ended, Err(std::io::ErrorKind::WouldBlock)), "{begun:?} is still waited for");
    }
}

#[test]
fn reflection_tells_of_the_operators_calls() {
    use tonic_reflection::pb::v1 as pb;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
    let site = Site::empty(|_| {});
    let caller = Caller::of(&site);
    let mut client = pb::server_reflection_client::ServerReflectionClient::new(caller.channel.clone());
    let message_request = Some(MessageRequest::ListServices(String::new()));
    let asked = tokio_stream::iter([pb::ServerReflectionRequest { host: String::new(), message_request }]);
    let mut replies = caller.wait(client.server_reflection_info(asked)).expect("a stream").into_inner();
    let reply = caller.wait(replies.message()).expect("a reply").expect("a reply").message_response;
    let Some(MessageResponse::ListServicesResponse(listed)) = reply else { panic!("{reply:?}") };
    assert!(listed.service.iter().any(|service| service.name == "segue.v1.SnapshotsService"), "{listed:?}");
    assert!(listed.service.iter().all(|service| !service.name.contains("NextClusters")), "{listed:?}");
}
