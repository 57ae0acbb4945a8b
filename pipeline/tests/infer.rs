//! `infer`: every history once, the same bytes whatever the batch, the threads and the interruptions, and a release of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/site.rs"]
mod site;
mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use segue::fallback::retrieved;
use segue::model::Model;
use segue::model::engine::Precision;
use segue::model::rank::{Question, Working};
use segue::snapshot::release::Release;
use segue_pipeline::infer::plan::distinct;

use serde_json::{Value, json};
use site::Site;
use support::{error, json, log, release_path};

/// A file's name and its bytes.
type Part = (String, Vec<u8>);

#[test]
fn the_bytes_do_not_depend_on_batch_and_threads() {
    let site = Site::new();
    for precision in ["full", "quantised"] {
        for (out, flags) in
            [("one", "--batch 1 --threads 1"), ("many", "--batch 33 --threads 3"), ("all", "--batch 500")]
        {
            site.infer(&format!("--out {out}_{precision} --precision {precision} {flags}"));
        }
        let [one, many, all] = ["one", "many", "all"].map(|out| site.files(&format!("{out}_{precision}")));
        assert!(one.len() == 5 && one == many && one == all, "{precision}: {:?}", one.keys());
    }
    assert_ne!(site.files("one_full"), site.files("one_quantised"), "the arithmetic is another");
}

/// Whatever a kill leaves: a ledger without its last parts, half a line, a part that is damaged, gone, not counted, or
/// not yet named.
#[test]
fn the_bytes_do_not_depend_on_interruptions() {
    let site = Site::new();
    site.infer("--out whole");
    let whole = site.files("whole");
    let ledger = |parts: usize| {
        let report: Value = serde_json::from_slice(&whole["candidates.json"]).unwrap();
        let lines = report["parts"].as_array().unwrap()[..parts].iter().map(|part| format!("{part}\n"));
        format!("{}\n{}", report["job"], lines.collect::<String>())
    };
    let part =
        |number: usize| (format!("part-{number:06}.parquet"), whole[&format!("part-{number:06}.parquet")].clone());
    let cut = |text: String| text[..text.len() - 9].to_owned();
    let left: [(&str, String, Vec<Part>, u64); 6] = [
        ("nothing", ledger(0), vec![], 0),
        ("uncounted", ledger(0), vec![part(0)], 0),
        ("counted", ledger(1), vec![part(0), (".partial-x".to_owned(), b"half".to_vec())], 64),
        ("half_a_line", cut(ledger(2)), vec![part(0), part(1)], 64),
        ("damaged", ledger(2), vec![(part(0).0, part(1).1), part(1)], 64),
        ("gone", ledger(2), vec![part(1)], 64),
    ];
    for (out, ledger, files, resumed) in left {
        fs::create_dir(site.path(out)).unwrap();
        fs::write(site.path(out).join("ledger.jsonl"), ledger).unwrap();
        files.into_iter().for_each(|(name, bytes)| fs::write(site.path(out).join(name), bytes).unwrap());
        let summary = site.infer(&format!("--out {out}"));
        assert_eq!(summary["resumed"], resumed, "{out}");
        assert_eq!(site.files(out), whole, "{out}");
    }
    assert_eq!(site.infer("--out whole")["resumed"], 157, "all is there");
    fs::remove_file(site.path("whole").join(part(1).0)).unwrap();
    assert_eq!(site.infer("--out whole")["resumed"], 93, "a part is gone after the end");
    assert_eq!(site.files("whole"), whole);
}

