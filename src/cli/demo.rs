//! `segue demo`: the release that this program carries, served by the usual service from a store of its own.
//!
//! Nothing of it is special: the release and its model are published, activated, verified and swapped in as any other. It must leave
//! nothing behind, and never read or write a store of the operator's.

use std::fs::File;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context, bail};
use indicatif::HumanCount;
use tempfile::TempDir;

use super::output;
use crate::admin::AdminStartError;
use crate::config::{Config, ConfigArgs, Settings, Sources};
use crate::model::manifest::{CONFIG, LOGITS, ModelManifest, WEIGHTS};
use crate::model::write::publish_model;
use crate::serve::{self, Addresses, ServeError, Service};
use crate::snapshot::manifest::{CATALOGUE, GOLDEN, MANIFEST, Manifest, TABLE};
use crate::snapshot::publish;
use crate::snapshot::store::Store;
use crate::trace;

/// The release's files, the manifest last as in every release.
const FILES: [(&str, &[u8]); 4] = [
    (TABLE, include_bytes!("../../demo/release/table.segue")),
    (CATALOGUE, include_bytes!("../../demo/release/catalogue.jsonl")),
    (GOLDEN, include_bytes!("../../demo/release/golden.jsonl")),
    (MANIFEST, include_bytes!("../../demo/release/manifest.json")),
];

/// The files of the model that the release names, the manifest last.
const MODEL_FILES: [(&str, &[u8]); 4] = [
    (CONFIG, include_bytes!("../../demo/model/config.json")),
    (WEIGHTS, include_bytes!("../../demo/model/model.safetensors")),
    (LOGITS, include_bytes!("../../demo/model/golden.json")),
    (MANIFEST, include_bytes!("../../demo/model/manifest.json")),
];

/// Weaker than a file, a variable or a flag. Nobody balances load over a demo, so a stop waits for nothing; the log
/// keeps out of the way of what is shown. The store's place is known only later.
const DEFAULTS: &str = "drain = { lame_duck_ms = 0, grace_ms = 1000 }\nlog.level = \"warn\"\nrelease.dir = \".\"\n";

/// Serve the release that this program carries.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let mut config = configure(&args.config)?;
    let _logging = trace::start(config.log.format, config.log.level)?;
    // Removed when dropped, which is when the service has stopped.
    let dir = TempDir::with_prefix("segue-demo-").context("the demo's release has no place to be unpacked to")?;
    let manifest = unpack(dir.path())?;
    config.release.dir = dir.path().to_owned();
    let shown = |service: &Service| {
        await_release(service)?;
        output::write_line(&describe(service.addresses(), &manifest))
    };
    serve::run_then(&config, shown).map_err(hint_at_ports)
}

fn configure(args: &ConfigArgs) -> anyhow::Result<Config> {
    let sources = Sources::default().with_text(Path::new("the demo's defaults"), DEFAULTS).with_process(args);
    Ok(Settings::resolve(sources).into_config()?)
}

/// Names the flags where a port is taken, as the usual ones may well be on the machine of whoever tries things out.
fn hint_at_ports(error: anyhow::Error) -> anyhow::Error {
    let door = match error.downcast_ref() {
        Some(ServeError::Bind { door, .. }) => *door,
        Some(ServeError::Admin(AdminStartError::Bind { .. })) => "admin",
        _ => return error,
    };
    error.context(format!("the demo cannot start; `--{door}-listen 127.0.0.1:0` takes any free port"))
}

/// Publishes the release and its model in a store at `dir` and points the store at it.
fn unpack(dir: &Path) -> anyhow::Result<Manifest> {
    let store = Store::open(dir);
    let partial = unpack_files(&store.models_dir(), &MODEL_FILES)?;
    let [.., (_, manifest)] = MODEL_FILES;
    publish_model(&store, partial, ModelManifest::from_json(manifest)?)?;
    let partial = unpack_files(&store.releases_dir(), &FILES)?;
    let [.., (_, manifest)] = FILES;
    let published = publish::publish(&store, partial, Manifest::from_json(manifest)?)?;
    store.activate(&published.manifest.version)?;
    Ok(published.manifest)
}

/// Writes files to a hidden directory where they can be published.
fn unpack_files(home: &Path, files: &[(&str, &[u8])]) -> io::Result<TempDir> {
    let partial = publish::start_in(home)?;
    for (name, bytes) in files {
        write_synced(&partial.path().join(name), bytes)?;
    }
    Ok(partial)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Waits until the release serves, so that what is shown works at once.
fn await_release(service: &Service) -> anyhow::Result<()> {
    match service.reloader().request().blocking_recv()?.failure() {
        None => Ok(()),
        Some(failure) => bail!("the demo's release was refused: {}", failure.text),
    }
}

/// What a newcomer needs: where to ask, what answers, and four questions to paste: the last is about a pair of clusters that
/// no customer had, which the model answers.
fn describe(addresses: Addresses, manifest: &Manifest) -> String {
    let [http, grpc, admin] = [addresses.http, addresses.grpc, addresses.admin].map(reachable);
    let histories: u64 = manifest.table.levels.iter().map(|level| level.present).sum();
    let (clusters, histories) = (HumanCount(manifest.table.clusters.into()), HumanCount(histories));
    let (depth, version) = (manifest.table.depth, &manifest.version);
    let citation = manifest.provenance.citation.as_deref().unwrap_or("none");
    let post = format!("curl -s http://{http}/next-clusters -H 'content-type: application/json' -d");
    let batch = format!("curl -s http://{http}/next-clusters/batch -H 'content-type: application/json' -d");
    format!(
        "Segue serves its demo release. Ctrl-C stops it.

  HTTP   http://{http}
  gRPC   {grpc}
  admin  http://{admin}/ shows it in a browser

  release    {version}: purchases in a UK gift web shop, 2010 to 2011
  histories  {histories} of up to {depth} clusters, out of {clusters} clusters of products; a small model answers all others
  citation   {citation}

Try it:

{post} '{{\"history\":[25,8],\"limit\":5,\"names\":true}}'
curl -s 'http://{http}/next-clusters?history=25,8&limit=5&exclude_history=true'
{batch} '{{\"requests\":[{{\"history\":[25,8]}},{{\"history\":[8]}},{{\"history\":[]}}]}}'
{post} '{{\"history\":[12,88],\"limit\":5,\"names\":true}}'"
    )
}

/// An address to ask at: one that stands for every interface names none.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::{FILES, MANIFEST, MODEL_FILES, Manifest};
    use crate::model::manifest::ModelManifest;

    /// A release that names a model is refused without it.
    #[test]
    fn the_model_is_the_one_that_the_release_names() {
        let ([.., (name, release)], [.., (model_name, model)]) = (FILES, MODEL_FILES);
        assert_eq!((name, model_name), (MANIFEST, MANIFEST));
        let release = Manifest::from_json(release).expect("a manifest");
        let model = ModelManifest::from_json(model).expect("a manifest");
        assert_eq!((release.model, release.catalogue), (Some(model.version), model.catalogue));
    }
}
