//! Every status that a call can end with, and what the metrics make of it.

use std::time::Duration;

use segue::error::Code;
use segue::metrics::Watched;
use segue::wire::proto::v1;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code as Grpc, Request, Status};

use crate::door::{Opened, message, open, open_empty, open_with, soon};
use crate::support::vectors::{ask, refusals};

const NEXT_CLUSTERS: &str = "/segue.v1.NextClustersService/NextClusters";

fn check(got: Result<impl std::fmt::Debug, Status>, code: Grpc, says: &str) {
    let status = got.expect_err(says);
    assert_eq!(status.code(), code, "{status}");
    assert!(status.message().contains(says), "{status} does not say `{says}`");
}

fn counted(opened: &Opened, call: &str, code: Code) -> u64 {
    let code = code.label();
    opened.counted(&format!("segue_requests_total{{door=\"grpc\",call=\"{call}\",code=\"{code}\"}}"))
}

fn batch(requests: Vec<v1::NextClustersRequest>) -> v1::BatchNextClustersRequest {
    v1::BatchNextClustersRequest { requests, timeout_ms: None }
}

#[tokio::test]
async fn a_question_that_cannot_be_answered_is_refused() {
    let opened = open();
    let mut client = opened.client().await;
    for refusal in refusals() {
        check(soon(client.next_clusters(message(&refusal.question))).await, refusal.code.grpc(), refusal.says);
    }
    let of = |code| refusals().iter().filter(|refusal| refusal.code == code).count() as u64;
    for code in [Code::InvalidRequest, Code::DeadlineExceeded] {
        assert_eq!(counted(&opened, "next_clusters", code), of(code), "{code:?}");
    }
    assert_eq!(opened.counted("segue_deadlines_exceeded_total{door=\"grpc\"}"), of(Code::DeadlineExceeded));
}

/// In a batch, a bad question spoils only itself. A batch has one time for all, so a question's own is not read.
#[tokio::test]
async fn a_batch_refuses_item_by_item() {
    let opened = open();
    let mut client = opened.client().await;
    for refusal in refusals().iter().filter(|refusal| refusal.question.timeout_ms.is_none()) {
        let good = message(&ask(&[10, 20], 1));
        let requests = batch(vec![good.clone(), message(&refusal.question), good]);
        let reply = soon(client.batch_next_clusters(requests)).await.expect("the batch itself is fine").into_inner();
        let [before, refused, after]: [v1::Result; 3] = reply.results.try_into().expect("one for each");
        assert!(crate::answers::answer(before).is_some() && crate::answers::answer(after).is_some());
        let Some(v1::result::Outcome::Problem(problem)) = refused.outcome else { panic!("{} passed", refusal.about) };
        assert_eq!((problem.code, problem.reason.as_str()), (refusal.code.grpc() as i32, refusal.code.label()));
        assert!(problem.message.contains(refusal.says), "{problem:?}");
    }
}

#[tokio::test]
async fn a_batch_has_limits_of_its_own() {
    let opened = open();
    let mut client = opened.client().await;
    let many = batch(vec![v1::NextClustersRequest::default(); 7]);
    check(soon(client.batch_next_clusters(many)).await, Grpc::InvalidArgument, "`requests` holds 7 entries, at most 6");
    let late = v1::BatchNextClustersRequest { timeout_ms: Some(0), ..batch(vec![message(&ask(&[], 1))]) };
    check(soon(client.batch_next_clusters(late)).await, Grpc::DeadlineExceeded, "the deadline of 0 ms passed");
}

