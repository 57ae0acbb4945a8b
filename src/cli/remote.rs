//! Which running service a command talks to, and what proves that it may; it must never print a token.

use std::path::PathBuf;

use crate::admin::client::Client;
use crate::auth::Token;

/// A service to change.
#[derive(Debug, clap::Args)]
pub(super) struct To {
    /// The service's operator's door, such as http://127.0.0.1:9090
    #[arg(long, value_name = "URL")]
    to: String,
    #[command(flatten)]
    access: Access,
}

/// A service to look at.
#[derive(Debug, clap::Args)]
pub(super) struct From {
    /// The service's operator's door
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9090")]
    from: String,
    #[command(flatten)]
    access: Access,
}

/// What proves that the caller may.
#[derive(Debug, clap::Args)]
pub(super) struct Access {
    /// File that holds the service's token; needed where the service has one
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl To {
    /// The service's other end.
    pub(super) fn client(&self) -> anyhow::Result<Client> {
        self.access.client(&self.to)
    }
}

impl From {
    /// The service's other end.
    pub(super) fn client(&self) -> anyhow::Result<Client> {
        self.access.client(&self.from)
    }
}

impl Access {
    /// The other end of the service at an address.
    pub(super) fn client(&self, url: &str) -> anyhow::Result<Client> {
        let token = self.token_file.as_deref().map(Token::read).transpose()?;
        Ok(Client::new(url, token)?)
    }
}
