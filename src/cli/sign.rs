//! `segue keygen` and `segue sign`: who made a release, in a form that a service can demand. No command may ever print a
//! private key, and nothing damaged is signed.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use super::output::{self, OutputArgs, Report};
use super::place;
use crate::model::Model;
use crate::model::engine::Precision;
use crate::snapshot::manifest::{MANIFEST, SIGNATURE};
use crate::snapshot::release::{Release, ReleaseError};
use crate::snapshot::signature::SigningKey;

/// Make a pair of keys.
#[derive(Debug, clap::Args)]
pub(super) struct KeygenArgs {
    /// Where to: NAME.key, which signs and must stay secret, and NAME.pub, which services check with
    name: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

/// Sign a release and its model.
#[derive(Debug, clap::Args)]
pub(super) struct SignArgs {
    /// The release: its directory, or a store for its current one; or the directory of a model
    release: PathBuf,
    /// The private key, as `segue keygen` writes it
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The release's model: its directory; by default it is looked for in the store around the release, and signed where it
    /// is there
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

/// What `keygen --json` prints.
#[derive(Debug, Serialize)]
struct Generated {
    key: String,
    private: PathBuf,
    public: PathBuf,
}

/// What `sign --json` prints.
#[derive(Debug, Serialize)]
struct Signed {
    key: String,
    /// The signatures written.
    signatures: Vec<PathBuf>,
}

pub(super) fn keygen(args: &KeygenArgs) -> anyhow::Result<()> {
    let (key, secret) = SigningKey::generate()?;
    let [private, public] = ["key", "pub"].map(|extension| with_extension(&args.name, extension));
    write_new(secretly(&mut OpenOptions::new()), &private, &secret)?;
    write_new(&mut OpenOptions::new(), &public, &key.public().to_pem())?;
    output::print(args.output, &Generated { key: key.public().to_string(), private, public })
}

pub(super) fn sign(args: &SignArgs) -> anyhow::Result<()> {
    let key = SigningKey::read(&args.key)?;
    let signed = targets(args)?.iter().map(|dir| sign_manifest(&key, dir)).collect::<anyhow::Result<_>>()?;
    output::print(args.output, &Signed { key: key.public().to_string(), signatures: signed })
}

/// The directories whose manifests are to be signed, after every check of what lies there.
fn targets(args: &SignArgs) -> anyhow::Result<Vec<PathBuf>> {
    let path = place::find(&args.release)?;
    if place::is_model(&path) {
        Model::load(&path, Precision::Full).map_err(ReleaseError::from)?;
        return Ok(vec![path]);
    }
    let release = Release::load(&path)?;
    let model = place::model(&release, args.model.as_deref())?.filter(|dir| args.model.is_some() || dir.exists());
    if let Some(model) = &model {
        release.with_model(Model::load(model, Precision::Full).map_err(ReleaseError::from)?.into())?;
    }
    Ok([path].into_iter().chain(model).collect())
}

fn sign_manifest(key: &SigningKey, dir: &Path) -> anyhow::Result<PathBuf> {
    let manifest = dir.join(MANIFEST);
    let bytes = fs::read(&manifest).with_context(|| format!("{} cannot be read", manifest.display()))?;
    let signature = key.sign(&bytes);
    signature.write(dir).with_context(|| format!("{} cannot be signed", dir.display()))?;
    Ok(dir.join(SIGNATURE))
}

/// `NAME.key`, whatever dots the name has.
fn with_extension(name: &Path, extension: &str) -> PathBuf {
    let mut path = name.as_os_str().to_owned();
    path.push(".");
    path.push(extension);
    path.into()
}

/// Never over another key.
fn write_new(options: &mut OpenOptions, path: &Path, text: &str) -> anyhow::Result<()> {
    let write = |mut file: File| file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let written = options.write(true).create_new(true).open(path).and_then(write);
    written.with_context(|| format!("{} cannot be written; a key is never written over", path.display()))
}

/// Only for its owner to read.
#[cfg(unix)]
fn secretly(options: &mut OpenOptions) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

#[cfg(not(unix))]
fn secretly(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

impl Report for Generated {
    fn human(&self) -> String {
        let Self { key, private, public } = self;
        format!(
            "key {key}\nprivate  {}  (sign with it, and keep it secret)\npublic   {}  (name it in `gates.signature_keys`)",
            private.display(),
            public.display()
        )
    }
}

impl Report for Signed {
    fn human(&self) -> String {
        let paths = self.signatures.iter().map(|path| format!("\n{}", path.display()));
        format!("signed by key {}{}", self.key, paths.collect::<String>())
    }
}
