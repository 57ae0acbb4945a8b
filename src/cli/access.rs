//! How a command reaches a running service: with whose token, under which certificates, and for how long it waits.

use std::path::PathBuf;
use std::time::Duration;

use crate::admin::client::{Access, Client};
use crate::auth::Token;

/// Longest wait that can be asked for.
const WAIT_MAX: Duration = Duration::from_secs(86_400);

/// What proves who calls and who is called, and how long that may take.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct AccessArgs {
    /// File that holds the token to show; needed where the service asks for one
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// File with the authorities, in PEM, that the service's certificate is checked against instead of the public ones
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// File with the certificate to show, in PEM, where the service asks for one
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// File with that certificate's private key, in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Longest wait for a sign of the service, such as 5s or 2m [default: 30s; 15m for a change, which is answered once it is
    /// made, and 3s for a probe]
    #[arg(long, value_name = "TIME", value_parser = wait)]
    timeout: Option<Duration>,
}

impl AccessArgs {
    /// A client of the service whose operator's door is at `url`.
    pub(super) fn client(&self, url: &str) -> anyhow::Result<Client> {
        let client = Client::open(url, &self.read()?)?;
        Ok(match self.timeout {
            Some(timeout) => client.waiting(timeout),
            None => client,
        })
    }

    /// The wait that was asked for.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// All of it, with the token.
    pub(super) fn read(&self) -> anyhow::Result<Access> {
        let token = self.token_file.as_deref().map(Token::read).transpose()?;
        Ok(Access { token, ca_file: self.ca.clone(), cert_file: self.cert.clone(), key_file: self.key.clone() })
    }
}

fn wait(text: &str) -> Result<Duration, String> {
    let wait = humantime::parse_duration(text).ok().filter(|wait| !wait.is_zero() && *wait <= WAIT_MAX);
    wait.ok_or_else(|| "expected a time above zero, at most a day, such as 5s or 2m".to_owned())
}
