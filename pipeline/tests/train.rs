//! A log becomes a model: the same one for the same seed, on any number of threads, killed or not; and never from what does not belong together.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use segue::model::open::Opened;
use segue::snapshot::release::Release;
use serde_json::Value;
use support::{error, json, log, release_path, write};

const TINY: &str = "--hidden 16 --intermediate 24 --layers 2 --heads 2 --history-max 4 --retrieved-max 3 --epochs 2 --batch 32 \
    --validation-days 10 --test-days 10 --learning-rate 0.01";

fn train(dir: &Path, flags: &str) -> Value {
    json(dir, &line(flags))
}

/// The command with these flags, and the tiny network's where these say nothing else.
fn line(flags: &str) -> String {
    let words: Vec<&str> = TINY.split_whitespace().collect();
    let tiny = words.chunks(2).filter(|pair| !flags.split_whitespace().any(|flag| flag == pair[0]));
    let tiny: String = tiny.map(|pair| format!(" {} {}", pair[0], pair[1])).collect();
    format!("train --events events.csv --catalogue clusters.csv{tiny} {flags}")
}

/// A log of users who go round: after cluster c comes c + 1.
fn round(clusters: u32) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut rows = String::from("user,ts,cluster\n");
    for user in 0..150_u32 {
        for at in 0..6 {
            let time = u64::from(user) * 86_400 / 2 + u64::from(at) * 60;
            rows += &format!("{user},{time},{}\n", (user * 7 + at) % clusters);
        }
    }
    write(dir.path(), "events.csv", &rows);
    let clusters: String = (0..clusters).map(|id| format!("{id},\"word{id}, thing\"\n")).collect();
    write(dir.path(), "clusters.csv", &format!("cluster,name\n{clusters}"));
    dir
}

fn weights(summary: &Value, dir: &Path) -> Vec<u8> {
    std::fs::read(dir.join(summary["path"].as_str().unwrap()).join("model.safetensors")).unwrap()
}

#[test]
fn a_planted_pattern_is_learnt_and_reported() {
    let dir = round(10);
    let summary = train(dir.path(), "--out store --epochs 12 --dropout 0 --patience 12 --checkpoint-steps 1000");
    let figure = |name: &str, at: usize| {
        let rows = summary["report"]["rows"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).unwrap()["figures"][at]["measured"].as_f64().unwrap()
    };
    assert!(figure("model", 0) > 0.95, "hit@1 {}", figure("model", 0));
    assert!(figure("popularity", 0) < 0.5, "hit@1 {}", figure("popularity", 0));
    let model = Opened::open(&dir.path().join(summary["path"].as_str().unwrap())).unwrap().verify().unwrap();
    assert_eq!(model.manifest.figures["test_hit_1"], figure("model", 0));
    assert_eq!(model.manifest.provenance.settings["epochs"], "12");
    let run = dir.path().join("store/training");
    let curve = std::fs::read_to_string(run.join("loss.svg")).unwrap();
    assert!(curve.starts_with("<svg") && curve.contains("validation"), "{curve}");
    let journal = std::fs::read_to_string(run.join("steps.jsonl")).unwrap();
    let losses: Vec<f64> =
        journal.lines().filter_map(|line| serde_json::from_str::<Value>(line).unwrap()["loss"].as_f64()).collect();
    assert!(losses.last().unwrap() * 3.0 < losses[0], "{losses:?}");
    assert!(!run.join("checkpoint.safetensors").exists());
    assert!(run.join("report.json").exists());
}

#[test]
fn the_same_seed_gives_the_same_model_on_any_number_of_threads() {
    let dir = log(2_000);
    let models = [("1", 1), ("3", 1), ("1", 2)].map(|(threads, seed)| {
        let out = format!("store_{threads}_{seed}");
        let summary = train(dir.path(), &format!("--out {out} --threads {threads} --seed {seed} --dropout 0.2"));
        (summary["model"].as_str().unwrap().to_owned(), weights(&summary, dir.path()))
    });
    assert_eq!(models[0], models[1]);
    assert_ne!(models[0].1, models[2].1);
}

