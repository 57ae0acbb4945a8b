//! Publishing to a real S3 server: through the command, twice, by two at once, and killed on the way.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use segue::depot::{Channel, DepotError, Pointed};
use segue::snapshot::failpoint::Moment;
use segue::snapshot::manifest::{FILES, MANIFEST, SIGNATURE, Version};
use segue::snapshot::parcel::Address;
use serde_json::{Value, json};

#[path = "support/s3.rs"]
mod s3;
#[path = "support/admin.rs"]
mod support;

use s3::{S3, URL};
use support::{Parcel, segue, version};

const CHANNEL: &str = "production";

#[track_caller]
fn run(command: &mut Command, code: i32) -> Output {
    support::run(command, code)
}

fn publish(s3: &S3, release: &Path, more: &[&str]) -> Command {
    let mut command = segue();
    s3.tell(command.arg("publish").arg(release).args(["--to", URL, "--json"]).args(more));
    command
}

fn printed(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("--json prints JSON")
}

fn channel(s3: &S3) -> Channel {
    let bytes = fs::read(s3.object(&format!("channels/{CHANNEL}.json"))).expect("the channel is there");
    serde_json::from_slice(&bytes).expect("it is a channel")
}

#[test]
fn the_command_publishes_and_moves_the_channel() {
    let (s3, one, two) = (S3::start(), Parcel::new("one", 0.5), Parcel::new("two", 0.25));
    let bytes = one.manifest().bytes() + one.bytes(MANIFEST).len() as u64;
    let rows = [
        (&one.path, vec![], json!({ "release": "one", "bytes": bytes, "channel": null, "before": null })),
        (
            &one.path,
            vec!["--channel", CHANNEL],
            json!({ "release": "one", "bytes": 0, "channel": CHANNEL, "before": null }),
        ),
        (
            &two.path,
            vec!["--channel", CHANNEL],
            json!({ "release": "two", "bytes": bytes, "channel": CHANNEL, "before": "one" }),
        ),
        (
            &two.path,
            vec!["--channel", CHANNEL],
            json!({ "release": "two", "bytes": 0, "channel": CHANNEL, "before": "two" }),
        ),
    ];
    for (path, flags, expected) in rows {
        let got = printed(&run(&mut publish(&s3, path, &flags), 0));
        let close = |value: &Value| {
            value["bytes"].as_u64().is_some_and(|got| got.abs_diff(expected["bytes"].as_u64().unwrap_or(0)) < 8)
        };
        assert!(close(&got), "{got}");
        for field in ["release", "channel", "before"] {
            assert_eq!(got[field], expected[field], "{got}");
        }
    }
    for name in FILES.into_iter().chain([MANIFEST]) {
        assert_eq!(
            fs::read(s3.object(&format!("releases/one/{name}"))).expect("it was put"),
            one.bytes(name),
            "{name}"
        );
    }
    let named = channel(&s3);
    assert_eq!((named.release, named.previous), (version("two"), Some(version("one"))));
    assert_eq!(named.manifest_blake3, blake3::hash(&two.bytes(MANIFEST)).to_hex().to_string());
    assert_eq!(s3.asked("PUT", MANIFEST).len(), 2, "what is published is not put again");
}

#[test]
fn the_channel_goes_back_to_what_is_published() {
    let (s3, one, two) = (S3::start(), Parcel::new("one", 0.5), Parcel::new("two", 0.25));
    for parcel in [&one, &two] {
        run(&mut publish(&s3, &parcel.path, &["--channel", CHANNEL]), 0);
    }
    let back = |release: &str| {
        let mut command = segue();
        s3.tell(command.args(["publish", "--published", release, "--to", URL, "--channel", CHANNEL]));
        command
    };
    run(&mut back("one"), 0);
    assert_eq!((channel(&s3).release, channel(&s3).previous), (version("one"), Some(version("two"))));
    let told = run(&mut back("three"), 1).stderr;
    assert!(String::from_utf8_lossy(&told).contains("release three is not published there"));
    assert_eq!(channel(&s3).release, version("one"));
}