/// Above the limit callers are turned away at once and told when to come again; a batch takes as many places as it has
/// questions, and all places are free again at the end.
#[tokio::test]
async fn too_much_in_flight_is_shed() {
    let opened = open();
    let mut client = opened.client().await;
    let held = opened.room.admit(5).expect("eight places are free");
    let shed = soon(client.batch_next_clusters(batch(vec![message(&ask(&[], 1)); 4]))).await;
    let pushback =
        shed.as_ref().expect_err("five and four are more than eight").metadata().get("grpc-retry-pushback-ms");
    assert_eq!(pushback.expect("shed callers are told when to come again"), "1000");
    check(shed, Grpc::ResourceExhausted, "8 requests are in flight, the limit");
    soon(client.batch_next_clusters(batch(vec![message(&ask(&[], 1)); 3]))).await.expect("five and three fit");
    let rest = opened.room.admit(3).expect("three places are free again");
    check(soon(client.next_clusters(message(&ask(&[], 1)))).await, Grpc::ResourceExhausted, "in flight");
    check(soon(client.get_version(v1::GetVersionRequest {})).await, Grpc::ResourceExhausted, "in flight");
    check(soon(client.list_clusters(v1::ListClustersRequest {})).await, Grpc::ResourceExhausted, "in flight");
    drop((held, rest));
    soon(client.next_clusters(message(&ask(&[], 1)))).await.expect("all places are free");
    assert_eq!(opened.room.in_flight(), 0);
    assert_eq!(opened.counted("segue_requests_shed_total{door=\"grpc\"}"), 4);
    assert_eq!(counted(&opened, "batch", Code::Overloaded), 1);
}

#[tokio::test]
async fn nothing_is_answered_while_nothing_is_loaded() {
    let opened = open_empty(|_| {});
    let mut client = opened.client().await;
    let says = "no release is loaded yet";
    let question = message(&ask(&[], 1));
    check(soon(client.next_clusters(question.clone())).await, Grpc::Unavailable, says);
    check(soon(client.batch_next_clusters(batch(vec![question]))).await, Grpc::Unavailable, says);
    check(soon(client.list_clusters(v1::ListClustersRequest {})).await, Grpc::Unavailable, says);
    check(soon(client.get_cluster(v1::GetClusterRequest { id: 10 })).await, Grpc::Unavailable, says);
    check(soon(client.get_version(v1::GetVersionRequest {})).await, Grpc::Unavailable, says);
    assert_eq!(counted(&opened, "next_clusters", Code::Unavailable), 1);
}

/// The standard header, the message's field, and the smaller of both.
#[tokio::test]
async fn the_smaller_deadline_holds() {
    let opened = open();
    let mut client = opened.patient_client().await;
    let timeouts = [
        ("1H", Some(60_000), None),
        ("1H", Some(0), Some(Grpc::DeadlineExceeded)),
        ("0n", Some(60_000), Some(Grpc::DeadlineExceeded)),
        ("0n", None, Some(Grpc::DeadlineExceeded)),
        ("soon", None, Some(Grpc::InvalidArgument)),
        ("123456789S", None, Some(Grpc::InvalidArgument)),
    ];
    for (of_call, timeout_ms, refused) in timeouts {
        let mut request = Request::new(v1::NextClustersRequest { timeout_ms, ..message(&ask(&[10], 1)) });
        request.metadata_mut().insert("grpc-timeout", of_call.parse().expect("visible ASCII"));
        let got = soon(client.next_clusters(request)).await.map_err(|status| status.code());
        assert_eq!(got.err(), refused, "{of_call} and {timeout_ms:?}");
    }
}

/// The calls that ask no question keep to the caller's time as well.
#[tokio::test]
async fn every_call_keeps_to_its_deadline() {
    fn late<T>(message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("grpc-timeout", "0n".parse().expect("visible ASCII"));
        request
    }
    let opened = open();
    let mut client = opened.patient_client().await;
    let says = "the deadline of 0 ms passed";
    check(soon(client.batch_next_clusters(late(batch(vec![])))).await, Grpc::DeadlineExceeded, says);
    check(soon(client.list_clusters(late(v1::ListClustersRequest {}))).await, Grpc::DeadlineExceeded, says);
    check(soon(client.get_cluster(late(v1::GetClusterRequest { id: 10 }))).await, Grpc::DeadlineExceeded, says);
    check(soon(client.get_version(late(v1::GetVersionRequest {}))).await, Grpc::DeadlineExceeded, says);
    assert_eq!(opened.counted("segue_deadlines_exceeded_total{door=\"grpc\"}"), 4);
}

