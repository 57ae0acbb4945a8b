//! The OpenAPI document: the one that is served, the one that is committed, and what the door really does.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::service::start;

fn committed() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/segue/v1/openapi.json");
    fs::read_to_string(path).expect("the document is committed")
}

#[test]
fn the_committed_document_is_the_one_that_is_served() {
    let same = committed() == segue::http::openapi::json();
    assert!(same, "run `cargo run -- openapi > proto/segue/v1/openapi.json` and review the difference");
    let served = start().http().get("/openapi.json");
    assert_eq!((served.status, served.header("content-type")), (200, Some("application/json")));
    assert_eq!(served.text(), committed());
}

/// What a generator of clients needs: a description of each response, and a schema behind each reference.
#[test]
fn the_document_is_whole() {
    let document: Value = serde_json::from_str(&committed()).expect("JSON");
    assert_eq!(document["openapi"], "3.1.0");
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 20, "{references:?}");
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
    }
    for (path, status, response) in responses(&document) {
        assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{path} {status}");
        let media: Vec<&String> =
            response["content"].as_object().into_iter().flat_map(|content| content.keys()).collect();
        match status.parse::<u16>().expect("a status") {
            304 => assert!(media.is_empty()),
            200 => assert_eq!(media, ["application/json"], "{path} {status}"),
            _ => assert_eq!(media, ["application/problem+json"], "{path} {status}"),
        }
    }
}

/// Every call of the document is there, and the only one on its path.
#[test]
fn every_call_of_the_document_is_served() {
    let document: Value = serde_json::from_str(&committed()).expect("JSON");
    let running = start();
    let mut http = running.http();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        let path = path.replace("{id}", "10");
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let described = operations.get(method.to_lowercase()).is_some();
            let status = http.call(method, &path, if method == "POST" { "{\"requests\":[]}" } else { "" }).status;
            assert_eq!(status != 405, described, "{method} {path} gave {status}");
        }
    }
}

fn responses(document: &Value) -> Vec<(&String, &String, &Value)> {
    let paths = document["paths"].as_object().expect("paths").iter();
    let operations =
        paths.flat_map(|(path, calls)| calls.as_object().expect("calls").values().map(move |call| (path, call)));
    operations
        .flat_map(|(path, call)| {
            let responses = call["responses"].as_object().expect("responses");
            responses.iter().map(move |(status, response)| (path, status, response))
        })
        .collect()
}

fn collect<'v>(value: &'v Value, references: &mut Vec<&'v str>) {
    match value {
        Value::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| collect(value, references));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}
