//! How a command reaches a running service: with whose token, under which certificates.

use std::path::PathBuf;

use crate::admin::client::{Access, Client};
use crate::auth::Token;

/// What proves who calls, and who is called.
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
}

impl AccessArgs {
    /// A client of the service whose operator's door is at `url`.
    pub(super) fn client(&self, url: &str) -> anyhow::Result<Client> {
        Ok(Client::open(url, &self.read()?)?)
    }

    /// All of it, with the token.
    pub(super) fn read(&self) -> anyhow::Result<Access> {
        let token = self.token_file.as_deref().map(Token::read).transpose()?;
        Ok(Access { token, ca_file: self.ca.clone(), cert_file: self.cert.clone(), key_file: self.key.clone() })
    }
}
