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
use segue::model::Model;
use segue::model::engine::Precision;
use segue::model::write::{ModelAbout, write_model};
use segue::snapshot::failpoint::Moment;
use segue::snapshot::format::Shape;
use segue::snapshot::manifest::Version;
use segue::snapshot::publish::{About, PARTIAL, PublishError, ReleaseWriter, WriteShape};
use segue::snapshot::release::Release;
use segue::snapshot::store::{State, Store};
use segue::snapshot::write::WriteError;
use support::model;
use support::table::{Case, catalogue, publish, some_rows};
use tempfile::TempDir;

/// Tells this program that it is the child: the store's directory, and the label of the moment at which to die.
const JOB: &str = "SEGUE_TEST_CRASH_JOB";
/// The job of a child that has no room on its disk, in place of a moment.
const NO_ROOM: &str = "no_room";

const SHAPE: Shape = Shape { clusters: 70, depth: 2, width: 8 };

fn version(name: &str) -> Version {
    name.parse().expect("a version name")
}

fn publish_named(dir: &Path, name: &str) {
    let case = Case { shape: SHAPE, rows: some_rows(SHAPE) };
    publish(dir, catalogue(0..SHAPE.clusters), &case, About { version: Some(version(name)), ..About::default() });
}

fn publish_model(dir: &Path, name: &str) {
    let config = model::config(SHAPE.clusters);
    let about = ModelAbout { version: Some(version(name)), ..model::about(&version("catalogue")) };
    write_model(dir, about, &config, &model::weights(&config, 1)).expect("the disk takes it");
}

fn publish_and_activate(dir: &Path, name: &str) {
    publish_named(dir, name);
    Store::open(dir).activate(&version(name)).expect("just published");
}

fn pointing(current: &str, previous: Option<&str>) -> State {
    State { current: Some(version(current)), previous: previous.map(version) }
}

/// The hidden directories among a store's releases.
fn partials(dir: &Path) -> usize {
    partials_in(&Store::open(dir).releases_dir())
}

fn partials_in(dir: &Path) -> usize {
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
fn run_child(command: &mut Command, dir: &Path, job: &str) -> Output {
    let job = format!("{job}|{}", dir.display());
    command.args(["--exact", "the_child", "--nocapture"]).env(JOB, job).output().expect("this program starts again")
}

fn this_program() -> std::path::PathBuf {
    std::env::current_exe().expect("this program has a path")
}

/// Not a test but what the others run in a process of its own; by itself it has no job.
#[test]
fn the_child() {
    let Ok(job) = std::env::var(JOB) else { return };
    let (job, dir) = job.split_once('|').expect("a job has two parts");
    if job == NO_ROOM {
        return publish_without_room(Path::new(dir));
    }
    let die = || kill_process(getpid(), Signal::KILL).expect("a process may kill itself");
    fail::cfg_callback(job, die).expect("the registry of failpoints is on");
    publish_model(Path::new(dir), "new");
    publish_and_activate(Path::new(dir), "new");
}

#[test]
fn a_kill_at_any_moment_leaves_the_store_as_before_or_after() {
    for moment in Moment::ALL {
        let dir = store();
        let output = run_child(&mut Command::new(this_program()), dir.path(), moment.label());
        assert_eq!(output.status.signal(), Some(9), "{moment:?} was not reached: {output:?}");
        check_killed(dir.path(), moment);
        check_killed_model(dir.path(), moment);
        check_recovery(dir.path(), moment);
    }
}

/// Whether a process killed at `moment` had reached `step`.
fn reached(moment: Moment, step: Moment) -> bool {
    let position = |wanted| Moment::ALL.iter().position(|&found| found == wanted).expect("all are in ALL");
    position(moment) >= position(step)
}

/// The model is there whole, or not at all.
#[track_caller]
fn check_killed_model(dir: &Path, moment: Moment) {
    let store = Store::open(dir);
    let path = store.model_path(&version("new"));
    assert_eq!(path.exists(), reached(moment, Moment::ModelNamed), "{moment:?}");
    if path.exists() {
        Model::load(&path, Precision::Full).expect("a model that has its name is complete");
    }
    let hidden = !reached(moment, Moment::ModelNamed);
    assert_eq!(partials_in(&store.models_dir()), usize::from(hidden), "{moment:?}");
}

/// The pointer and the releases are those of before or after, whole.
#[track_caller]
fn check_killed(dir: &Path, moment: Moment) {
    let has_come = |step| reached(moment, step);
    let store = Store::open(dir);
    let state = if has_come(Moment::StateNamed) { pointing("new", Some("old")) } else { pointing("old", None) };
    assert_eq!(store.state().expect("the pointer is whole"), state, "{moment:?}");
    let published =
        if has_come(Moment::ReleaseNamed) { vec![version("new"), version("old")] } else { vec![version("old")] };
    assert_eq!(store.versions().expect("the store can be listed"), published, "{moment:?}");
    for version in published {
        Release::load(&store.release_path(&version)).expect("a release that has its name is complete");
    }
    let hidden = has_come(Moment::PartialMade) && !has_come(Moment::ReleaseNamed);
    assert_eq!(partials(dir), usize::from(hidden), "{moment:?}");
}

/// What was left behind hinders nothing.
#[track_caller]
fn check_recovery(dir: &Path, moment: Moment) {
    publish_model(dir, "new");
    publish_and_activate(dir, "new");
    let store = Store::open(dir);
    Model::load(&store.model_path(&version("new")), Precision::Full).expect("just published");
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
    run_child(&mut Command::new(this_program()), dir.path(), Moment::GoldenWritten.label());
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
    let output = run_child(Command::new("sh").args(["-c", script]).arg(this_program()), dir.path(), NO_ROOM);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(partials(dir.path()), 0);
    assert_eq!(Store::open(dir.path()).versions().expect("the store can be listed"), [version("old")]);
    publish_and_activate(dir.path(), "new");
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
}