#[test]
fn a_killed_training_resumes_to_the_same_model() {
    let dir = log(2_000);
    let whole = train(dir.path(), "--out whole --checkpoint-steps 7");
    let command = line("--out killed --checkpoint-steps 7");
    let mut child = Command::new(env!("CARGO_BIN_EXE_segue-pipeline"))
        .current_dir(dir.path())
        .args(command.split_whitespace())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let second = lines.map(Result::unwrap).filter(|line| line.starts_with("checkpoint")).nth(1);
    assert!(second.is_some_and(|line| line.starts_with("checkpoint at step 14 of")));
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    assert!(!dir.path().join("killed/models").exists(), "it was done before it could be killed");
    let said = error(dir.path(), &line("--out killed --resume --seed 9"));
    assert!(said.contains("of another run: seed is \"1\" in it and \"9\" now"), "{said}");
    let resumed = train(dir.path(), "--out killed --checkpoint-steps 7 --resume --threads 2");
    assert_eq!(whole["model"], resumed["model"]);
    let journal = |out: &str| std::fs::read_to_string(dir.path().join(out).join("training/steps.jsonl")).unwrap();
    assert_eq!(journal("whole"), journal("killed"));
}

#[test]
fn it_stops_when_it_no_longer_gets_better() {
    let dir = log(2_000);
    let summary = train(dir.path(), "--out store --epochs 40 --patience 2 --learning-rate 0.05 --test-days 0");
    let (epochs, best) = (summary["epochs"].as_u64().unwrap(), summary["best_epoch"].as_u64().unwrap());
    assert!(epochs < 40 && epochs == best + 2, "{epochs} {best}");
    assert_eq!(summary["report"], Value::Null);
}

#[test]
fn last_months_weights_are_the_start_for_this_months_clusters() {
    let dir = round(10);
    json(dir.path(), "build --events events.csv --catalogue clusters.csv --out store --version old");
    let old = train(dir.path(), "--out store --version old");
    let release = Release::load(&release_path(&dir.path().join("store"))).unwrap();
    assert_eq!(old["catalogue"], release.manifest().catalogue.to_string());
    let clusters = std::fs::read_to_string(dir.path().join("clusters.csv")).unwrap();
    write(dir.path(), "clusters.csv", &format!("{}77,\"word3, new\"\n", clusters.replace("4,\"word4, thing\"\n", "")));
    let tiny_step = TINY.replace("--hidden 16 --intermediate 24 --layers 2 --heads 2", "").replace("0.01", "1e-9");
    let flags = format!("train --events events.csv --catalogue clusters.csv {tiny_step} --init store/models/old");
    let new = json(dir.path(), &format!("{flags} --out store --version new"));
    let open = |summary: &Value| {
        let path: PathBuf = dir.path().join(summary["path"].as_str().unwrap());
        Opened::open(&path).unwrap().verify().unwrap()
    };
    let (old, new) = (open(&old), open(&new));
    assert_eq!(new.manifest.parent.as_ref().map(ToString::to_string).as_deref(), Some("old"));
    let rows =
        |model: &segue::model::open::Verified| model.weights["model.embed_tokens.weight"].to_vec2::<f32>().unwrap();
    let (old, new) = (rows(&old), rows(&new));
    let distance = |left: &[f32], right: &[f32]| {
        left.iter().zip(right).map(|(one, other)| (one - other).powi(2)).sum::<f32>().sqrt()
    };
    let specials = segue::model::prompt::TOKEN_CLUSTER as usize;
    // Cluster 5 was the sixth and is the fifth now.
    assert!(distance(&new[specials + 4], &old[specials + 5]) < 1e-4);
    assert!(distance(&new[0], &old[0]) < 1e-4);
    let of_new = new.last().unwrap();
    assert!(distance(of_new, &old[specials + 3]) < distance(of_new, &old[specials + 8]));
}

#[test]
fn what_cannot_be_trained_says_why() {
    let dir = log(2_000);
    let cases = [
        ("--out store --test-days 4000", "no example of"),
        ("--out store --heads 3", "do not divide into 3 heads"),
        ("--out store --dropout 1", "a share from 0 to below 1"),
        ("--out store --init missing", "cannot be used with"),
        ("--out store --version ../up", "no version name"),
    ];
    for (flags, expected) in cases {
        let said = error(dir.path(), &line(flags));
        assert!(said.contains(expected), "{flags}: {said}");
    }
    let missing = TINY.replace("--hidden 16 --intermediate 24 --layers 2 --heads 2", "--init nowhere/models/x");
    let said = error(dir.path(), &format!("train --events events.csv --catalogue clusters.csv {missing} --out store"));
    assert!(said.contains("--init nowhere/models/x") && said.contains("manifest.json is missing"), "{said}");
    assert!(!dir.path().join("store/models").exists());
}