#[test]
fn a_name_is_never_taken_twice_and_damage_never_published() {
    let (s3, one, other, damaged) =
        (S3::start(), Parcel::new("one", 0.5), Parcel::new("one", 0.25), Parcel::new("bad", 0.5));
    run(&mut publish(&s3, &one.path, &["--channel", CHANNEL]), 0);
    let told = run(&mut publish(&s3, &other.path, &["--channel", CHANNEL]), 1).stderr;
    assert!(String::from_utf8_lossy(&told).contains("with other content"), "{}", String::from_utf8_lossy(&told));
    fs::write(damaged.path.join("golden.jsonl"), "x").expect("it can be written");
    run(&mut publish(&s3, &damaged.path, &["--channel", CHANNEL]), 3);
    assert_eq!(channel(&s3).release, version("one"));
    assert!(!s3.object("releases/bad").exists());
}

#[test]
fn a_signature_goes_with_its_manifest_also_later() {
    let (s3, one) = (S3::start(), Parcel::new("one", 0.5));
    run(&mut publish(&s3, &one.path, &[]), 0);
    fs::write(one.path.join(SIGNATURE), [7; 64]).expect("it can be written");
    run(&mut publish(&s3, &one.path, &[]), 0);
    assert_eq!(fs::read(s3.object(&format!("releases/one/{SIGNATURE}"))).expect("it was put"), [7; 64]);
    let papers = s3.depot().papers(&Address::release(version("one"))).expect("it can be read").expect("it is there");
    assert_eq!(papers.signature.as_deref(), Some(&[7; 64][..]));
}

#[test]
fn of_many_publishers_at_once_one_wins() {
    let (s3, name) = (S3::start(), version(CHANNEL));
    let parcels: Vec<_> = ["a", "b", "c", "d", "e", "f"].into_iter().map(|name| Parcel::new(name, 0.5)).collect();
    let mut from = Pointed::default();
    for round in ["first", "second", "third"] {
        let race = |parcel: &Parcel| point(&s3, (&name, &from), (parcel, round));
        let won: Vec<Version> = thread::scope(|scope| {
            let racers: Vec<_> = parcels.iter().map(|parcel| scope.spawn(move || race(parcel))).collect();
            racers.into_iter().filter_map(|racer| racer.join().expect("no publisher panics")).collect()
        });
        assert_eq!(won.len(), 1, "{round}: {won:?}");
        from = s3.depot().channel(&name).expect("it can be read");
        assert_eq!(from.release(), won.first());
    }
}

/// Points the channel at a release of one's own, from where all began; gives its name if that worked.
fn point(s3: &S3, (name, from): (&Version, &Pointed), (parcel, round): (&Parcel, &str)) -> Option<Version> {
    let release = parcel.manifest().version;
    // No two rounds write the same, which would be no move at all.
    let to = Channel::at(&release, &parcel.path, Some(version(round))).expect("it is complete");
    match s3.depot().point(name, from, &to) {
        Ok(()) => Some(release),
        Err(DepotError::Moved { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Tells this program that it is the child: the moment at which to die, the release, and the server's endpoint.
const JOB: &str = "SEGUE_TEST_PUBLISH_JOB";

/// Not a test but what the next runs in a process of its own; by itself it has no job.
#[test]
fn the_child() {
    let Ok(job) = std::env::var(JOB) else { return };
    let (moment, release) = job.split_once('|').expect("a job has two parts");
    let die =
        || rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).expect("it may");
    fail::cfg_callback(moment, die).expect("the registry of failpoints is on");
    let depot = segue::depot::Depot::open(URL).expect("a place");
    let release = PathBuf::from(release);
    let name = release.file_name().and_then(|name| name.to_str()).expect("a version");
    depot.put(&Address::release(version(name)), &release, &|_| {}).expect("it is sound");
}

#[test]
fn a_publisher_killed_on_the_way_hinders_nobody() {
    for moment in [Moment::FilePut, Moment::ManifestPut] {
        let (s3, one) = (S3::start(), Parcel::new("one", 0.5));
        let mut child = Command::new(std::env::current_exe().expect("this program has a path"));
        child
            .args(["--exact", "the_child", "--nocapture"])
            .env(JOB, format!("{}|{}", moment.label(), one.path.display()));
        let killed = s3.tell(&mut child).output().expect("this program starts again");
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&killed.status), Some(9), "{moment:?}: {killed:?}");
        assert_eq!(s3.object("releases/one/manifest.json").exists(), moment == Moment::ManifestPut);
        run(&mut publish(&s3, &one.path, &["--channel", CHANNEL]), 0);
        assert_eq!(channel(&s3).release, version("one"));
    }
}
