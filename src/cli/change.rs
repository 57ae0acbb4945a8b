//! The commands that change what a running service serves: each is one call of its operator's door, and prints what is
//! so after it; none may say that something was done before the service has said so.

use anyhow::Context;

use super::output::{self, OutputArgs, Report, percent};
use super::remote::To;
use crate::admin::client::Client;
use crate::admin::documents::changes::{ChangedBody, PositionsBody};
use crate::admin::documents::releases::ReleasesBody;
use crate::snapshot::live::Share;
use crate::snapshot::manifest::Version;

/// Where a change is made, and how its result is printed.
#[derive(Debug, clap::Args)]
struct At {
    #[command(flatten)]
    to: To,
    #[command(flatten)]
    output: OutputArgs,
}

/// Load a release beside what serves.
#[derive(Debug, clap::Args)]
pub(super) struct StageArgs {
    /// The release, which the service's store must have
    version: Version,
    #[command(flatten)]
    at: At,
}

/// Have the staged release serve.
#[derive(Debug, clap::Args)]
pub(super) struct PromoteArgs {
    /// The staged release; by default whichever is staged
    version: Option<Version>,
    #[command(flatten)]
    at: At,
}

/// Go back to the release before.
#[derive(Debug, clap::Args)]
pub(super) struct RollbackArgs {
    /// The release to go back from; where another one serves by now, nothing is done [default: whichever serves]
    #[arg(long, value_name = "VERSION")]
    away_from: Option<Version>,
    #[command(flatten)]
    at: At,
}

/// Hold the service at the release that serves.
#[derive(Debug, clap::Args)]
pub(super) struct PinArgs {
    /// The release, which must serve; by default whichever does
    version: Option<Version>,
    #[command(flatten)]
    at: At,
}

/// End a pin.
#[derive(Debug, clap::Args)]
pub(super) struct UnpinArgs {
    #[command(flatten)]
    at: At,
}

/// Bar a release for good.
#[derive(Debug, clap::Args)]
pub(super) struct QuarantineArgs {
    /// The release
    version: Version,
    /// Why, for whoever wonders later
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    at: At,
}

/// Set the share of a trial.
#[derive(Debug, clap::Args)]
pub(super) struct ShareArgs {
    /// How much, such as 5% or 0.05; 0 ends it
    share: Share,
    /// The staged release; by default whichever is staged
    #[arg(long, value_name = "VERSION")]
    release: Option<Version>,
    #[command(flatten)]
    at: At,
}

/// What may change, in the order that it is told.
const WORDS: [&str; 6] = ["serving", "previous", "staged", "pinned", "shadow", "canary"];

pub(super) fn stage(args: &StageArgs) -> anyhow::Result<()> {
    args.at.change(|client| Ok(client.stage(&args.version)?))
}

pub(super) fn promote(args: &PromoteArgs) -> anyhow::Result<()> {
    args.at.change(|client| Ok(client.promote(&staged(client, args.version.as_ref())?)?))
}

pub(super) fn rollback(args: &RollbackArgs) -> anyhow::Result<()> {
    args.at.change(|client| Ok(client.rollback(&serving(client, args.away_from.as_ref())?)?))
}

pub(super) fn pin(args: &PinArgs) -> anyhow::Result<()> {
    args.at.change(|client| Ok(client.pin(&serving(client, args.version.as_ref())?)?))
}

pub(super) fn unpin(args: &UnpinArgs) -> anyhow::Result<()> {
    args.at.change(|client| Ok(client.unpin()?))
}

pub(super) fn quarantine(args: &QuarantineArgs) -> anyhow::Result<()> {
    args.at.change(|client| Ok(client.quarantine(&args.version, &args.reason)?))
}

pub(super) fn shadow(args: &ShareArgs) -> anyhow::Result<()> {
    args.at.change(|client| Ok(client.shadow(&staged(client, args.release.as_ref())?, args.share)?))
}

pub(super) fn canary(args: &ShareArgs) -> anyhow::Result<()> {
    args.at.change(|client| Ok(client.canary(&staged(client, args.release.as_ref())?, args.share)?))
}

/// Has a release of a running service's store serve there.
pub(super) fn activate(client: &Client, version: &Version, form: OutputArgs) -> anyhow::Result<()> {
    output::print(form, &client.activate(version)?)
}

impl At {
    fn change(&self, change: impl FnOnce(&Client) -> anyhow::Result<ChangedBody>) -> anyhow::Result<()> {
        output::print(self.output, &change(&self.to.client()?)?)
    }
}

/// The release that is meant by what is staged.
fn staged(client: &Client, given: Option<&Version>) -> anyhow::Result<Version> {
    let found = |releases: ReleasesBody| releases.pointers.staged;
    named(client, given, found)?.context("no release is staged there; `segue stage VERSION` does it")
}

/// The release that is meant by what serves. It travels with the call, so that a call which is sent twice, or by two
/// operators at once, does no more than one.
fn serving(client: &Client, given: Option<&Version>) -> anyhow::Result<Version> {
    named(client, given, |releases| releases.serving)?
        .context("no release serves there; `segue activate VERSION` helps")
}

fn named(
    client: &Client,
    given: Option<&Version>,
    found: impl FnOnce(ReleasesBody) -> Option<Version>,
) -> anyhow::Result<Option<Version>> {
    match given {
        Some(given) => Ok(Some(given.clone())),
        None => Ok(found(client.releases()?)),
    }
}

impl Report for ChangedBody {
    fn human(&self) -> String {
        let serves = self.release.as_ref().map_or("nothing serves".to_owned(), |release| format!("{release} serves"));
        let moves = moves(&self.before, &self.after);
        match self.changed || !moves.is_empty() {
            true => moves.into_iter().fold(serves, |told, moved| format!("{told}\n{moved}")),
            false => format!("nothing to change: {serves} already"),
        }
    }
}

/// One line for each position and each share that changed.
fn moves(before: &PositionsBody, after: &PositionsBody) -> Vec<String> {
    let rows = WORDS.into_iter().zip(cells(before)).zip(cells(after));
    let moved = rows.filter(|((_, before), after)| before != after);
    moved.map(|((word, before), after)| format!("{word:9} {after} (was {before})")).collect()
}

fn cells(of: &PositionsBody) -> [String; WORDS.len()] {
    let named = |version: &Option<Version>| version.as_ref().map_or_else(|| "none".to_owned(), Version::to_string);
    let share = |share: &Share| percent(Some(share.ratio()));
    let PositionsBody { serving, previous, staged, pinned, shadow_share, canary_share } = of;
    let names = [serving, previous, staged, pinned].map(named);
    let [serving, previous, staged, pinned] = names;
    [serving, previous, staged, pinned, share(shadow_share), share(canary_share)]
}
