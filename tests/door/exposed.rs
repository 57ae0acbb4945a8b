//! That the public doors know nothing of the operator's calls, by any method and any protocol.

use segue::wire::proto::v1;
use segue::wire::proto::v1::snapshots_service_client::SnapshotsServiceClient;
use tonic::Code;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::{ServerReflectionRequest, server_reflection_response::MessageResponse};

use crate::routes;
use crate::support::service::start_with;

#[test]
fn no_path_of_the_operators_is_known_to_the_http_door() {
    let running = start_with(|_| {});
    let paths = routes::paths();
    assert!(paths.contains("/admin/v1/activate") && paths.contains("/metrics") && paths.len() > 15, "{paths:?}");
    let mut caller = running.http();
    for path in paths {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            for path in [path.clone(), format!("/v1{path}")] {
                let reply = caller.call(method, &path, "{}");
                assert_eq!(reply.status, 404, "{method} {path}");
            }
        }
    }
    // Nor in another spelling.
    for path in
        ["//admin/v1/status", "/./admin/v1/status", "/%61dmin/v1/status", "/v1/../admin/v1/status", "/ADMIN/V1/STATUS"]
    {
        assert_eq!(caller.get(path).status, 404, "{path}");
    }
}

#[test]
fn no_call_of_the_operators_is_known_to_the_grpc_door() {
    let running = start_with(|_| {});
    let grpc = running.grpc();
    let mut client = SnapshotsServiceClient::new(grpc.channel.clone());
    let activate = v1::ActivateRequest { version: "vectors-1".to_owned() };
    let refused = grpc.wait(client.activate(activate)).expect_err("it is not there");
    assert_eq!(refused.code(), Code::Unimplemented, "{refused}");
    let refused = grpc.wait(client.list(v1::ListRequest {})).expect_err("it is not there");
    assert_eq!(refused.code(), Code::Unimplemented, "{refused}");
    for call in routes::calls() {
        let refused = grpc.wait(unary(&grpc.channel, &call)).expect_err("it is not there");
        assert_eq!(refused.code(), Code::Unimplemented, "{call}: {refused}");
    }
    for path in routes::paths() {
        let refused = grpc.wait(unary(&grpc.channel, &path)).expect_err("it is not there");
        assert_eq!(refused.code(), Code::Unimplemented, "{path}: {refused}");
    }
    let services = grpc.wait(services(&grpc.channel));
    assert!(services.iter().any(|name| name == "segue.v1.NextClustersService"), "{services:?}");
    assert!(!services.iter().any(|name| name.contains("Snapshots")), "{services:?}");
}

async fn unary(channel: &tonic::transport::Channel, path: &str) -> Result<(), tonic::Status> {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.map_err(|error| tonic::Status::unknown(error.to_string()))?;
    let codec = tonic_prost::ProstCodec::<v1::ListRequest, v1::ListResponse>::default();
    let path = path.parse().expect("a path");
    client.unary(tonic::Request::new(v1::ListRequest {}), path, codec).await.map(drop)
}

async fn services(channel: &tonic::transport::Channel) -> Vec<String> {
    let message_request = Some(MessageRequest::ListServices(String::new()));
    let request = ServerReflectionRequest { host: String::new(), message_request };
    let mut client = ServerReflectionClient::new(channel.clone());
    let replies = client.server_reflection_info(tokio_stream::once(request)).await.expect("it reflects");
    let reply = replies.into_inner().message().await.expect("a reply").expect("a reply");
    match reply.message_response.expect("what was asked for") {
        MessageResponse::ListServicesResponse(listed) => {
            listed.service.into_iter().map(|service| service.name).collect()
        }
        other => panic!("{other:?}"),
    }
}
