//! `segue completions`: a completion script made from the commands themselves, so that it cannot lag behind them.

use clap::Command;
use clap_complete::Shell;

use super::output;

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell to write for; `source <(segue completions bash)` tries it out
    shell: Shell,
}

pub(super) fn run(args: &Args, mut program: Command) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "segue", &mut script);
    output::write_line(String::from_utf8(script)?.trim_end())
}
