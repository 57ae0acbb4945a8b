//! The calls that are not about one user: the catalogue in pages, one cluster, the versions.

use segue::snapshot::catalogue::Cluster;
use segue::wire::json::{AnswerBody, ClustersBody, VersionBody};

use crate::support::release::{CLUSTERS, MODEL, VERSION};
use crate::support::service::start;

fn ids(page: &ClustersBody) -> Vec<u32> {
    page.clusters.iter().map(|cluster| cluster.id).collect()
}

#[test]
fn pages_cover_the_catalogue_once() {
    let running = start();
    let mut http = running.http();
    let whole: ClustersBody = http.get("/clusters").json(200);
    assert_eq!((ids(&whole), whole.next), (CLUSTERS.iter().map(|(id, _)| *id).collect(), None));
    for limit in [1, 2, 4, 5, 6, 7, 1000] {
        let (mut clusters, mut after) = (Vec::new(), String::new());
        loop {
            let page: ClustersBody = http.get(&format!("/clusters?limit={limit}{after}")).json(200);
            assert_eq!(page.catalogue, whole.catalogue);
            assert!((1..=limit).contains(&page.clusters.len()), "{limit}: {page:?}");
            clusters.extend(page.clusters);
            assert!(clusters.len() <= whole.clusters.len(), "pages of {limit} have no end");
            match page.next {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(clusters, whole.clusters, "pages of {limit}");
    }
}

/// A page starts after an id, whether a cluster has it or not.
#[test]
fn a_page_starts_after_any_id() {
    let running = start();
    let mut http = running.http();
    let rows =
        [(0, vec![10, 20]), (10, vec![20, 30]), (11, vec![20, 30]), (59, vec![60]), (60, vec![]), (u32::MAX, vec![])];
    for (after, expected) in rows {
        let page: ClustersBody = http.get(&format!("/clusters?limit=2&after={after}")).json(200);
        assert_eq!(ids(&page), expected, "after {after}");
    }
}

#[test]
fn a_page_that_cannot_be_is_refused() {
    let running = start();
    let mut http = running.http();
    let rows = [
        ("limit=0", "`limit` is 0, expected 1 to 1000"),
        ("limit=1001", "`limit` is 1001, expected 1 to 1000"),
        ("limit=-1", "invalid digit"),
        ("after=4294967296", "number too large"),
        ("before=3", "unknown field `before`"),
    ];
    for (query, says) in rows {
        let said = http.get(&format!("/clusters?{query}")).problem(400, "invalid_request");
        assert!(said.contains(says), "{query}: {said}");
    }
}

#[test]
fn one_cluster_is_told_whole() {
    let running = start();
    let mut http = running.http();
    let whole: ClustersBody = http.get("/clusters").json(200);
    for cluster in whole.clusters {
        assert_eq!(http.get(&format!("/clusters/{}", cluster.id)).json::<Cluster>(200), cluster);
    }
    let unknown = http.get("/clusters/11").problem(404, "not_found");
    assert_eq!(unknown, "the catalogue has no cluster 11; GET /clusters lists them");
    for id in ["tea", "-1", "4294967296"] {
        http.get(&format!("/clusters/{id}")).problem(400, "invalid_request");
    }
}

#[test]
fn the_versions_are_those_of_the_answers() {
    let running = start();
    let mut http = running.http();
    let version: VersionBody = http.get("/version").json(200);
    let answer: AnswerBody = http.get("/next-clusters").json(200);
    assert_eq!((version.release.as_str(), version.model.as_deref(), version.depth), (VERSION, Some(MODEL), 2));
    assert_eq!((version.snapshot, version.catalogue), (answer.snapshot, answer.catalogue));
    assert_eq!(version.service, env!("CARGO_PKG_VERSION"));
}
