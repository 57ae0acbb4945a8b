//! `segue serve`: configuration in, the service until it stops; it must never set anything up itself.

use crate::config::{Config, ConfigArgs};
use crate::{serve, trace};

/// Serve the current release of a store.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let config = Config::load(&args.config)?;
    let _logging = trace::start(config.log.format, config.log.level)?;
    Ok(serve::run(&config)?)
}
