//! `segue serve`: configuration in, the service until it stops; it must never set anything up itself.

use crate::config::{Config, ConfigArgs};

/// Serve the current release of a store.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let _config = Config::load(&args.config)?;
    anyhow::bail!("this build has no service yet")
}
