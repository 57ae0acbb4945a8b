//! `segue health`: asks a probe and exits accordingly, for containers that hold no other program that could.

use std::time::Duration;

use anyhow::{Context, ensure};
use humantime::format_duration;

use super::access::AccessArgs;
use super::output;

/// Longest wait for the answer, unless told else: a health check of a container is killed after some seconds anyway.
const WAIT_MAX: Duration = Duration::from_secs(3);
/// Longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Ask a running service whether it is well.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The probe to ask
    #[arg(long, default_value = "http://127.0.0.1:9090/readyz")]
    url: String,
    #[command(flatten)]
    access: AccessArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    // No proxy: what is asked about is this machine, or one beside it.
    let wait = args.access.timeout().unwrap_or(WAIT_MAX);
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(wait)).proxy(None);
    let config = config.tls_config(args.access.read()?.tls()?);
    let agent = ureq::Agent::from(config.build());
    let silent = || format!("{} does not answer; it was waited for {} at most", args.url, format_duration(wait));
    let mut response = agent.get(&args.url).call().with_context(silent)?;
    let answer = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string().with_context(silent)?;
    output::write_line(answer.trim_end())?;
    ensure!(response.status().is_success(), "{} answered {}", args.url, response.status());
    Ok(())
}
