//! Turns the wire contract under `proto/` into Rust; it must never call a program, so that no `protoc` is needed.
//!
//! The same files give the same code on every machine: paths in what it writes are relative to `proto/`.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use protox::Compiler;

/// Where the contract stands; its imports are found relative to it.
const PROTO: &str = "proto";
/// Every file of the contract, with what reflection serves of it: each port tells of its own calls only.
const FILES: [(&str, &str); 2] = [
    ("segue/v1/next_clusters.proto", "next_clusters_descriptors.bin"),
    ("segue/v1/snapshots.proto", "snapshots_descriptors.bin"),
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={PROTO}");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for (file, descriptors) in FILES {
        fs::write(out.join(descriptors), compiled(&[file])?.encode_file_descriptor_set())?;
    }
    let generator = tonic_prost_build::configure().codec_path("crate::wire::proto::Codec");
    generator.compile_fds(compiled(&FILES.map(|(file, _)| file))?.file_descriptor_set())?;
    Ok(())
}

/// Reads files with their comments, which become the docs of the generated types and travel with reflection.
fn compiled(files: &[&str]) -> Result<Compiler, protox::Error> {
    let mut compiler = Compiler::new([PROTO])?;
    compiler.include_source_info(true).include_imports(true).open_files(files)?;
    Ok(compiler)
}
