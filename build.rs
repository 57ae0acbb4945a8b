//! Turns the wire contract under `proto/` into Rust; it must never call a program, so that no `protoc` is needed.
//!
//! The same files give the same code on every machine: paths in what it writes are relative to `proto/`.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

/// Where the contract stands; its imports are found relative to it.
const PROTO: &str = "proto";
/// Every file of the contract.
const FILES: [&str; 1] = ["segue/v1/next_clusters.proto"];
/// What reflection serves, read by `src/wire/proto.rs`.
const DESCRIPTORS: &str = "segue_descriptors.bin";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={PROTO}");
    let mut compiler = protox::Compiler::new([PROTO])?;
    // Comments become the docs of the generated types, and travel with reflection.
    compiler.include_source_info(true).include_imports(true).open_files(FILES)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join(DESCRIPTORS), compiler.encode_file_descriptor_set())?;
    let generator = tonic_prost_build::configure().codec_path("crate::wire::proto::Codec");
    generator.compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
