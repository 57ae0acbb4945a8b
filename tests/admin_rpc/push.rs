//! A push over one stream: whole, taken up again where it broke off, and out of order.

use segue::snapshot::manifest::{FILES, MANIFEST};
use segue::wire::proto::v1;
use segue::wire::proto::v1::push_request::Part;
use segue::wire::proto::v1::push_response::Part as Reply;
use tonic::{Code, Status};

use crate::caller::Caller;
use crate::support::{Parcel, Site, version};

/// Bytes of one chunk: a table takes several.
const CHUNK_BYTES: usize = 100;

/// Sends all parts at once, and gives what came back until the end or the first failure.
fn send(caller: &Caller, parts: Vec<Part>) -> (Vec<Reply>, Option<Status>) {
    let messages = parts.into_iter().map(|part| v1::PushRequest { part: Some(part) });
    let request = caller.request(tokio_stream::iter(messages.collect::<Vec<_>>()));
    let mut heard = match caller.wait(caller.client.clone().push(request)) {
        Ok(heard) => heard.into_inner(),
        Err(status) => return (Vec::new(), Some(status)),
    };
    let mut replies = Vec::new();
    loop {
        match caller.wait(heard.message()) {
            Ok(Some(reply)) => replies.push(reply.part.expect("a part")),
            Ok(None) => return (replies, None),
            Err(status) => return (replies, Some(status)),
        }
    }
}

fn open(parcel: &Parcel) -> Part {
    let manifest = parcel.bytes(MANIFEST);
    Part::Open(v1::PushOpen {
        kind: v1::ParcelKind::Release.into(),
        version: parcel.manifest().version.to_string(),
        manifest,
        signature: None,
    })
}

/// A file from an offset on, in chunks.
fn chunks(parcel: &Parcel, name: &str, offset: usize) -> Vec<Part> {
    let bytes = parcel.bytes(name).split_off(offset);
    let part = |(position, data): (usize, &[u8])| {
        let offset = (offset + position * CHUNK_BYTES) as u64;
        Part::Chunk(v1::PushChunk { name: name.to_owned(), offset, data: data.to_vec() })
    };
    bytes.chunks(CHUNK_BYTES).enumerate().map(part).collect()
}

#[test]
fn a_push_publishes_and_a_second_one_has_nothing_to_send() {
    let (site, parcel) = (Site::serving(|_| {}), Parcel::new("new", 0.25));
    let caller = Caller::of(&site);
    let mut parts = vec![open(&parcel)];
    parts.extend(FILES.iter().flat_map(|name| chunks(&parcel, name, 0)));
    parts.push(Part::Commit(v1::PushCommit {}));
    let (replies, failed) = send(&caller, parts);
    assert!(failed.is_none(), "{failed:?}");
    assert!(matches!(&replies[0], Reply::Opened(opened) if !opened.published && opened.missing.len() == FILES.len()));
    let received = replies.iter().filter(|reply| matches!(reply, Reply::Received(_))).count();
    assert_eq!(received, FILES.len());
    assert!(matches!(replies.last(), Some(Reply::Committed(committed)) if committed.version == "new"));
    assert!(site.store().versions().expect("a store").contains(&version("new")));
    assert_eq!(site.served().as_deref(), Some("old"));

    let (replies, failed) = send(&caller, vec![open(&parcel)]);
    assert!(failed.is_none() && matches!(&replies[..], [Reply::Opened(opened)] if opened.published), "{replies:?}");
}

#[test]
fn a_push_goes_on_where_it_broke_off() {
    let (site, parcel) = (Site::serving(|_| {}), Parcel::new("new", 0.25));
    let caller = Caller::of(&site);
    let table = FILES[0];
    let mut parts = vec![open(&parcel)];
    parts.extend(chunks(&parcel, table, 0).into_iter().take(2));
    let (replies, failed) = send(&caller, parts);
    assert!(failed.is_none() && replies.len() == 1, "{replies:?} {failed:?}");
    // What was sent last is still being written when the stream is over; then it counts.
    let offset = || match &send(&caller, vec![open(&parcel)]).0[..] {
        [Reply::Opened(opened)] => opened.missing.iter().find(|file| file.name == table).map(|file| file.offset),
        _ => None,
    };
    crate::support::until(|| offset() == Some(2 * CHUNK_BYTES as u64));
    let mut parts = vec![open(&parcel)];
    parts.extend(chunks(&parcel, table, 2 * CHUNK_BYTES));
    parts.extend(FILES[1..].iter().flat_map(|name| chunks(&parcel, name, 0)));
    parts.push(Part::Commit(v1::PushCommit {}));
    let (replies, failed) = send(&caller, parts);
    assert!(matches!(replies.last(), Some(Reply::Committed(_))), "{replies:?} {failed:?}");
}

#[test]
fn a_stream_out_of_order_is_refused() {
    let (site, parcel) = (Site::serving(|_| {}), Parcel::new("new", 0.25));
    let caller = Caller::of(&site);
    let chunk = |name: &str, offset| Part::Chunk(v1::PushChunk { name: name.to_owned(), offset, data: vec![0; 8] });
    let commit = || Part::Commit(v1::PushCommit {});
    let rows = [
        (vec![chunk(FILES[0], 0)], Code::InvalidArgument, "expected an opening"),
        (vec![open(&parcel), open(&parcel)], Code::InvalidArgument, "expected an opening, and only as the first"),
        (vec![open(&parcel), chunk("../state.json", 0)], Code::InvalidArgument, "a file that the push lacks"),
        (vec![open(&parcel), chunk(FILES[0], 0), chunk(FILES[0], 9)], Code::InvalidArgument, "in order"),
        (vec![open(&parcel), commit()], Code::FailedPrecondition, "still lacks"),
    ];
    for (parts, code, text) in rows {
        let (_, failed) = send(&caller, parts);
        let failed = failed.expect("it is refused");
        assert!(failed.code() == code && failed.message().contains(text), "{failed:?}");
    }
    assert_eq!(site.served().as_deref(), Some("old"));
}