/// A caller that sends a head and never a message is not waited for longer than the longest deadline.
#[tokio::test]
async fn a_message_that_never_comes_is_not_waited_for() {
    let opened = open_with(|config| config.request.deadline_max = Duration::from_millis(50));
    let mut client = tonic::client::Grpc::new(opened.channel().await);
    client.ready().await.expect("connected");
    let codec = tonic_prost::ProstCodec::<v1::NextClustersRequest, v1::NextClustersResponse>::new();
    let never = Request::new(tokio_stream::pending());
    let reply = client.client_streaming(never, PathAndQuery::from_static(NEXT_CLUSTERS), codec);
    check(soon(reply).await, Grpc::DeadlineExceeded, "the deadline of 50 ms passed");
    assert_eq!(counted(&opened, "next_clusters", Code::DeadlineExceeded), 1);
    assert_eq!(opened.room.in_flight(), 0);
}

/// What tonic refuses by itself is spelt from the same table, and counted.
#[tokio::test]
async fn unreadable_messages_are_refused() {
    let opened = open_with(|config| config.grpc.message_bytes_max = 1024);
    let mut client = opened.client().await;
    let large = v1::NextClustersRequest { history: vec![u32::MAX; 300], ..Default::default() };
    check(soon(client.next_clusters(large)).await, Grpc::ResourceExhausted, "too large: found 1503 bytes");
    assert_eq!(counted(&opened, "next_clusters", Code::TooLarge), 1);
    check(call_raw(&opened, NEXT_CLUSTERS).await, Grpc::InvalidArgument, "failed to decode");
    assert_eq!(counted(&opened, "next_clusters", Code::InvalidRequest), 1);
    soon(client.next_clusters(message(&ask(&[10], 1)))).await.expect("the connection lives on");
}

#[tokio::test]
async fn paths_that_do_not_exist_are_unimplemented() {
    let opened = open();
    let paths = ["/segue.v1.NextClustersService/Other", "/segue.v1.OtherService/NextClusters", "/"];
    // The operator's calls are on the operator's door only.
    for path in paths.into_iter().chain(["/segue.v1.SnapshotsService/List", "/segue.v1.SnapshotsService/Activate"]) {
        check(call_raw(&opened, path).await, Grpc::Unimplemented, "");
    }
    // Only what is addressed to the service is counted, in one series whatever its name.
    assert_eq!(counted(&opened, "unmatched", Code::MethodNotAllowed), 1);
}

/// Calls a path with a message of which the first field is cut off.
async fn call_raw(opened: &Opened, path: &'static str) -> Result<tonic::Response<()>, Status> {
    let mut client = tonic::client::Grpc::new(opened.channel().await);
    client.ready().await.expect("connected");

    let codec = tonic_prost::ProstCodec::<Cut, ()>::new();
    soon(client.unary(Request::new(Cut), PathAndQuery::from_static(path), codec)).await
}

/// A message whose one field says that it is 10 bytes long, and is 1.
#[derive(Clone, Debug, Default)]
struct Cut;

impl prost::Message for Cut {
    fn encode_raw(&self, buffer: &mut impl bytes::BufMut) {
        buffer.put_slice(&[0x0a, 10, 1]);
    }

    fn merge_field(
        &mut self,
        _tag: u32,
        _wire_type: prost::encoding::WireType,
        _buffer: &mut impl bytes::Buf,
        _context: prost::encoding::DecodeContext,
    ) -> Result<(), prost::DecodeError> {
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        3
    }

    fn clear(&mut self) {}
}
