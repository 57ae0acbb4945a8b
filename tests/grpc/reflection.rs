//! Reflection: what the door can be asked, in both versions that clients speak.

use prost::Message;
use prost_types::FileDescriptorProto;
use tokio::sync::mpsc::Sender;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use crate::door::{Opened, open, soon};

/// The services of the door, by name.
const SERVICES: [&str; 3] = ["grpc.health.v1.Health", "grpc.reflection", "segue.v1.NextClustersService"];
const SERVICE: &str = "segue.v1.NextClustersService";

/// Asks for the services and for the file of ours in one version of the protocol, and gives both.
macro_rules! ask {
    ($version:ident, $opened:expr) => {{
        use pb::server_reflection_client::ServerReflectionClient;
        use pb::server_reflection_request::MessageRequest::{FileContainingSymbol, ListServices};
        use pb::server_reflection_response::MessageResponse;
        use tonic_reflection::pb::$version as pb;
        let ask = |asked| pb::ServerReflectionRequest { host: String::new(), message_request: Some(asked) };
        let questions = [ask(ListServices(String::new())), ask(FileContainingSymbol(SERVICE.to_owned()))];
        let mut client = ServerReflectionClient::new($opened.channel().await);
        let mut replies =
            soon(client.server_reflection_info(tokio_stream::iter(questions))).await.expect("a stream").into_inner();
        let (mut services, mut files) = (Vec::new(), Vec::new());
        while let Some(reply) = soon(replies.message()).await.expect("a reply") {
            match reply.message_response {
                Some(MessageResponse::ListServicesResponse(list)) => {
                    services.extend(list.service.into_iter().map(|service| service.name))
                }
                Some(MessageResponse::FileDescriptorResponse(found)) => files.extend(found.file_descriptor_proto),
                other => panic!("{other:?}"),
            }
        }
        (services, files)
    }};
}

fn check((mut services, files): (Vec<String>, Vec<Vec<u8>>)) {
    services.sort();
    assert_eq!(services.len(), SERVICES.len(), "{services:?}");
    assert!(services.iter().zip(SERVICES).all(|(got, expected)| got.starts_with(expected)), "{services:?}");
    let file = FileDescriptorProto::decode(&*files[0]).expect("a file of the contract");
    assert_eq!((file.name(), file.package()), ("segue/v1/next_clusters.proto", "segue.v1"));
    let calls: Vec<_> = file.service[0].method.iter().map(|method| method.name().to_owned()).collect();
    let expected =
        ["NextClusters", "BatchNextClusters", "StreamNextClusters", "ListClusters", "GetCluster", "GetVersion"];
    assert_eq!(calls, expected);
    assert!(file.source_code_info.is_some(), "comments travel with the contract");
}

#[tokio::test]
async fn both_versions_tell_the_contract() {
    let opened = open();
    check(ask!(v1, opened));
    check(ask!(v1alpha, opened));
}

/// A stream on which nothing is asked, and its caller's end of it.
pub(crate) async fn idle(opened: &Opened) -> (Sender<ServerReflectionRequest>, Streaming<ServerReflectionResponse>) {
    let (questions, asked) = tokio::sync::mpsc::channel(1);
    let mut client = ServerReflectionClient::new(opened.channel().await);
    let replies = soon(client.server_reflection_info(ReceiverStream::new(asked))).await.expect("a stream");
    (questions, replies.into_inner())
}
