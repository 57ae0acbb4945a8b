//! The commands of the `segue` program and their exit codes; their help is the operator's manual. No command may hold
//! logic that the library has no other way to reach.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

mod demo;
mod serve;
mod config;
mod inspect;
mod verify;
mod lookup;
mod diff;
mod store;
mod push;
mod publish;
mod sign;
mod status;
mod change;
mod unseen;
mod health;
mod openapi;
mod completions;
// What the commands share.
mod access;
mod output;
mod place;
mod remote;

use output::Failure;

/// Shown under `segue --help`.
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed: a file, an address or a release could not be used
  2  the command line or the configuration is wrong
  3  the release is damaged, or does not answer its golden questions";

/// Segue answers "what interests this user next?" from precomputed, hot-swappable releases.
#[derive(Debug, Parser)]
#[command(name = "segue", version, after_help = EXIT_CODES, max_term_width = 120)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the release that this program carries, and show how to ask it
    Demo(demo::Args),
    /// Serve the current release of a store over HTTP and gRPC until told to stop
    Serve(serve::Args),
    /// Check, show or explain the configuration
    #[command(subcommand)]
    Config(config::Command),
    /// Show a release's manifest and figures, without reading its records
    Inspect(inspect::Args),
    /// Verify a release completely: digests, checksums, every record, golden questions
    Verify(verify::Args),
    /// Answer one history from a release, as the service would
    Lookup(lookup::Args),
    /// Compare two releases: answers that changed, histories added and gone
    Diff(diff::Args),
    /// List the releases of a store
    Releases(store::ListArgs),
    /// Push a release to a running service, and have it serve there
    Push(push::Args),
    /// Publish a release where services pull from, and point a channel at it
    Publish(publish::Args),
    /// Make a pair of keys: one signs releases, the other lets services check who did
    Keygen(sign::KeygenArgs),
    /// Sign a release and its model, after every check
    Sign(sign::SignArgs),
    /// Show what a running service serves, where every release stands and why, and how a trial goes
    Status(status::Args),
    /// Have a running service load a release beside what it serves, with every check
    Stage(change::StageArgs),
    /// Answer a share of live questions from the staged release as well, to compare the two
    Shadow(change::ShareArgs),
    /// Answer a share of traffic from the staged release
    Canary(change::ShareArgs),
    /// Have the staged release serve, which takes no load
    Promote(change::PromoteArgs),
    /// Have a release serve: on a running service, or by pointing a store at it, which a service that watches it follows
    Activate(store::ActivateArgs),
    /// Go back to the release before; a pull will not undo it
    Rollback(change::RollbackArgs),
    /// Hold a running service at the release that it serves
    Pin(change::PinArgs),
    /// End a pin
    Unpin(change::UnpinArgs),
    /// Bar a release from ever serving again; where it serves, the service goes back first
    Quarantine(change::QuarantineArgs),
    /// Read what was asked for that no table held, for the next refresh
    #[command(subcommand)]
    Unseen(unseen::Command),
    /// Ask a running service whether it is well, for health checks: exits with 0 if so, with 1 if not
    Health(health::Args),
    /// Print the OpenAPI 3.1 document of the HTTP door
    Openapi,
    /// Print a completion script for a shell
    Completions(completions::Args),
}

/// Parses the command line, runs its one command and gives the exit code of the process.
pub fn run() -> ExitCode {
    match dispatch(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", output::explain(&error));
            Failure::of(&error).into()
        }
    }
}

fn dispatch(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Config(command) => config::run(command),
        Command::Inspect(args) => inspect::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Lookup(args) => lookup::run(args),
        Command::Diff(args) => diff::run(&args),
        Command::Releases(args) => store::list(&args),
        Command::Push(args) => push::run(&args),
        Command::Publish(args) => publish::run(&args),
        Command::Keygen(args) => sign::keygen(&args),
        Command::Sign(args) => sign::sign(&args),
        Command::Status(args) => status::run(&args),
        Command::Stage(args) => change::stage(&args),
        Command::Shadow(args) => change::shadow(&args),
        Command::Canary(args) => change::canary(&args),
        Command::Promote(args) => change::promote(&args),
        Command::Activate(args) => store::activate(&args),
        Command::Rollback(args) => change::rollback(&args),
        Command::Pin(args) => change::pin(&args),
        Command::Unpin(args) => change::unpin(&args),
        Command::Quarantine(args) => change::quarantine(&args),
        Command::Unseen(command) => unseen::run(command),
        Command::Health(args) => health::run(&args),
        Command::Openapi => openapi::run(),
        Command::Completions(args) => completions::run(&args, Cli::command()),
    }
}
