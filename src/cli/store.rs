//! `segue releases` and `segue activate`: what a store holds, and which release it points at; they must never touch a
//! release's own files.

use std::path::PathBuf;

use anyhow::ensure;
use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;

use super::access::AccessArgs;
use super::change;
use super::output::{self, Column, OutputArgs, Report, table, time};
use crate::snapshot::manifest::{MANIFEST, Manifest, Version};
use crate::snapshot::release::read_manifest;
use crate::snapshot::store::{State, Store};

/// List the releases of a store.
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// The store: the directory that holds releases/ and state.json
    #[arg(long)]
    dir: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

/// Point a store at one of its releases.
#[derive(Debug, clap::Args)]
pub(super) struct ActivateArgs {
    /// The release to serve; the previous one is the way back
    version: Version,
    /// The store: the directory that holds releases/ and state.json
    #[arg(long, required_unless_present = "to", conflicts_with = "to")]
    dir: Option<PathBuf>,
    /// The operator's door of a running service, such as http://127.0.0.1:9090, which serves it when this returns
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What `releases --json` prints.
#[derive(Debug, Serialize)]
struct Listing {
    #[serde(flatten)]
    state: State,
    releases: Vec<Entry>,
}

/// A release of the store, complete or not.
#[derive(Debug, Serialize)]
struct Entry {
    version: Version,
    created_unix_s: Option<u64>,
    histories: u64,
    bytes: u64,
    /// Why it cannot serve, as far as its manifest tells.
    problem: Option<String>,
}

/// What `activate --json` prints.
#[derive(Debug, Serialize)]
struct Activated(State);

pub(super) fn list(args: &ListArgs) -> anyhow::Result<()> {
    ensure!(args.dir.is_dir(), "{} is no directory; expected a store", args.dir.display());
    let store = Store::open(&args.dir);
    let releases = store.versions()?.into_iter().map(|version| Entry::of(&store, version)).collect();
    output::print(args.output, &Listing { state: store.state()?, releases })
}

pub(super) fn activate(args: &ActivateArgs) -> anyhow::Result<()> {
    match (&args.dir, &args.to) {
        (Some(dir), _) => output::print(args.output, &Activated(Store::open(dir).activate(&args.version)?)),
        (None, Some(url)) => change::activate(&args.access.client(url)?, &args.version, args.output),
        (None, None) => unreachable!("clap requires one of the two"),
    }
}

impl Entry {
    fn of(store: &Store, version: Version) -> Self {
        match read_manifest(&store.release_path(&version)) {
            Ok(manifest) => Self { problem: lacks(store, &manifest), ..Self::complete(version, &manifest) },
            Err(error) => {
                let problem = Some(error.to_string());
                Self { version, created_unix_s: None, histories: 0, bytes: 0, problem }
            }
        }
    }

    fn complete(version: Version, manifest: &Manifest) -> Self {
        let histories = manifest.table.levels.iter().map(|level| level.present).sum();
        let created_unix_s = manifest.created_unix_s;
        Self { version, created_unix_s, histories, bytes: manifest.bytes(), problem: None }
    }

    fn cells(&self, state: &State) -> [String; 5] {
        let created = self.created_unix_s.map(time).unwrap_or_default();
        let (histories, bytes) = (HumanCount(self.histories).to_string(), HumanBytes(self.bytes).to_string());
        [self.version.to_string(), created, histories, bytes, self.standing(state)]
    }

    fn standing(&self, state: &State) -> String {
        if let Some(problem) = &self.problem {
            return problem.clone();
        }
        let is = |pointer: &Option<Version>| pointer.as_ref() == Some(&self.version);
        let words = [
            ("current", is(&state.current)),
            ("pinned", is(&state.pinned)),
            ("previous", is(&state.previous)),
            ("staged", is(&state.staged)),
            ("declined", is(&state.declined)),
            ("quarantined", state.quarantined.contains_key(&self.version)),
            ("retired", state.retired.contains(&self.version)),
        ];
        words.into_iter().filter(|(_, stands)| *stands).map(|(word, _)| word).collect::<Vec<_>>().join(", ")
    }
}

/// The model that a release names and its store lacks.
fn lacks(store: &Store, release: &Manifest) -> Option<String> {
    let model = release.model.as_ref().filter(|model| !store.model_path(model).join(MANIFEST).exists())?;
    Some(format!("model {model} is missing"))
}

impl Report for Listing {
    fn human(&self) -> String {
        use Column::{Number, Text};
        let mut table =
            table(&[Text("release"), Text("created"), Number("histories"), Number("bytes"), Text("standing")]);
        table.add_rows(self.releases.iter().map(|entry| entry.cells(&self.state)));
        if self.releases.is_empty() { "the store holds no releases".to_owned() } else { table.to_string() }
    }
}

impl Report for Activated {
    fn human(&self) -> String {
        let name = |version: &Option<Version>| version.as_ref().map_or_else(|| "none".to_owned(), Version::to_string);
        format!("current   {}\nprevious  {}", name(&self.0.current), name(&self.0.previous))
    }
}
