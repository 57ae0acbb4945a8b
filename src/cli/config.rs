//! `segue config`: check, show and explain the configuration; it must never start anything.

use clap::Subcommand;
use serde::Serialize;

use super::output::{self, OutputArgs, Report};
use crate::config::{Config, ConfigArgs, Settings, Sources, render};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check the file, the environment and the flags together, and report every problem at once
    Check(ConfigArgs),
    /// Print the effective value of every key and the source that set it; secrets stay hidden
    Show(ShowArgs),
    /// Print a complete, commented configuration file with every key at its default
    Reference,
}

#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// The effective settings, usable or not.
struct Effective(Settings);

pub(super) fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Check(args) => check(&args),
        Command::Show(args) => show(&args),
        Command::Reference => output::write_line(render::reference().trim_end()),
    }
}

fn check(args: &ConfigArgs) -> anyhow::Result<()> {
    Config::load(args)?;
    output::write_line("the configuration is valid")
}

/// Shows what there is before failing on what is wrong: that is when an operator needs to see it.
fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let effective = Effective(Settings::resolve(Sources::of_process(&args.config)));
    output::print(args.output, &effective)?;
    effective.0.into_config()?;
    Ok(())
}

impl Serialize for Effective {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        render::show_json(&self.0).serialize(serializer)
    }
}

impl Report for Effective {
    fn human(&self) -> String {
        render::show_toml(&self.0)
    }
}
