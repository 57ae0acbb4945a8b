//! A process killed between any two steps of a publish leaves the store as it was or as it will be, and in nobody's way.
//!
//! The killed process is this program again, told by [`JOB`] what to do; it dies by SIGKILL, which nothing can catch.

mod support;

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use rustix::process::{Signal, getpid, kill_process};
use segue::config::{Config, MissingModel};
use segue::metrics::Metrics;
use segue::model::Model;
use segue::model::engine::Precision;
use segue::model::write::{ModelWriteError, PublishedModel, write_model};
use segue::snapshot::failpoint::Moment;
use segue::snapshot::format::Shape;
use segue::snapshot::ingest::{Begun, Ingest, IngestRules, Parts};
use segue::snapshot::lifecycle::Book;
use segue::snapshot::manifest::{MANIFEST, Version};
use segue::snapshot::parcel::Address;
use segue::snapshot::publish::{About, PARTIAL, PublishError, ReleaseWriter, WriteShape};
use segue::snapshot::release::Release;
use segue::snapshot::store::{State, Store};
use segue::snapshot::write::WriteError;
use support::model;
use support::table::{Case, catalogue, publish, some_rows};
use tempfile::TempDir;

/// Tells this program that it is the child: what to do, the label of the moment at which to die, and the store's
/// directory.
const JOB: &str = "SEGUE_TEST_CRASH_JOB";
/// The jobs: to publish a release and point at it, to write a model, and to push one.
const RELEASE: &str = "release";
const MODEL: &str = "model";
const PUSH: &str = "push";
/// The job of a child that has no room on its disk, in place of a moment at which to die.
const NO_ROOM: &str = "no_room";

const SHAPE: Shape = Shape { clusters: 70, depth: 2, width: 8 };

fn version(name: &str) -> Version {
    name.parse().expect("a version name")
}

fn publish_named(dir: &Path, name: &str) {
    let case = Case { shape: SHAPE, rows: some_rows(SHAPE) };
    publish(dir, catalogue(0..SHAPE.clusters), &case, About { version: Some(version(name)), ..About::default() });
}

fn publish_and_activate(dir: &Path, name: &str) {
    publish_named(dir, name);
    Store::open(dir).activate(&version(name)).expect("just published");
}

fn pointing(current: &str, previous: Option<&str>) -> State {
    State { current: Some(version(current)), previous: previous.map(version), ..State::default() }
}

/// The hidden directories among a store's releases.
fn partials(dir: &Path) -> usize {
    hidden(&Store::open(dir).releases_dir())
}

fn hidden(dir: &Path) -> usize {
    let entries = fs::read_dir(dir).expect("the store was made");
    entries
        .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with(PARTIAL)))
        .count()
}

/// A store whose current release is `old`.
fn store() -> TempDir {
    let dir = TempDir::new().expect("a temporary directory");
    publish_and_activate(dir.path(), "old");
    dir
}

/// Runs this program again as the child.
fn run_child(command: &mut Command, dir: &Path, (job, moment): (&str, &str)) -> Output {
    let job = format!("{job}|{moment}|{}", dir.display());
    command.args(["--exact", "the_child", "--nocapture"]).env(JOB, job).output().expect("this program starts again")
}

fn this_program() -> std::path::PathBuf {
    std::env::current_exe().expect("this program has a path")
}

/// Not a test but what the others run in a process of its own; by itself it has no job.
#[test]
fn the_child() {
    let Ok(job) = std::env::var(JOB) else { return };
    let mut parts = job.splitn(3, '|');
    let mut part = || parts.next().expect("a job has three parts");
    let (job, moment, dir) = (part(), part(), Path::new(part()));
    let die = || kill_process(getpid(), Signal::KILL).expect("a process may kill itself");
    let arm = || fail::cfg_callback(moment, die).expect("the registry of failpoints is on");
    match job {
        NO_ROOM => return publish_without_room(dir),
        PUSH => return push_model(dir, arm),
        _ => arm(),
    }
    match job {
        MODEL => drop(publish_model(dir, 2)),
        _ => publish_and_activate(dir, "new"),
    }
}

