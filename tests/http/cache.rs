//! GET for caches: a tag that changes exactly when the answer does.

use segue::wire::json::AnswerBody;

use crate::support::caller::{Caller, Reply};
use crate::support::release::{CLUSTERS, ROWS, VERSION, publish};
use crate::support::service::start;

const PATH: &str = "/next-clusters?history=10,20&limit=2";

fn get_if_new(http: &mut Caller, path: &str, tags: &str) -> Reply {
    http.send(format!("GET {path} HTTP/1.1\r\nhost: segue\r\nif-none-match: {tags}\r\n\r\n"));
    http.receive()
}

fn tag(reply: &Reply) -> String {
    reply.header("etag").expect("an answer has a tag").to_owned()
}

#[test]
fn a_known_answer_is_not_sent_again() {
    let running = start();
    let mut http = running.http();
    let fresh = http.get(PATH);
    let tag = tag(&fresh);
    assert!(tag.starts_with(&format!("\"{VERSION}.")) && tag.ends_with('"'), "{tag}");
    assert_eq!(
        (fresh.header("cache-control"), fresh.header("content-type")),
        (Some("no-cache"), Some("application/json"))
    );
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let reply = get_if_new(&mut http, PATH, &known);
        assert_eq!((reply.status, reply.text().as_str()), (304, ""), "{known}");
        assert_eq!((reply.header("etag"), reply.header("cache-control")), (Some(tag.as_str()), Some("no-cache")));
        assert_eq!((reply.header("content-type"), reply.header("content-length")), (None, None));
    }
    let other = get_if_new(&mut http, PATH, "\"other\"");
    assert_eq!((other.status, &other.body), (200, &fresh.body));
    let not_modified = "segue_requests_total{door=\"http\",call=\"next_clusters\",code=\"not_modified\"}";
    assert_eq!(running.counted(not_modified), 4);
}

#[test]
fn another_question_has_another_tag() {
    let running = start();
    let mut http = running.http();
    let paths =
        [PATH, "/next-clusters?history=10,20&limit=1", "/next-clusters?history=20,10&limit=2", "/next-clusters"];
    let mut tags = paths.map(|path| tag(&http.get(path))).to_vec();
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), paths.len(), "{tags:?}");
    assert_eq!(http.post("/next-clusters", &serde_json::json!({})).header("etag"), None);
}

#[test]
fn a_swap_changes_the_tag() {
    let running = start();
    let mut http = running.http();
    let before = tag(&http.get(PATH));
    publish(running.dir(), "vectors-2", CLUSTERS, ROWS);
    running.follow("vectors-2");
    let reply = get_if_new(&mut http, PATH, &before);
    assert_eq!(reply.json::<AnswerBody>(200).release, "vectors-2");
    assert_ne!(tag(&reply), before);
    running.follow(VERSION);
    assert_eq!(get_if_new(&mut http, PATH, &before).status, 304, "the release before gives its answers again");
}

#[test]
fn a_head_is_a_get_without_its_body() {
    let running = start();
    let mut http = running.http();
    for path in [PATH, "/clusters", "/clusters/10", "/version", "/openapi.json", "/next-clusters?limit=0", "/nowhere"] {
        let (got, asked) = (http.get(path), http.call("HEAD", path, ""));
        for name in ["content-type", "content-length", "etag"] {
            assert_eq!(got.header(name), asked.header(name), "{name} of {path}");
        }
        assert_eq!(got.status, asked.status, "{path}");
    }
    assert_eq!(http.get(PATH).status, 200, "no body came in between");
}
