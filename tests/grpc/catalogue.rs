//! The calls about what serves: the catalogue, one cluster, the versions.

use segue::wire::proto::v1;
use segue::wire::proto::v1::next_clusters_service_client::NextClustersServiceClient;
use tonic::Code as Grpc;

use crate::door::{open, soon};
use crate::support::release::{CLUSTERS, MODEL, VERSION, load, publish};

/// More clusters than one message holds, with names long enough that no client takes all messages at once.
fn many(prefix: &str) -> Vec<(u32, String)> {
    (0..20_000).map(|id| (id, format!("{prefix} {id} {}", "of very many clusters ".repeat(5)))).collect()
}

fn borrowed(clusters: &[(u32, String)]) -> Vec<(u32, &str)> {
    clusters.iter().map(|(id, name)| (*id, name.as_str())).collect()
}

fn described(&(id, name): &(u32, &str)) -> v1::Cluster {
    v1::Cluster {
        id,
        name: name.to_owned(),
        keywords: vec![format!("{name} of the day"), name.to_uppercase()],
        parent: (id % 20 == 0).then_some(10),
    }
}

#[tokio::test]
async fn the_catalogue_is_told() {
    let opened = open();
    let mut client = opened.client().await;
    let mut parts = soon(client.list_clusters(v1::ListClustersRequest {})).await.expect("a listing").into_inner();
    let part = soon(parts.message()).await.expect("a part").expect("a part");
    assert_eq!(part.clusters, CLUSTERS.iter().map(described).collect::<Vec<_>>());
    assert_eq!(part.versions.expect("versions").release, VERSION);
    assert_eq!(soon(parts.message()).await.expect("a clean end"), None);
    for cluster in CLUSTERS {
        let reply = soon(client.get_cluster(v1::GetClusterRequest { id: cluster.0 })).await.expect("a known cluster");
        assert_eq!(reply.get_ref().cluster, Some(described(cluster)));
    }
    let status = soon(client.get_cluster(v1::GetClusterRequest { id: 11 })).await.expect_err("an unknown cluster");
    assert_eq!(status.code(), Grpc::NotFound);
    let calls = [("clusters", "ok", 1), ("cluster", "ok", CLUSTERS.len() as u64), ("cluster", "not_found", 1)];
    for (call, code, times) in calls {
        let series = format!("segue_requests_total{{door=\"grpc\",call=\"{call}\",code=\"{code}\"}}");
        assert_eq!(opened.counted(&series), times, "{series}");
    }
}

#[tokio::test]
async fn versions_are_told() {
    let opened = open();
    let reply =
        soon(opened.client().await.get_version(v1::GetVersionRequest {})).await.expect("a version").into_inner();
    let versions = reply.versions.expect("versions");
    assert_eq!((versions.release.as_str(), versions.model.as_deref()), (VERSION, Some(MODEL)));
    assert_eq!((reply.service.as_str(), reply.clusters, reply.depth), (env!("CARGO_PKG_VERSION"), 6, 2));
    assert_eq!((reply.created_unix_s, reply.data_end_unix_s), (None, None));
}

/// A long catalogue comes in parts, whole and in order; where another one swaps in on the way, the listing ends and
/// says so, because its rest would be of another catalogue.
#[tokio::test]
async fn a_listing_never_mixes_two_catalogues() {
    let opened = open();
    for name in ["old", "new"] {
        publish(opened.dir(), name, &borrowed(&many(name)), &[(&[], &[(1, 0.2)])]);
    }
    opened.live.swap(load(&opened.store, "old"));
    let channel = opened.endpoint().initial_stream_window_size(1 << 16).connect().await.expect("the door is open");
    let mut client = NextClustersServiceClient::new(channel).max_decoding_message_size(1 << 20);
    let mut parts = soon(client.list_clusters(v1::ListClustersRequest {})).await.expect("a listing").into_inner();
    let mut listed = Vec::new();
    while let Some(part) = soon(parts.message()).await.expect("a part") {
        listed.extend(part.clusters.into_iter().map(|cluster| (cluster.id, cluster.name)));
    }
    assert!(listed == many("old"), "{} clusters came", listed.len());

    let mut parts = soon(client.list_clusters(v1::ListClustersRequest {})).await.expect("a listing").into_inner();
    let first = soon(parts.message()).await.expect("a part").expect("a part");
    assert!(first.clusters.iter().all(|cluster| cluster.name.starts_with("old")));
    opened.live.swap(load(&opened.store, "new"));
    let ended = loop {
        match soon(parts.message()).await {
            Ok(Some(part)) => assert!(part.clusters.iter().all(|cluster| cluster.name.starts_with("old"))),
            Ok(None) => panic!("the listing ended as if it were whole"),
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), Grpc::Unavailable, "{ended}");
}