#[test]
fn a_kill_at_any_moment_leaves_the_store_as_before_or_after() {
    for moment in Moment::RELEASE {
        let dir = store();
        let output = run_child(&mut Command::new(this_program()), dir.path(), (RELEASE, moment.label()));
        assert_eq!(output.status.signal(), Some(9), "{moment:?} was not reached: {output:?}");
        check_killed(dir.path(), moment);
        check_recovery(dir.path(), moment);
    }
}

/// Publishes a model; another seed gives another one.
fn publish_model(dir: &Path, seed: u64) -> PublishedModel {
    model::publish(dir, &version("catalogue"), SHAPE.clusters, seed)
}

/// Pushes a model that was written elsewhere, `ready` being called in between.
fn push_model(dir: &Path, ready: impl FnOnce()) {
    let elsewhere = TempDir::new().expect("a temporary directory");
    let model = publish_model(elsewhere.path(), 2);
    let address = Address::model(model.manifest.version);
    let ingest = ingest(dir);
    ready();
    let read = |name: &str| fs::read(model.path.join(name)).expect("just written");
    if let Begun::Open(missing) = ingest.begin(&address, &read(MANIFEST)).expect("there is room") {
        let send = |name: &str| ingest.receive(&address, name, [read(name)]).expect("it is what the manifest lists");
        missing.into_iter().for_each(|file| send(file.name));
    }
    ingest.commit(&address).expect("it is sound");
}

fn ingest(dir: &Path) -> Ingest {
    let (bytes_max, idle_max) = (1 << 24, Duration::from_secs(60));
    let (precision, model_missing) = (Precision::Full, MissingModel::Refuse);
    let parts = Parts::new(&Store::open(dir), &Config::defaults(dir), &Metrics::new(), &Book::new());
    Ingest::open(parts, IngestRules { bytes_max, idle_max, precision, model_missing })
}

#[test]
fn a_kill_at_any_moment_of_a_model_leaves_the_store_as_before_or_after() {
    let moments = Moment::MODEL.map(|moment| (MODEL, moment)).into_iter();
    for (job, moment) in moments.chain(Moment::PUSH.map(|moment| (PUSH, moment))) {
        let dir = store();
        let old = publish_model(dir.path(), 1).manifest.version;
        let output = run_child(&mut Command::new(this_program()), dir.path(), (job, moment.label()));
        assert_eq!(output.status.signal(), Some(9), "{job}: {moment:?} was not reached: {output:?}");
        let named = moment == Moment::Named;
        check_models(dir.path(), 1 + usize::from(named));
        assert_eq!(hidden(&Store::open(dir.path()).models_dir()), usize::from(!named), "{job}: {moment:?}");
        // What was left behind hinders nothing.
        push_model(dir.path(), || {});
        let models = check_models(dir.path(), 2);
        assert!(models.contains(&old), "{job}: {moment:?}");
        assert_eq!(Store::open(dir.path()).state().expect("the pointer is whole"), pointing("old", None));
    }
}

/// A model that has its name is complete.
#[track_caller]
fn check_models(dir: &Path, count: usize) -> Vec<Version> {
    let store = Store::open(dir);
    let models = store.models().expect("the store can be listed");
    assert_eq!(models.len(), count, "{models:?}");
    for version in &models {
        Model::load(&store.model_path(version), Precision::Full).expect("a model that has its name is complete");
    }
    models
}

/// The pointer and the releases are those of before or after, whole.
#[track_caller]
fn check_killed(dir: &Path, moment: Moment) {
    let position = |wanted| Moment::RELEASE.iter().position(|&found| found == wanted).expect("all are in the list");
    let has_come = |step| position(moment) >= position(step);
    let store = Store::open(dir);
    let state = if has_come(Moment::StateNamed) { pointing("new", Some("old")) } else { pointing("old", None) };
    assert_eq!(store.state().expect("the pointer is whole"), state, "{moment:?}");
    let published = if has_come(Moment::Named) { vec![version("new"), version("old")] } else { vec![version("old")] };
    assert_eq!(store.versions().expect("the store can be listed"), published, "{moment:?}");
    for version in published {
        Release::load(&store.release_path(&version)).expect("a release that has its name is complete");
    }
    assert_eq!(partials(dir), usize::from(!has_come(Moment::Named)), "{moment:?}");
}

