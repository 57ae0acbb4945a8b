//! `segue status`: what a running service serves, where every release stands and why, and how a trial goes; it must
//! never show the state of one moment as that of another.

use std::thread;
use std::time::Duration;

use serde::Serialize;

use super::output::{self, OutputArgs};
use super::remote::From;
use crate::admin::client::Client;
use crate::admin::documents::StatusBody;
use crate::admin::documents::releases::ReleasesBody;
use crate::trial::figures::TrialFigures;

mod changes;
mod human;

use changes::told;

/// Wait before a watch that broke off is begun again.
const AGAIN_WAIT: Duration = Duration::from_secs(1);

/// Show what a running service serves, and where every release stands.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    from: From,
    /// Go on with a line for each change, until interrupted; with --json, all releases after each change, a line each
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Shown {
    status: StatusBody,
    releases: ReleasesBody,
    trial: Option<TrialFigures>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let client = args.from.client()?;
    if !args.watch {
        return output::print(args.output, &shown(&client)?);
    }
    if !args.output.is_json() {
        output::print(args.output, &shown(&client)?)?;
    }
    watch(&client, args)
}

/// Tells of changes for as long as anyone listens; a service that restarts is waited for, within the client's limits.
fn watch(client: &Client, args: &Args) -> anyhow::Result<()> {
    let mut last = None;
    loop {
        for releases in client.watch()? {
            let lines = match args.output.is_json() {
                true => vec![serde_json::to_string(&releases)?],
                false => last.as_ref().map_or_else(Vec::new, |last| told(last, &releases)),
            };
            lines.iter().try_for_each(|line| output::write_line(line))?;
            last = Some(releases);
        }
        thread::sleep(AGAIN_WAIT);
    }
}

fn shown(client: &Client) -> anyhow::Result<Shown> {
    Ok(Shown { status: client.status()?, releases: client.releases()?, trial: client.trial()? })
}
