//! The stream of questions: in step with its caller, unhurt by one bad question, ended by nothing else.

use segue::metrics::Watched;
use segue::wire::proto::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code as Grpc, Request, Streaming};

use crate::answers::answer;
use crate::door::{Opened, message, open, soon};
use crate::support::vectors::{ask, refusals};

/// A stream whose questions are sent one by one.
pub(crate) struct Dialogue {
    questions: mpsc::Sender<v1::StreamNextClustersRequest>,
    pub(crate) replies: Streaming<v1::StreamNextClustersResponse>,
}

impl Dialogue {
    pub(crate) async fn open(opened: &Opened) -> Self {
        Self::open_with(opened, |_| {}).await
    }

    async fn open_with(opened: &Opened, change: impl FnOnce(&mut tonic::metadata::MetadataMap)) -> Self {
        let (questions, sent) = mpsc::channel(1);
        let mut request = Request::new(ReceiverStream::new(sent));
        change(request.metadata_mut());
        let mut client = opened.patient_client().await;
        let replies = soon(client.stream_next_clusters(request)).await.expect("a stream").into_inner();
        Self { questions, replies }
    }

    /// Asks, and waits for the reply.
    pub(crate) async fn ask(&mut self, request: v1::NextClustersRequest) -> v1::StreamNextClustersResponse {
        let question = v1::StreamNextClustersRequest { request: Some(request) };
        self.questions.send(question).await.expect("the stream is open");
        soon(self.replies.message()).await.expect("the stream goes on").expect("a reply for each question")
    }
}

/// Every refusal in turn, and after each a question that is answered: the stream goes on.
#[tokio::test]
async fn a_bad_question_does_not_end_the_stream() {
    let opened = open();
    let mut dialogue = Dialogue::open(&opened).await;
    for refusal in refusals() {
        let refused = dialogue.ask(message(&refusal.question)).await;
        let Some(v1::result::Outcome::Problem(problem)) = refused.result.and_then(|result| result.outcome) else {
            panic!("{} passed", refusal.about)
        };
        assert_eq!((problem.code, problem.reason.as_str()), (refusal.code.grpc() as i32, refusal.code.label()));
        assert!(problem.message.contains(refusal.says), "{problem:?}");
        assert_eq!(refused.versions, None);
        let reply = dialogue.ask(message(&ask(&[10, 20], 1))).await;
        assert_eq!(reply.result.and_then(answer).expect("an answer").candidates[0].cluster, 50);
    }
    let invalid = "segue_requests_total{door=\"grpc\",call=\"stream\",code=\"invalid_request\"}";
    assert_eq!(opened.counted(invalid), refusals().len() as u64 - 1);
    assert_eq!(opened.counted("segue_deadlines_exceeded_total{door=\"grpc\"}"), 1);
}

/// Each question takes its place when it is answered, not for as long as the stream is open.
#[tokio::test]
async fn a_stream_takes_places_by_the_question() {
    let opened = open();
    let mut dialogue = Dialogue::open(&opened).await;
    dialogue.ask(message(&ask(&[], 1))).await;
    let all = opened.room.admit(8).expect("an open stream takes no place");
    let shed = dialogue.ask(message(&ask(&[], 1))).await;
    let Some(v1::result::Outcome::Problem(problem)) = shed.result.and_then(|result| result.outcome) else {
        panic!("all places are taken")
    };
    assert_eq!((problem.code, problem.reason.as_str()), (Grpc::ResourceExhausted as i32, "overloaded"));
    drop(all);
    let reply = dialogue.ask(message(&ask(&[], 1))).await;
    assert!(reply.result.and_then(answer).is_some());
    assert_eq!(opened.room.in_flight(), 0);
}

/// The caller's time for the whole call ends it, also where the caller itself does not.
#[tokio::test]
async fn a_stream_ends_when_its_time_is_up() {
    let opened = open();
    let soonest = |metadata: &mut tonic::metadata::MetadataMap| {
        metadata.insert("grpc-timeout", "20m".parse().expect("visible ASCII"));
    };
    let mut dialogue = Dialogue::open_with(&opened, soonest).await;
    let ended = soon(async {
        loop {
            if let Err(status) = dialogue.replies.message().await {
                return status;
            }
        }
    });
    assert_eq!(ended.await.code(), Grpc::DeadlineExceeded);
}

#[tokio::test]
async fn a_stream_with_an_unreadable_time_is_refused() {
    let opened = open();
    let mut request = Request::new(tokio_stream::pending());
    request.metadata_mut().insert("grpc-timeout", "soon".parse().expect("visible ASCII"));
    let status = soon(opened.client().await.stream_next_clusters(request)).await.expect_err("no such time");
    assert_eq!(status.code(), Grpc::InvalidArgument);
    let refused = "segue_requests_total{door=\"grpc\",call=\"stream\",code=\"invalid_request\"}";
    assert_eq!(opened.counted(refused), 1);
}
