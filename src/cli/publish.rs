//! `segue publish`: puts a release and its model where services pull from, and points a channel at it; what is damaged
//! here is never published, and of two who publish at once one wins.

use std::path::{Path, PathBuf};

use anyhow::Context;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde::Serialize;

use super::output::{self, OutputArgs, Report};
use super::place;
use crate::depot::{Channel, Depot, Pointed, Put};
use crate::model::Model;
use crate::model::engine::Precision;
use crate::snapshot::manifest::Version;
use crate::snapshot::pair::check_pair;
use crate::snapshot::parcel::Address;
use crate::snapshot::release::{Release, ReleaseError};

/// How the progress is drawn, on a terminal.
const PROGRESS: &str = "{msg:16} {bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}";

/// Publish a release where services pull from.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The release: its directory, or a store for its current one
    #[arg(required_unless_present = "published", conflicts_with = "published")]
    release: Option<PathBuf>,
    /// Instead, a release that is published there already: only the channel moves, as for going back
    #[arg(long, value_name = "VERSION", requires = "channel")]
    published: Option<Version>,
    /// The release's model: its directory; by default it is looked for in the store around the release
    #[arg(long, value_name = "DIR", conflicts_with = "published")]
    model: Option<PathBuf>,
    /// Where services pull from: a directory, or a URL such as s3://bucket/prefix, with the object store's own variables
    /// for credentials and endpoint
    #[arg(long, value_name = "PLACE")]
    to: String,
    /// The channel to point at the release; without one it only lies there
    #[arg(long, value_name = "NAME")]
    channel: Option<Version>,
    #[command(flatten)]
    output: OutputArgs,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Outcome {
    release: Version,
    /// Bytes of the release's files and its model's that were not there before.
    bytes: u64,
    /// The channel that names it now.
    channel: Option<Version>,
    /// What the channel named before.
    before: Option<Version>,
}

/// A release or a model that lies here, with every check passed.
struct Ready {
    address: Address,
    dir: PathBuf,
    bytes: u64,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let depot = Depot::open(&args.to)?;
    // Read first: whoever moves the channel while this puts files was faster, and wins.
    let pointed = args.channel.as_ref().map(|name| depot.channel(name)).transpose()?.unwrap_or_default();
    let before = pointed.release().cloned();
    let (release, bytes) = match (&args.published, &args.release) {
        (Some(published), _) => (published.clone(), 0),
        (None, Some(release)) => put(&depot, release, args.model.as_deref())?,
        (None, None) => anyhow::bail!("name the release's directory, or one that is published with --published"),
    };
    if let Some(name) = &args.channel {
        point(&depot, name, &pointed, &release)?;
    }
    output::print(args.output, &Outcome { release, bytes, channel: args.channel.clone(), before })
}

/// Puts a release and its model; gives its name and the bytes that were new.
fn put(depot: &Depot, release: &Path, model: Option<&Path>) -> anyhow::Result<(Version, u64)> {
    let release = Release::load(&place::find(release)?)?;
    let version = release.manifest().version.clone();
    let ready = Ready {
        address: Address::release(version.clone()),
        dir: release.path().to_owned(),
        bytes: release.manifest().bytes(),
    };
    // The model first, so that whoever finds the release finds it.
    let all: Vec<_> = ready_model(depot, &release, model)?.into_iter().chain([ready]).collect();
    let style = ProgressStyle::with_template(PROGRESS).expect("the template is a constant that a test parses");
    let bar = ProgressBar::new(all.iter().map(|ready| ready.bytes).sum()).with_style(style);
    let mut bytes = 0;
    for Ready { address, dir, .. } in &all {
        bar.set_message(address.to_string());
        let put: Put = depot.put(address, dir, &|moved| bar.inc(moved))?;
        bytes += if put.new { put.bytes } else { 0 };
    }
    bar.finish_and_clear();
    Ok((version, bytes))
}

/// The model that belongs to a release, with every check; one that is not here must be published already.
fn ready_model(depot: &Depot, release: &Release, given: Option<&Path>) -> anyhow::Result<Option<Ready>> {
    let Some(version) = &release.manifest().model else { return Ok(None) };
    let address = Address::model(version.clone());
    let found = place::model(release, given)?.filter(|path| given.is_some() || path.exists());
    let Some(dir) = found else {
        depot
            .papers(&address)?
            .with_context(|| format!("{address} is neither here nor published; name it by --model"))?;
        return Ok(None);
    };
    let model = Model::load(&dir, Precision::Full).map_err(ReleaseError::from)?;
    check_pair(release.manifest(), model.manifest(), model.config()).map_err(ReleaseError::from)?;
    Ok(Some(Ready { address, dir, bytes: model.manifest().bytes() }))
}

/// Points a channel at a release, unless it does already, or was moved meanwhile.
fn point(depot: &Depot, name: &Version, from: &Pointed, release: &Version) -> anyhow::Result<()> {
    let unchanged = from.channel.as_ref().filter(|channel| channel.release == *release);
    let previous = unchanged.map_or_else(|| from.release().cloned(), |channel| channel.previous.clone());
    let to: Channel = depot.channel_at(release, previous)?;
    if from.channel.as_ref() != Some(&to) {
        depot.point(name, from, &to)?;
    }
    Ok(())
}

impl Report for Outcome {
    fn human(&self) -> String {
        let Self { release, bytes, channel, before } = self;
        let put = if *bytes == 0 { "was there already".to_owned() } else { format!("{} put", HumanBytes(*bytes)) };
        match (channel, before) {
            (None, _) => format!("{release}: {put}; no channel names it"),
            (Some(channel), Some(before)) if before == release => {
                format!("{release}: {put}; {channel} named it already")
            }
            (Some(channel), Some(before)) => {
                format!("{release}: {put}; {channel} names it now, and named {before} before")
            }
            (Some(channel), None) => format!("{release}: {put}; {channel} names it now"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PROGRESS, ProgressStyle};

    #[test]
    fn the_template_is_one() {
        assert!(ProgressStyle::with_template(PROGRESS).is_ok());
    }
}
