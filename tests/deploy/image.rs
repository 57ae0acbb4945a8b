//! The image: what it is built from, and what its service is told.

use std::path::Path;

use segue::config::Config;

use crate::files::{list, read, root};
use crate::kubernetes::container;

#[test]
fn the_image_asks_its_own_admin_door() {
    let admin = Config::defaults(Path::new("store")).admin.listen;
    assert!(read("Dockerfile").contains(&format!("\"health\", \"--url\", \"http://{admin}/livez\"")));
}

/// A variable wins over a file: one in the image would overrule the file that an operator mounts.
#[test]
fn a_mounted_file_decides_all_that_the_image_does() {
    let dockerfile = read("Dockerfile");
    let service = dockerfile.rsplit_once("\nFROM ").unwrap().1;
    assert!(!service.contains("SEGUE_") && !service.contains("\nENV"), "{service}");
    let mounted = list(&container()["args"]).last().unwrap().as_str().unwrap().to_owned();
    assert!(service.contains(&format!("COPY --from=source /src/deploy/config/container.toml {mounted}")), "{service}");
    assert!(service.contains(&format!("CMD [\"serve\", \"--config\", \"{mounted}\"]")), "{service}");
}

/// An image whose context lacks a file fails to build only where images are built, which is late.
#[test]
fn the_image_gets_all_that_compiling_needs() {
    let allowed = read(".dockerignore");
    let allowed: Vec<&str> = allowed.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let copied = "deploy/config/container.toml";
    for needed in [".cargo", "Cargo.lock", "Cargo.toml", "build.rs", "demo", copied, "pipeline", "proto", "src"] {
        if root().join(needed).exists() {
            assert!(allowed.contains(&needed), "compiling needs {needed}, .dockerignore does not let it through");
        }
    }
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    for member in manifest["workspace"]["members"].as_array().unwrap() {
        assert!(allowed.contains(&member.as_str().unwrap()), "the workspace member {member} is not let through");
    }
}

#[test]
fn the_image_copies_only_between_stages_that_exist() {
    let dockerfile = read("Dockerfile");
    let words = dockerfile.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let stages: Vec<String> =
        words.clone().filter_map(|line| (line.first() == Some(&"FROM")).then(|| line[3].to_owned())).collect();
    for line in words.filter(|line| line.first() == Some(&"COPY") && line[1] != ".") {
        let from = line[1].strip_prefix("--from=").expect("from the context only a whole copy is made");
        assert!(stages.iter().any(|stage| stage == from), "there is no stage {from} in {stages:?}");
    }
    assert_eq!(stages.last().map(String::as_str), Some("service"), "an image without a target must be the service");
}

#[test]
fn the_image_is_built_with_the_compiler_of_this_tree() {
    let toolchain: toml::Table = read("rust-toolchain.toml").parse().unwrap();
    let channel = toolchain["toolchain"]["channel"].as_str().unwrap();
    let (minor, _patch) = channel.rsplit_once('.').unwrap();
    assert!(read("Dockerfile").contains(&format!("FROM rust:{minor}-slim")), "expected rust {minor} in the Dockerfile");
}