/// What was left behind hinders nothing.
#[track_caller]
fn check_recovery(dir: &Path, moment: Moment) {
    publish_and_activate(dir, "new");
    let store = Store::open(dir);
    assert_eq!(store.state().expect("the pointer is whole"), pointing("new", Some("old")), "{moment:?}");
    assert_eq!(store.versions().expect("the store can be listed"), [version("new"), version("old")], "{moment:?}");
    Release::load(&store.release_path(&version("new"))).expect("just published");
    let hidden = |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with(".state");
    let left = fs::read_dir(dir).expect("the store is there").filter_map(Result::ok).any(hidden);
    assert!(!left, "{moment:?}: the pointer's partial file was left");
}

#[test]
fn what_a_dead_writer_left_is_cleared_once_it_is_a_day_old() {
    let dir = store();
    run_child(&mut Command::new(this_program()), dir.path(), (RELEASE, Moment::GoldenWritten.label()));
    assert_eq!(partials(dir.path()), 1);
    publish_named(dir.path(), "next");
    assert_eq!(partials(dir.path()), 1, "a writer may still be at work on it");
    age_partials(dir.path(), Duration::from_secs(23 * 3600));
    publish_named(dir.path(), "next-but-one");
    assert_eq!(partials(dir.path()), 1, "a day has not passed");
    age_partials(dir.path(), Duration::from_secs(25 * 3600));
    publish_named(dir.path(), "last");
    assert_eq!(partials(dir.path()), 0);
    assert_eq!(Store::open(dir.path()).versions().expect("the store can be listed").len(), 4);
}

/// Makes the hidden directories and what is in them look as if they were last written this long ago.
fn age_partials(dir: &Path, age: Duration) {
    let written = SystemTime::now() - age;
    let entries = fs::read_dir(Store::open(dir).releases_dir()).expect("the store was made").filter_map(Result::ok);
    for partial in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PARTIAL)) {
        let files = fs::read_dir(partial.path()).expect("it is a directory").filter_map(Result::ok);
        for path in files.map(|file| file.path()).chain([partial.path()]) {
            File::open(path).and_then(|file| file.set_modified(written)).expect("its owner may date it");
        }
    }
}

#[test]
fn a_full_disk_publishes_nothing_and_leaves_nothing() {
    let dir = store();
    // No file may pass one block of 512 or 1024 bytes, and the signal that would kill for it is ignored.
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
    let output = run_child(Command::new("sh").args(["-c", script]).arg(this_program()), dir.path(), (NO_ROOM, ""));
    assert!(output.status.success(), "{output:?}");
    assert_eq!(partials(dir.path()), 0);
    assert_eq!(hidden(&Store::open(dir.path()).models_dir()), 0);
    assert_eq!(Store::open(dir.path()).versions().expect("the store can be listed"), [version("old")]);
    check_models(dir.path(), 0);
    publish_and_activate(dir.path(), "new");
    publish_model(dir.path(), 1);
}

fn publish_without_room(dir: &Path) {
    let shape = WriteShape { depth: SHAPE.depth, width: SHAPE.width };
    let mut writer = ReleaseWriter::create(dir, catalogue(0..SHAPE.clusters), shape, 1 << 16).expect("the header fits");
    for history in [vec![], vec![0], vec![0, 1]] {
        writer.push(&history, &[(0, 0.5)]).expect("the buffer takes it");
    }
    let error = writer.finish(About::default()).expect_err("the table does not fit");
    assert!(matches!(error, PublishError::Write(WriteError::Io(_))), "{error}");
    assert!(error.to_string().contains("nothing was published"), "{error}");
    let (config, about) = (model::config(SHAPE.clusters), model::about(&version("catalogue")));
    let error = write_model(dir, about, &config, &model::weights(&config, 1)).expect_err("the weights do not fit");
    assert!(matches!(error, ModelWriteError::Io(_)), "{error}");
    assert!(error.to_string().contains("nothing was published"), "{error}");
}
