//! A refresh killed at any moment and run again gives the release that it would have given, and what serves is never half of one.
//!
//! The killed process is this program again, told by [`JOB`] where to die; it dies by SIGKILL, which nothing can catch.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../tests/support/model.rs"]
#[allow(dead_code, reason = "each test program uses its own part")]
mod model;
mod refreshing;
mod support;

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use refreshing::Site;
use rustix::process::{Signal, getpid, kill_process};
use segue::snapshot::release::Release;
use segue::snapshot::store::Store;
use segue_pipeline::refresh::failpoint::Moment;
use segue_pipeline::refresh::{Order, config, refresh};

/// Tells this program that it is the child: the moment at which to die, and the configuration.
const JOB: &str = "SEGUE_TEST_REFRESH_JOB";

/// Not a test but what the others run in a process of its own; by itself it has no job.
#[test]
fn the_child() {
    let Ok(job) = std::env::var(JOB) else { return };
    let (moment, path) = job.split_once('|').unwrap();
    fail::cfg_callback(moment, || kill_process(getpid(), Signal::KILL).unwrap()).unwrap();
    refresh(&config::read(Path::new(path)).unwrap(), &Order::default()).unwrap();
}

/// Refreshes in a process that dies at a moment.
#[track_caller]
fn kill_at(site: &Site, moment: &str) {
    let job = format!("{moment}|{}", site.path("refresh.toml").display());
    let mut child = Command::new(std::env::current_exe().unwrap());
    let output = child.args(["--exact", "the_child", "--nocapture"]).env(JOB, job).output().unwrap();
    assert_eq!(output.status.signal(), Some(9), "{moment} was not reached: {output:?}");
}

/// What serves is complete, or nothing does.
fn check_serving(site: &Site) {
    let store = Store::open(site.path("store"));
    if let Some(current) = store.state().unwrap().current {
        Release::load(&store.release_path(&current)).unwrap();
    }
}

#[test]
fn a_kill_while_counting_costs_time_and_nothing_else() {
    check_kills(&Moment::ALL[..4]);
}

#[test]
fn a_kill_while_computing_costs_time_and_nothing_else() {
    check_kills(&Moment::ALL[4..8]);
}

#[test]
fn a_kill_while_publishing_costs_time_and_nothing_else() {
    check_kills(&Moment::ALL[8..12]);
}

#[test]
fn a_kill_at_the_end_costs_time_and_nothing_else() {
    check_kills(&Moment::ALL[12..]);
}

#[track_caller]
fn check_kills(moments: &[Moment]) {
    let whole = Site::with_model();
    whole.arrive(0).refresh("", 0);
    let expected = whole.releases();
    for moment in moments {
        let site = Site::with_model();
        site.arrive(0);
        kill_at(&site, moment.label());
        check_serving(&site);
        let report = site.refresh("", 0);
        assert!(site.releases() == expected, "{moment:?}");
        assert_eq!(site.table(), whole.table(), "{moment:?}");
        let done = report["stages"].as_array().unwrap().iter().filter(|stage| stage["resumed"] == true).count();
        assert_eq!(done, done_before(*moment), "{moment:?}: {report}");
        site.refresh("", 3);
    }
}

/// How many stages need not be done again after a kill; the gates always judge.
fn done_before(moment: Moment) -> usize {
    let stages = [
        Moment::Counted,
        Moment::Merged,
        Moment::Retrieved,
        Moment::Rehearsed,
        Moment::Inferred,
        Moment::Blended,
        Moment::Released,
        Moment::Published,
    ];
    let place = |wanted: Moment| Moment::ALL.iter().position(|found| *found == wanted).unwrap();
    stages.into_iter().filter(|stage| place(*stage) <= place(moment)).count()
}

#[test]
fn new_events_after_a_kill_begin_a_new_run() {
    let (site, whole) = (Site::new(), Site::new());
    whole.arrive(0).arrive(1).refresh("", 0);
    site.arrive(0);
    kill_at(&site, Moment::Blended.label());
    let report = site.arrive(1).refresh("", 0);
    assert!(report["stages"].as_array().unwrap().iter().all(|stage| stage["resumed"] == false));
    assert_eq!(report["stages"][0]["rows_in"], site.rows(1));
    assert!(site.releases() == whole.releases());
}
