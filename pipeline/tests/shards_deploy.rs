//! The Indexed Job in deploy/ against the program it runs: its very arguments, pod by pod, make the release that one machine makes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/site.rs"]
mod site;
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use site::Site;
use support::{json as run, release_path};

#[test]
fn the_pods_of_the_manifest_make_the_release_of_one_machine() {
    let site = Site::new();
    let (infer, build) = (job("infer.yaml"), job("build.yaml"));
    for index in 0..infer["spec"]["completions"].as_u64().unwrap() {
        // Small parts, so that there is one for each pod.
        run(site.dir.path(), &format!("{} --part-rows 8", line(&site, &infer, index)));
    }
    let built = run(site.dir.path(), &line(&site, &build, 0));
    site.infer("--out whole");
    run(site.dir.path(), "build --candidates whole --catalogue clusters.csv --out one_machine");
    let pods = site.path(built["release"]["path"].as_str().unwrap());
    let one = release_path(&site.path("one_machine"));
    for file in ["table.segue", "golden.jsonl", "catalogue.jsonl"] {
        assert_eq!(fs::read(pods.join(file)).unwrap(), fs::read(one.join(file)).unwrap(), "{file}");
    }
}

#[test]
fn each_pod_has_a_shard_a_directory_and_another_try() {
    let job = job("infer.yaml");
    let spec = &job["spec"];
    assert_eq!([&spec["completionMode"], &pod(&job)["restartPolicy"]], [&json!("Indexed"), &json!("Never")]);
    assert!(spec["backoffLimitPerIndex"].as_u64().unwrap() > 0);
    let shard = format!("--shard=$(SHARD)/{}", spec["completions"]);
    let args = args(&job);
    assert!(args.contains(&shard), "expected {shard} for so many completions, got {args:?}");
    let index = &container(&job)["env"][0];
    let annotation = "metadata.annotations['batch.kubernetes.io/job-completion-index']";
    assert_eq!([&index["name"], &index["valueFrom"]["fieldRef"]["fieldPath"]], [&json!("SHARD"), &json!(annotation)]);
    let cores = container(&job)["resources"]["requests"]["cpu"].as_str().unwrap();
    assert!(args.contains(&format!("--threads={cores}")), "a thread for each of the {cores} cores, got {args:?}");
}

#[test]
fn the_pods_can_do_little_and_have_what_their_arguments_name() {
    for file in ["infer.yaml", "build.yaml"] {
        let job = job(file);
        let allowed = &container(&job)["securityContext"];
        assert_eq!([&allowed["readOnlyRootFilesystem"], &allowed["allowPrivilegeEscalation"]], [true, false], "{file}");
        assert_eq!(
            [&allowed["capabilities"]["drop"], &pod(&job)["securityContext"]["runAsUser"]],
            [&json!(["ALL"]), &json!(65532)]
        );
        let mounts = container(&job)["volumeMounts"].as_array().unwrap();
        let mount = |path: &str| mounts.iter().find(|mount| path.starts_with(mount["mountPath"].as_str().unwrap()));
        for (flag, path) in paths(&job) {
            let mount = mount(&path).unwrap_or_else(|| panic!("{file}: nothing is mounted at {path}"));
            assert!(flag != "--out" || mount["readOnly"] != true, "{file}: {path} is written to");
            let volumes = pod(&job)["volumes"].as_array().unwrap();
            assert!(volumes.iter().any(|volume| volume["name"] == mount["name"]), "{file}: {mount} has no volume");
        }
        let stages = fs::read_to_string(root().join("Dockerfile")).unwrap();
        let image = container(&job)["image"].as_str().unwrap().split(':').next().unwrap().to_owned();
        assert!(
            stages.contains(&format!("--target pipeline --tag {image} ")),
            "{file}: the Dockerfile makes no {image}"
        );
    }
}

/// A pod's command line, with the places of the manifest moved to the test's.
fn line(site: &Site, job: &Value, index: u64) -> String {
    let version = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let (model, counts) = (site.model.display().to_string(), version(&site.release));
    let words = args(job).into_iter().map(|arg| {
        arg.replace("/var/lib/segue/models/MODEL", &model)
            .replace("COUNTS", &counts)
            .replace("/var/lib/segue", "counts")
            .replace("/var/lib/", "")
            .replace("$(SHARD)", &index.to_string())
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The flags that name a path.
fn paths(job: &Value) -> Vec<(String, String)> {
    let paths = args(job).into_iter().filter_map(|arg| {
        Some(arg.split_once('=')?)
            .filter(|(_, path)| path.starts_with('/'))
            .map(|(flag, path)| (flag.to_owned(), path.to_owned()))
    });
    paths.collect()
}

fn args(job: &Value) -> Vec<String> {
    let args = container(job)["args"].as_array().unwrap();
    args.iter().map(|arg| arg.as_str().unwrap().to_owned()).collect()
}

fn container(job: &Value) -> &Value {
    &pod(job)["containers"][0]
}

fn pod(job: &Value) -> &Value {
    &job["spec"]["template"]["spec"]
}

fn job(file: &str) -> Value {
    let text = fs::read_to_string(root().join("deploy/kubernetes/infer").join(file)).unwrap();
    let documents = serde_yaml_ng::Deserializer::from_str(&text);
    let mut documents = documents.map(|document| <Value as serde::Deserialize>::deserialize(document).unwrap());
    documents.find(|document| document["kind"] == "Job").unwrap()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
