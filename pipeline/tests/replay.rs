//! `replay`: a running service, asked what users went on to, is as right as its release is.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use segue::config::Config;
use segue::serve::Service;
use serde_json::Value;
use support::{error, json, write};
use tempfile::TempDir;

const DAY_S: u32 = 86_400;

/// Twenty users who walk 0, 1, 2, 3 in the first days, and 0, 2, 1, 3 from the tenth day on.
fn events() -> String {
    let mut text = "user,ts,cluster\n".to_owned();
    for user in 0..20_u32 {
        let (begin, walk) = if user < 10 { (0, [0, 1, 2, 3]) } else { (10, [0, 2, 1, 3]) };
        for (step, cluster) in (0..).zip(walk) {
            writeln!(text, "{user},{},{cluster}", (begin + step) * DAY_S).unwrap();
        }
    }
    text
}

/// A log, and a service on a release of its first users' walk.
struct Site {
    dir: TempDir,
    service: Option<Service>,
    http: SocketAddr,
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "clusters.csv", "cluster,name\n0,a\n1,b\n2,c\n3,d\n");
        write(dir.path(), "events.csv", &events());
        let early: String = events().lines().take(41).fold(String::new(), |text, line| text + line + "\n");
        write(dir.path(), "early.csv", &early);
        json(dir.path(), "build --events early.csv --catalogue clusters.csv --out store --version early --activate");
        let service = Service::start(&config(&dir.path().join("store"))).unwrap();
        service.reloader().request().blocking_recv().unwrap();
        let http = service.addresses().http;
        Self { dir, service: Some(service), http }
    }

    fn line(&self, flags: &str) -> String {
        format!("replay --events events.csv --catalogue clusters.csv --to http://{} {flags}", self.http)
    }

    fn replay(&self, flags: &str) -> Value {
        json(self.dir.path(), &self.line(flags))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let Some(service) = self.service.take() else { return };
        service.stop();
        service.wait().unwrap();
    }
}

fn config(dir: &Path) -> Config {
    let mut config = Config::defaults(dir);
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    (config.http.listen, config.grpc.listen, config.admin.listen) = (any, any, any);
    config.runtime.workers = 1;
    config.drain.lame_duck = Duration::ZERO;
    config
}

fn hit_1(report: &Value) -> f64 {
    report["served"]["figures"][0]["measured"].as_f64().unwrap()
}

#[test]
fn what_the_release_knows_is_answered_right_and_what_changed_is_not() {
    let site = Site::new();
    let early = site.replay("--until 1970-01-10");
    assert_eq!((early["requests"].as_u64(), hit_1(&early)), (Some(30), 1.0));
    assert_eq!(early["releases"]["early"], 30);
    // Of 0 -> 2 -> 1 -> 3, the release says 1 after 0 and 3 after 0, 2; after 2, 1 it knows only what follows 1, and 3 is all that is left.
    let late = site.replay("--from 1970-01-10 --batch 7");
    assert_eq!(
        (late["requests"].as_u64(), late["served"]["figures"][0]["measured"].as_f64()),
        (Some(30), Some(1.0 / 3.0))
    );
    assert_eq!(site.replay("")["requests"], 60);
}

#[test]
fn what_cannot_be_asked_is_an_error_that_says_why() {
    let site = Site::new();
    let said = |flags: &str| error(site.dir.path(), &site.line(flags));
    assert!(said("--from 2026-01-01").contains("--from and --until"));
    write(site.dir.path(), "clusters.csv", "cluster,name\n0,a\n1,b\n2,c\n");
    assert!(said("--until 1970-01-02T12:00:00Z").contains("which --catalogue has not"));
    for (to, expected) in [("localhost:1", "is no address"), ("http://127.0.0.1:1", "did not answer")] {
        let line = format!("replay --events events.csv --catalogue clusters.csv --to {to}");
        assert!(error(site.dir.path(), &line).contains(expected), "{to}");
    }
}
