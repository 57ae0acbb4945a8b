//! The stop: what is open ends by itself, and the door with it, whatever callers do.

use segue::drain::Stage;
use tonic::Code as Grpc;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::door::{message, open, soon};
use crate::stream::Dialogue;
use crate::support::vectors::ask;
use crate::{health, reflection};

/// As a lame duck the door serves as before, and open streams go on.
#[tokio::test]
async fn a_lame_duck_serves_on() {
    let opened = open();
    let mut dialogue = Dialogue::open(&opened).await;
    opened.drain.advance(Stage::Unready);
    dialogue.ask(message(&ask(&[], 1))).await;
    soon(opened.client().await.next_clusters(message(&ask(&[], 1)))).await.expect("new callers are served too");
}

/// With an idle connection, a stream of questions, a watch and a reflection stream open, none of which its caller ever
/// ends, the door closes by itself.
#[tokio::test]
async fn no_open_stream_holds_the_drain() {
    let opened = open();
    let idle = opened.channel().await;
    let mut dialogue = Dialogue::open(&opened).await;
    dialogue.ask(message(&ask(&[], 1))).await;
    let mut watching = health::watch(&opened, "").await;
    soon(watching.message()).await.expect("the status").expect("the status");
    let (questions, mut reflected) = reflection::idle(&opened).await;
    opened.drain.advance(Stage::Closing);
    let ended = soon(dialogue.replies.message()).await.expect_err("a clean end would say that all was answered");
    assert_eq!(ended.code(), Grpc::Unavailable, "{ended}");
    let told = soon(watching.message()).await.expect("the change comes before the end").expect("a status");
    assert_eq!(told.status(), ServingStatus::NotServing);
    assert_eq!(soon(watching.message()).await.expect_err("the end").code(), Grpc::Unavailable);
    assert!(soon(reflected.message()).await.expect("nothing failed").is_none());
    soon(opened.serving).await.expect("no panic").expect("no failure");
    drop((idle, questions));
}
