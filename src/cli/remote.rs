//! Which running service a command talks to; what proves that it may is [`access`](super::access)'s.

use super::access::AccessArgs;
use crate::admin::client::Client;

/// A service to change.
#[derive(Debug, clap::Args)]
pub(super) struct To {
    /// The service's operator's door, such as http://127.0.0.1:9090
    #[arg(long, value_name = "URL")]
    to: String,
    #[command(flatten)]
    access: AccessArgs,
}

/// A service to look at.
#[derive(Debug, clap::Args)]
pub(super) struct From {
    /// The service's operator's door
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9090")]
    from: String,
    #[command(flatten)]
    access: AccessArgs,
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
