//! The health service: the truth at every moment, told to those who ask and to those who watch.

use segue::drain::Stage;
use tonic::{Code as Grpc, Streaming};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::door::{Opened, open_empty, soon};
use crate::support::release::{VERSION, load};

/// The whole server and its one service.
const KNOWN: [&str; 2] = ["", "segue.v1.NextClustersService"];

fn request(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

async fn check(opened: &Opened, service: &str) -> Result<ServingStatus, Grpc> {
    let mut client = HealthClient::new(opened.channel().await);
    let reply = soon(client.check(request(service))).await;
    reply.map(|reply| reply.get_ref().status()).map_err(|status| status.code())
}

pub(crate) async fn watch(opened: &Opened, service: &str) -> Streaming<HealthCheckResponse> {
    let mut client = HealthClient::new(opened.channel().await);
    soon(client.watch(request(service))).await.expect("every service can be watched").into_inner()
}

async fn told(watching: &mut Streaming<HealthCheckResponse>) -> ServingStatus {
    soon(watching.message()).await.expect("the watch goes on").expect("the watch goes on").status()
}

#[tokio::test]
async fn a_check_follows_the_release_and_the_drain() {
    for service in KNOWN {
        let opened = open_empty(|_| {});
        assert_eq!(check(&opened, service).await, Ok(ServingStatus::NotServing), "nothing is loaded");
        opened.live.swap(load(&opened.store, VERSION));
        assert_eq!(check(&opened, service).await, Ok(ServingStatus::Serving), "a release is loaded");
        opened.drain.advance(Stage::Unready);
        assert_eq!(check(&opened, service).await, Ok(ServingStatus::NotServing), "a lame duck");
        assert_eq!(check(&opened, "segue.v1.Other").await, Err(Grpc::NotFound));
    }
}

#[tokio::test]
async fn a_watch_is_told_every_change_once() {
    for service in KNOWN {
        let opened = open_empty(|_| {});
        let mut watching = watch(&opened, service).await;
        assert_eq!(told(&mut watching).await, ServingStatus::NotServing);
        opened.live.swap(load(&opened.store, VERSION));
        assert_eq!(told(&mut watching).await, ServingStatus::Serving);
        opened.drain.advance(Stage::Unready);
        assert_eq!(told(&mut watching).await, ServingStatus::NotServing);
        opened.drain.advance(Stage::Closing);
        let ended = soon(watching.message()).await.expect_err("the watch says why it ends");
        assert_eq!(ended.code(), Grpc::Unavailable);
    }
}

/// As the standard asks: told that it is unknown, and not ended, for it might come.
#[tokio::test]
async fn an_unknown_service_can_be_watched() {
    let opened = open_empty(|_| {});
    let mut watching = watch(&opened, "segue.v1.Other").await;
    assert_eq!(told(&mut watching).await, ServingStatus::ServiceUnknown);
    opened.drain.advance(Stage::Closing);
    assert_eq!(soon(watching.message()).await.expect_err("only the stop ends it").code(), Grpc::Unavailable);
}