#[test]
fn a_run_that_was_killed_is_gone_on_with() {
    let site = Site::of(log(500));
    site.infer("--out whole");
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_segue-pipeline"));
        let line = site.line("--out killed --batch 1 --threads 1");
        command.current_dir(site.dir.path()).args(line.split_whitespace()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let lines = || fs::read_to_string(site.path("killed/ledger.jsonl")).map_or(0, |text| text.lines().count());
    let mut run = start();
    while lines() < 2 && run.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    // SIGKILL.
    run.kill().unwrap();
    run.wait().unwrap();
    let resumed = site.infer("--out killed")["resumed"].as_u64().unwrap();
    assert!(resumed >= 64, "{resumed}");
    assert_eq!(site.files("killed"), site.files("whole"));
}

#[test]
fn a_directory_of_another_job_is_refused() {
    let site = Site::new();
    site.infer("--out done");
    let report: Value = serde_json::from_slice(&site.files("done")["candidates.json"]).unwrap();
    fs::create_dir(site.path("begun")).unwrap();
    fs::write(site.path("begun/ledger.jsonl"), format!("{}\n", report["job"])).unwrap();
    for (out, flags, expected) in [
        ("done", "--width 3", "width 15 there, 3 now"),
        ("begun", "--precision quantised", "precision \"full\" there, \"quantised\" now"),
        ("begun", "--depth 1", "depth 2 there, 1 now"),
    ] {
        let error = error(site.dir.path(), &site.line(&format!("--out {out} {flags}")));
        assert!(error.contains(expected) && error.contains("give another --out"), "{error}");
    }
    let lock = fs::File::create(site.path("begun/.lock")).unwrap();
    lock.lock().unwrap();
    let error = error(site.dir.path(), &site.line("--out begun"));
    assert!(error.contains("another `infer` works"), "{error}");
}

#[test]
fn model_and_release_must_be_of_one_catalogue() {
    let (site, other) = (Site::new(), Site::of(log(500)));
    let line = format!("infer --model {} --release {} --out x", other.model.display(), site.release.display());
    let error = error(site.dir.path(), &line);
    assert!(error.contains("was trained for catalogue"), "{error}");
}

/// Every key is there, with what the model answers alone, and the release says which model that was.
#[test]
fn the_candidates_become_a_release_of_the_model() {
    let site = Site::of(log(2_000));
    let summary = site.infer("--out candidates --width 5");
    assert_eq!([&summary["histories"], &summary["repeated"]], [&json!(1 + 30 + 900), &json!(30)]);
    let build = "build --candidates candidates --catalogue clusters.csv --out store --width 5 --model";
    let built = json(site.dir.path(), &format!("{build} {}", site.model.display()));
    assert_eq!(built["input"]["refused"], 0);
    let made = Release::load(&release_path(&site.path("store"))).unwrap();
    let (model, counts) = (Model::load(&site.model, Precision::Full).unwrap(), Release::load(&site.release).unwrap());
    assert_eq!(made.manifest().model.as_ref(), Some(&model.manifest().version));
    assert_eq!(made.manifest().provenance.data_window, counts.manifest().provenance.data_window);
    let mut working = Working::default();
    for length in 1..=2 {
        assert_eq!(made.table().present(length), 30_u64.pow(length as u32));
        for (history, record) in made.table().histories(length) {
            let asked = distinct(&history);
            let context = retrieved(&counts, &asked);
            let expected = model.answer(&mut working, &[Question { history: &asked, context: &context }], 5).remove(0);
            let clusters = |ranked: Vec<u32>| ranked;
            let got = clusters(record.iter().map(|(index, _)| index).collect());
            assert_eq!(got, clusters(expected.iter().map(|(index, _)| *index).collect()), "{history:?}");
        }
    }
    let popular =
        |release: &Release| release.table().get(&[]).unwrap().iter().map(|(index, _)| index).collect::<Vec<_>>();
    assert_eq!(popular(&made), popular(&counts)[..5]);
}

#[test]
fn a_build_refuses_what_does_not_belong_together() {
    let site = Site::of(log(500));
    site.infer("--out candidates");
    let clusters = fs::read_to_string(site.path("clusters.csv")).unwrap();
    let one_less = clusters.trim_end().rsplit_once('\n').unwrap().0;
    fs::write(site.path("fewer.csv"), format!("{one_less}\n")).unwrap();
    fs::create_dir(site.path("empty")).unwrap();
    let refusals = |line: &str| error(site.dir.path(), &format!("build --out store {line}"));
    for (line, expected) in [
        ("--candidates candidates --catalogue fewer.csv", "the candidates are for catalogue"),
        ("--candidates candidates --catalogue clusters.csv --depth 1", "give --depth 2"),
        ("--candidates candidates --catalogue clusters.csv --model other", "--model says other"),
        ("--candidates empty --catalogue clusters.csv", "`infer` has not finished there"),
        (
            &format!("--events events.csv --catalogue fewer.csv --model {}", site.model.display()),
            "was trained for catalogue",
        ),
    ] {
        let error = refusals(line);
        assert!(error.contains(expected), "{line}: {error}");
    }
    damage(&site.path("candidates/part-000000.parquet"));
    let error = refusals("--candidates candidates --catalogue clusters.csv");
    assert!(error.contains("part-000000.parquet is not as it was computed"), "{error}");
}

fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[100] ^= 1;
    fs::write(path, bytes).unwrap();
}
