//! `segue push`: sends a release with its model to a running service and has it serve there; what is damaged here is
//! never sent.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde::Serialize;

use super::access::AccessArgs;
use super::output::{self, OutputArgs, Report};
use super::place;
use crate::admin::client::{Client, Pushed};
use crate::model::Model;
use crate::model::engine::Precision;
use crate::model::manifest::ModelManifest;
use crate::snapshot::manifest::Version;
use crate::snapshot::pair::check_pair;
use crate::snapshot::parcel::Address;
use crate::snapshot::release::{Release, ReleaseError};

/// How the progress is drawn, on a terminal.
const PROGRESS: &str = "{msg:16} {bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}";

/// Push a release to a running service.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The release: its directory, or a store for its current one
    release: PathBuf,
    /// The release's model: its directory; by default it is looked for in the store around the release, and where it
    /// is not, the service must have it
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// The service's operator's door, such as http://127.0.0.1:9090
    #[arg(long, value_name = "URL")]
    to: String,
    #[command(flatten)]
    access: AccessArgs,
    /// Leave what serves as it is; `segue activate` on the service's store, or a later push, has the release serve
    #[arg(long)]
    no_activate: bool,
    /// Have it loaded beside what serves, with every check, instead of serving: `segue promote` has it serve
    #[arg(long, conflicts_with = "no_activate")]
    stage: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Outcome {
    release: Version,
    bytes: u64,
    /// Whether the service had the release already, so that nothing was sent.
    present: bool,
    /// The model that was sent before it; none where the release names none, or none was found here.
    model: Option<Sent>,
    /// The release that serves there now; none with `--no-activate`, which does not ask.
    serving: Option<Version>,
    /// The release that waits beside it; only with `--stage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    staged: Option<Version>,
}

/// A model that the service has now.
#[derive(Debug, Serialize)]
struct Sent {
    version: Version,
    bytes: u64,
    /// Whether the service had it already.
    present: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let client = args.access.client(&args.to)?;
    let release = Release::load(&place::find(&args.release)?)?;
    let model = load_model(&release, args.model.as_deref())?;
    let bytes = release.manifest().bytes();
    let drawn = Drawn::new(bytes + model.as_ref().map_or(0, |(_, model)| model.bytes()));
    let progress: &dyn Fn(&str, u64) = &|name, bytes| drawn.draw(name, bytes);
    // First, so that the release finds it there.
    let model = model.map(|(path, model)| push_model(&client, (&path, &model), progress)).transpose()?;
    let version = release.manifest().version.clone();
    let pushed = client.push(&Address::release(version.clone()), release.path(), progress)?;
    drawn.bar.finish_and_clear();
    let (serving, staged) = settle(args, &client, &version)?;
    let present = pushed == Pushed::Present;
    output::print(args.output, &Outcome { release: version, bytes, present, model, serving, staged })
}

/// Has the release serve, or wait, or neither; gives what does then.
fn settle(args: &Args, client: &Client, version: &Version) -> anyhow::Result<(Option<Version>, Option<Version>)> {
    Ok(match (args.no_activate, args.stage) {
        (true, _) => (None, None),
        (_, true) => (client.stage(version)?.release, Some(version.clone())),
        _ => (client.activate(version)?.release, None),
    })
}

/// The model that belongs to a release, with every check, if it is here. One that is named must be.
fn load_model(release: &Release, given: Option<&Path>) -> anyhow::Result<Option<(PathBuf, ModelManifest)>> {
    let found = place::model(release, given)?.filter(|path| given.is_some() || path.exists());
    let Some(path) = found else { return Ok(None) };
    let model = Model::load(&path, Precision::Full).map_err(ReleaseError::from)?;
    check_pair(release.manifest(), model.manifest(), model.config()).map_err(ReleaseError::from)?;
    Ok(Some((path, model.manifest().clone())))
}

fn push_model(
    client: &Client,
    (path, manifest): (&Path, &ModelManifest),
    progress: &dyn Fn(&str, u64),
) -> anyhow::Result<Sent> {
    let version = manifest.version.clone();
    let pushed = client.push(&Address::model(version.clone()), path, progress)?;
    Ok(Sent { version, bytes: manifest.bytes(), present: pushed == Pushed::Present })
}

/// The progress over all files, drawn on standard error where that is a terminal.
struct Drawn {
    bar: ProgressBar,
    /// Bytes of each file that are there or on their way.
    files: RefCell<BTreeMap<String, u64>>,
}

impl Drawn {
    fn new(bytes: u64) -> Self {
        let style = ProgressStyle::with_template(PROGRESS).expect("the template is a constant that a test parses");
        Self { bar: ProgressBar::new(bytes).with_style(style), files: RefCell::default() }
    }

    fn draw(&self, name: &str, bytes: u64) {
        let mut files = self.files.borrow_mut();
        // A file that is sent again starts anew, and so does its part of the bar.
        if files.insert(name.to_owned(), bytes).is_none() {
            self.bar.set_message(name.to_owned());
        }
        self.bar.set_position(files.values().sum());
    }
}

impl Report for Outcome {
    fn human(&self) -> String {
        let Self { release, bytes, present, model, serving, staged } = self;
        let sent = |present| if present { "was there already" } else { "sent, checked and published" };
        let model = model.as_ref().map_or_else(String::new, |Sent { version, bytes, present }| {
            format!("model {version} ({}) {}\n", HumanBytes(*bytes), sent(*present))
        });
        let served = match (serving, staged) {
            (_, Some(staged)) => format!("{staged} is staged"),
            (Some(serving), None) => format!("{serving} serves now"),
            (None, None) => "not activated".to_owned(),
        };
        format!("{model}{release} ({}) {}; {served}", HumanBytes(*bytes), sent(*present))
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
