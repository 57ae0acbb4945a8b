//! What an operator tells a running service; each call returns when the change is a fact there, and may be sent twice.

use serde::Serialize;

use super::{Client, ClientError};
use crate::admin::documents::changes::{ChangedBody, EmptyBody, QuarantineBody, RollbackBody, ShareBody, VersionBody};
use crate::snapshot::live::Share;
use crate::snapshot::manifest::Version;

impl Client {
    /// Has a release loaded beside what serves.
    ///
    /// # Errors
    /// As every change: when the service refuses, or does not answer.
    pub fn stage(&self, version: &Version) -> Result<ChangedBody, ClientError> {
        self.change("stage", &VersionBody { version: version.clone() })
    }

    /// Has a release of the service's store serve.
    ///
    /// # Errors
    /// As [`Client::stage`].
    pub fn activate(&self, version: &Version) -> Result<ChangedBody, ClientError> {
        self.change("activate", &VersionBody { version: version.clone() })
    }

    /// Has the staged release serve.
    ///
    /// # Errors
    /// As [`Client::stage`].
    pub fn promote(&self, version: &Version) -> Result<ChangedBody, ClientError> {
        self.change("promote", &VersionBody { version: version.clone() })
    }

    /// Goes back from a release to the one before it.
    ///
    /// # Errors
    /// As [`Client::stage`].
    pub fn rollback(&self, from: &Version) -> Result<ChangedBody, ClientError> {
        self.change("rollback", &RollbackBody { from: Some(from.clone()) })
    }

    /// Holds the service at the release that serves.
    ///
    /// # Errors
    /// As [`Client::stage`].
    pub fn pin(&self, version: &Version) -> Result<ChangedBody, ClientError> {
        self.change("pin", &VersionBody { version: version.clone() })
    }

    /// Ends a pin.
    ///
    /// # Errors
    /// As [`Client::stage`].
    pub fn unpin(&self) -> Result<ChangedBody, ClientError> {
        self.change("unpin", &EmptyBody {})
    }

    /// Bars a release for good.
    ///
    /// # Errors
    /// As [`Client::stage`].
    pub fn quarantine(&self, version: &Version, reason: &str) -> Result<ChangedBody, ClientError> {
        self.change("quarantine", &QuarantineBody { version: version.clone(), reason: reason.to_owned() })
    }

    /// Compares the staged release on a share of questions.
    ///
    /// # Errors
    /// As [`Client::stage`].
    pub fn shadow(&self, version: &Version, share: Share) -> Result<ChangedBody, ClientError> {
        self.change("shadow", &ShareBody { version: version.clone(), share })
    }

    /// Has the staged release answer a share of traffic.
    ///
    /// # Errors
    /// As [`Client::stage`].
    pub fn canary(&self, version: &Version, share: Share) -> Result<ChangedBody, ClientError> {
        self.change("canary", &ShareBody { version: version.clone(), share })
    }

    fn change(&self, path: &str, body: &impl Serialize) -> Result<ChangedBody, ClientError> {
        self.post(path, &serde_json::to_vec(body).expect("names, texts and numbers have a JSON form"))
    }
}
