//! `drift` from outside: planted drift is found and none is not, the exit codes say so, and a running service is judged by its own release.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use segue::config::Config;
use segue::serve::Service;
use serde_json::Value;

mod support;

const DAY_S: u64 = 86_400;
const CLUSTERS: u64 = 20;

/// Numbers that look drawn: splitmix64.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// A log of five months of 2023: mostly, people go on from a cluster to one of three; which three moves on each month by `shift`.
fn log(shift: u64, seed: u64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut draw = Draw(seed);
    let mut text = "user,ts,cluster\n".to_owned();
    for user in 0..60 {
        let (mut cluster, mut ts) = (draw.below(CLUSTERS), 1_672_531_200 + draw.below(DAY_S));
        while ts < 1_672_531_200 + 151 * DAY_S {
            writeln!(text, "{user},{ts},{cluster}").unwrap();
            let month = (ts - 1_672_531_200) / (30 * DAY_S);
            let beside = (cluster * 3 + 1 + draw.below(3) + month * shift) % CLUSTERS;
            cluster = if draw.below(10) < 8 { beside } else { draw.below(CLUSTERS) };
            ts += draw.below(5 * DAY_S);
        }
    }
    support::write(dir.path(), "events.csv", &text);
    let names: String = (0..CLUSTERS).map(|id| format!("{id},\"topic {id}, words\"\n")).collect();
    support::write(dir.path(), "clusters.csv", &format!("cluster,name\n{names}"));
    dir
}

const DRIFT: &str = "drift --events events.csv --catalogue clusters.csv --mode raw --shuffles 40 --draws 100 --min-triples 200 --fail-above 0";

/// Runs the command; its JSON and its exit code.
fn drift(dir: &Path, line: &str) -> (Value, i32) {
    let output = support::run(dir, &format!("{line} --json"));
    let code = output.status.code().unwrap();
    assert!([0, 6].contains(&code), "{}", String::from_utf8_lossy(&output.stderr));
    (serde_json::from_slice(&output.stdout).unwrap(), code)
}

#[test]
fn planted_drift_is_found_told_and_worth_a_refresh() {
    let dir = log(3, 1);
    let (found, code) = drift(dir.path(), &format!("{DRIFT} --report drift.html"));
    assert_eq!(code, 6);
    let all = &found["months"]["all"];
    assert!(all["drift"]["low"].as_f64().unwrap() > 0.05, "{all}");
    assert!(found["months"]["clusters"].as_array().unwrap().iter().any(|cluster| cluster["is_sure"] == true));
    let oldest = found["staleness"]["ages"].as_array().unwrap().last().unwrap();
    assert!(oldest["loss_to_age"]["low"].as_f64().unwrap() > 0.0, "{oldest}");
    let advice = &found["advice"];
    assert!(advice["chosen"]["setting"]["half_life_days"].is_f64(), "{advice}");
    assert!(advice["gain"]["low"].as_f64().unwrap() > 0.0, "{}", advice["gain"]);
    let page = std::fs::read_to_string(dir.path().join("drift.html")).unwrap();
    for words in ["What follows what does drift", "Every month against every other", "It gains", "</svg>", "</html>"] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("http://") || !page.contains("src="), "the page needs nothing beside it");
}

#[test]
fn no_drift_is_not_found() {
    let dir = log(0, 2);
    let (found, code) = drift(dir.path(), DRIFT);
    assert_eq!(code, 0);
    let all = &found["months"]["all"];
    assert!(all["drift"]["low"].as_f64().unwrap() <= 0.0, "{all}");
    assert!(all["p"].as_f64().unwrap() > 0.05, "{all}");
    assert!(found["months"]["clusters"].as_array().unwrap().iter().all(|cluster| cluster["is_sure"] == false));
    assert_eq!(drift(dir.path(), DRIFT).0.to_string(), found.to_string(), "the seed decides everything");
}

#[test]
fn only_the_recent_comparisons_are_judged_when_asked() {
    let dir = log(3, 3);
    let (found, _) = drift(dir.path(), &format!("{DRIFT} --recent 1"));
    let neighbours = found["months"]["neighbours"].as_array().unwrap();
    let (judged, last) = (&found["months"]["judged"], neighbours.last().unwrap());
    assert_eq!((&judged["overlap"], &judged["drift"]), (&last["overlap"], &last["drift"]));
    assert_eq!(drift(dir.path(), &DRIFT.replace("--fail-above 0", "--fail-above 0.9")).1, 0);
}

#[test]
fn what_cannot_be_compared_is_said() {
    let dir = log(0, 4);
    let error = support::error(dir.path(), &DRIFT.replace("--min-triples 200", "--period week --min-triples 100000"));
    assert!(error.contains("of the weeks have") && error.contains("--min-triples"), "{error}");
    let error = support::error(dir.path(), "drift --live http://127.0.0.1:1 --json");
    assert!(error.contains("did not answer"), "{error}");
}

/// A service on the release that was built of a log.
fn service(dir: &Path) -> Service {
    support::json(
        dir,
        "build --events events.csv --catalogue clusters.csv --mode raw --min-count 8 --min-users 1 --out store --activate",
    );
    let mut config = Config::defaults(&dir.join("store"));
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    (config.http.listen, config.grpc.listen, config.admin.listen) = (any, any, any);
    config.runtime.workers = 1;
    let service = Service::start(&config).unwrap();
    service.reloader().request().blocking_recv().unwrap();
    service
}

/// Asks a service what comes next after a history, so many times.
fn ask(service: &Service, history: &str, times: usize) {
    let body = format!("{{\"history\":{history}}}");
    for _ in 0..times {
        let mut stream = TcpStream::connect(service.addresses().http).unwrap();
        let request = format!(
            "POST /next-clusters HTTP/1.1\r\nhost: segue\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    }
}

#[test]
fn a_running_service_is_judged_by_its_own_release() {
    let dir = log(0, 5);
    let service = service(dir.path());
    let live = format!("drift --live http://{} --catalogue clusters.csv --fail-above 0", service.addresses().admin);
    let error = support::error(dir.path(), &live);
    assert!(error.contains("answered nothing"), "{error}");
    // Histories of one cluster are in the table; from 7 people seldom go on to 1.
    ask(&service, "[1]", 30);
    let (found, code) = drift(dir.path(), &format!("{live} --report live.html"));
    let expected = found["sources"]["sources"][0]["expected"].as_f64().unwrap();
    assert!(expected > 0.0 && expected < 1.0, "{found}");
    assert_eq!(found["sources"]["answers"], 30);
    assert_eq!(code == 6, found["sources"]["distance"]["drift"].as_f64().unwrap() > 0.0);
    ask(&service, "[7,1]", 200);
    let (found, code) = drift(dir.path(), &live);
    assert_eq!(
        (code, &found["unseen"]["counted"], found["unseen"]["histories"].as_u64()),
        (6, &200.into(), Some(1)),
        "{found}"
    );
    assert_eq!(found["unseen"]["most"][0]["names"], serde_json::json!(["topic 7, words", "topic 1, words"]));
    assert!(std::fs::read_to_string(dir.path().join("live.html")).unwrap().contains("What the table did not hold"));
    service.stop();
    service.wait().unwrap();
}
