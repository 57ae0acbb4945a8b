//! `segue status`: what a running service serves, where every release stands and why, and how a trial goes; it must
//! never show the state of one moment as that of another.

use std::thread;
use std::time::Duration;

use serde::Serialize;

use super::output::{self, OutputArgs, Report};
use super::remote::From;
use crate::admin::client::{Client, ClientError, Watch};
use crate::admin::documents::StatusBody;
use crate::admin::documents::releases::ReleasesBody;
use crate::trial::figures::TrialFigures;

mod changes;
mod human;

use changes::told;

/// Where a release stands that lies in the store, and that the service did nothing with since it started.
const STORED: &str = "stored";
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
    if args.watch {
        watch(&client, args.output)
    } else {
        output::print(args.output, &shown(&client, client.releases()?)?)
    }
}

/// Tells of changes for as long as anyone listens; a service that restarts is waited for.
fn watch(client: &Client, form: OutputArgs) -> anyhow::Result<()> {
    let (mut last, mut changes) = (None, client.watch()?);
    loop {
        for releases in changes {
            for line in lines(client, form, (last.as_ref(), &releases))? {
                if output::write_open(&line)?.is_break() {
                    return Ok(());
                }
            }
            last = Some(releases);
        }
        eprintln!("the service left off; waiting for it");
        changes = again(client)?;
    }
}

/// What is told of a moment: to people all there is to say of the first, and of a later one what changed since.
fn lines(
    client: &Client,
    form: OutputArgs,
    (last, now): (Option<&ReleasesBody>, &ReleasesBody),
) -> anyhow::Result<Vec<String>> {
    Ok(match last {
        _ if form.is_json() => vec![serde_json::to_string(now)?],
        None => vec![shown(client, now.clone())?.human()],
        Some(last) => told(last, now),
    })
}

/// Waits until the service answers again; whatever else it says ends the watch.
fn again(client: &Client) -> Result<Watch, ClientError> {
    loop {
        thread::sleep(AGAIN_WAIT);
        match client.watch() {
            Err(ClientError::Unreachable { .. } | ClientError::Silent { .. }) => {}
            other => return other,
        }
    }
}

fn shown(client: &Client, releases: ReleasesBody) -> anyhow::Result<Shown> {
    Ok(Shown { status: client.status()?, releases, trial: client.trial()? })
}
