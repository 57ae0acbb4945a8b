//! Loading a model keeps to the thread that loads: whatever else it started would compete with requests at their own
//! priority.

use std::fs;

use segue::model::Model;
use segue::model::config::{Barred, ModelConfig, PromptConfig, Size};
use segue::model::engine::Precision;
use segue::model::write::write_model;
use tempfile::TempDir;

#[allow(dead_code, reason = "each test program uses its own part")]
#[path = "support/model.rs"]
mod model;

/// Large enough that matrices of it would be shared out among threads.
const SIZE: Size = Size { hidden: 128, intermediate: 352, layers: 2, heads: 4 };
const CLUSTERS: u32 = 300;
/// Tells this program that it is the child: where the model is.
const JOB: &str = "SEGUE_TEST_QUIET_JOB";

/// Not a test but what the other runs in a process of its own, where no other test starts threads.
#[test]
fn the_child() {
    let Ok(path) = std::env::var(JOB) else { return };
    let before = threads();
    for precision in [Precision::Full, Precision::Quantised] {
        Model::load(path.as_ref(), precision).expect("just written");
        assert_eq!(threads(), before, "{precision:?}");
    }
}

#[test]
fn a_load_starts_no_thread() {
    let dir = TempDir::new().expect("a temporary directory");
    let prompt = PromptConfig { clusters: CLUSTERS, history_max: 16, retrieved_max: 8, barred: Barred::History };
    let config = ModelConfig::new(prompt, SIZE).expect("a good size");
    let about = model::about(&"catalogue".parse().expect("a version"));
    let written = write_model(dir.path(), about, &config, &model::weights(&config, 1)).expect("the disk takes it");
    let this = std::env::current_exe().expect("this program has a path");
    let mut child = std::process::Command::new(this);
    let output = child.args(["--exact", "the_child"]).env(JOB, &written.path).output().expect("it starts again");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Threads of this process.
fn threads() -> usize {
    fs::read_dir("/proc/self/task").expect("Linux tells").count()
}
