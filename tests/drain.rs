//! The stop of a whole service: in which order it goes, what ends by itself, and what the grace cuts.

mod support;

use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use segue::config::Config;
use segue::serve::Service;
use segue::wire::json::AnswerBody;
use segue::wire::proto::v1;
use support::caller::{Caller, PATIENCE, head};
use support::release::{CLUSTERS, ROWS, VERSION, endless, publish, version};
use support::service::{GrpcCaller, Running, start_with, until};
use support::spoken::message;
use support::vectors::ask;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code as Grpc, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

const FOREVER: Duration = Duration::from_secs(3600);

/// A stream of questions that its caller never ends.
struct Dialogue {
    questions: tokio::sync::mpsc::Sender<v1::StreamNextClustersRequest>,
    replies: Streaming<v1::StreamNextClustersResponse>,
}

impl Dialogue {
    fn open(grpc: &GrpcCaller) -> Self {
        let (questions, sent) = tokio::sync::mpsc::channel(1);
        let mut client = grpc.client.clone();
        let replies = grpc.wait(client.stream_next_clusters(ReceiverStream::new(sent))).expect("a stream").into_inner();
        Self { questions, replies }
    }

    fn ask(&mut self, grpc: &GrpcCaller) -> v1::StreamNextClustersResponse {
        let question = v1::StreamNextClustersRequest { request: Some(message(&ask(&[10], 1))) };
        grpc.wait(self.questions.send(question)).expect("the stream is open");
        grpc.wait(self.replies.message()).expect("the stream goes on").expect("a reply")
    }
}

fn health(grpc: &GrpcCaller) -> ServingStatus {
    let mut client = HealthClient::new(grpc.channel.clone());
    grpc.wait(client.check(HealthCheckRequest::default())).expect("health").into_inner().status()
}

/// A request whose body has not come yet, in flight for sure.
fn half_asked(running: &Running) -> Caller {
    let before = running.counted("segue_requests_in_flight");
    let mut http = running.http();
    http.send(head("/next-clusters", 2));
    until("the request is in flight", || running.counted("segue_requests_in_flight") == before + 1);
    http
}

/// Waits until the service has stopped, and fails the test where it does not.
#[track_caller]
fn wait_stopped(service: Service) {
    let (stopped, waiting) = mpsc::channel();
    thread::spawn(move || stopped.send(service.wait()));
    waiting.recv_timeout(PATIENCE).expect("the service stops").expect("nothing failed");
}

fn is_refused(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_err()
}

fn lame(config: &mut Config) {
    config.drain.lame_duck = FOREVER;
}

/// Un-ready at once, and otherwise as before: callers that are here stay, and new ones are served, and releases come.
#[test]
fn a_lame_duck_is_unready_and_serves_on() {
    let running = start_with(lame);
    let (mut http, grpc) = (running.http(), running.grpc());
    let mut dialogue = Dialogue::open(&grpc);
    let mut slow = half_asked(&running);
    assert_eq!((health(&grpc), running.counted("segue_ready")), (ServingStatus::Serving, 1));
    running.service.stop();
    until("it is un-ready", || health(&grpc) == ServingStatus::NotServing);
    assert_eq!(running.counted("segue_ready"), 0);
    dialogue.ask(&grpc);
    slow.send("{}");
    assert_eq!(slow.receive().status, 200);
    for http in [&mut http, &mut slow, &mut running.http()] {
        let reply = http.get("/next-clusters");
        assert_eq!((reply.status, reply.header("connection")), (200, None), "callers are not sent away yet");
        assert_eq!(http.get("/version").status, 200);
    }
    publish(running.dir(), "vectors-2", CLUSTERS, ROWS);
    running.follow("vectors-2");
    assert_eq!(http.get("/next-clusters").json::<AnswerBody>(200).release, "vectors-2");
    running.grpc().next_clusters(message(&ask(&[], 1))).expect("the gRPC door is open to new callers");
}

/// With every kind of caller that never leaves by itself, and a load that never ends, only the request in flight is
/// waited for.
#[test]
fn what_is_in_flight_finishes_and_what_is_idle_ends() {
    let running = start_with(|_| {});
    let (mut idle, mut silent, mut partial) = (running.http(), running.http(), running.http());
    assert_eq!(idle.get("/version").status, 200);
    partial.send("GET /version HTTP/1.1\r\n");
    let grpc = running.grpc();
    let mut dialogue = Dialogue::open(&grpc);
    dialogue.ask(&grpc);
    endless(running.dir(), "endless");
    running.store.activate(&version("endless")).expect("its manifest is complete");
    let _outcome = running.service.reloader().request();
    until("it is loading", || running.service.reloader().status().loading == Some(version("endless")));
    let mut slow = half_asked(&running);

    running.service.stop();
    let ended = grpc.wait(dialogue.replies.message()).expect_err("a clean end would say that all was answered");
    assert_eq!(ended.code(), Grpc::Unavailable, "{ended}");
    idle.wait_closed();
    silent.wait_closed();
    let addresses = running.service.addresses();
    until("both doors are closed", || is_refused(addresses.http) && is_refused(addresses.grpc));
    partial.send("host: segue\r\n\r\n");
    assert_eq!(partial.receive().header("connection"), Some("close"));
    partial.wait_closed();

    slow.send("{}");
    let reply = slow.receive();
    assert_eq!((reply.json::<AnswerBody>(200).release.as_str(), reply.header("connection")), (VERSION, Some("close")));
    slow.wait_closed();
    wait_stopped(running.service);
}

#[test]
fn the_grace_is_the_hard_limit() {
    let running = start_with(|config| {
        config.drain.grace = Duration::from_millis(50);
        config.http.body_read_timeout = FOREVER;
    });
    let mut slow = half_asked(&running);
    running.service.stop();
    wait_stopped(running.service);
    slow.wait_closed();
}

#[test]
fn a_service_without_callers_stops_at_once() {
    let running = start_with(|config| config.drain.grace = FOREVER);
    running.service.stop();
    running.service.stop();
    wait_stopped(running.service);
}

/// A service whose handle is dropped drains as one that is told to stop.
#[test]
fn a_dropped_service_stops() {
    let running = start_with(|_| {});
    let address = running.service.addresses().http;
    let mut idle = running.http();
    drop(running);
    idle.wait_closed();
    until("the door is closed", || is_refused(address));
}
