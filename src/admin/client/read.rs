//! What an operator asks of a running service and changes nothing by: its state, its releases, its counters, its unseen
//! log.

use std::io::BufReader;

use http::Method;
use serde::de::DeserializeOwned;

use super::call::{Call, Content};
use super::{Client, ClientError};
use crate::admin::documents::StatusBody;
use crate::admin::documents::releases::{EntryBody, ReleasesBody};
use crate::error::Code;
use crate::snapshot::manifest::Version;
use crate::trial::figures::TrialFigures;
use crate::unseen::file::{Span, UnseenError};
use crate::unseen::merge::Merge;

/// Longest state or exposition that is read; none comes near it.
const TEXT_BYTES_MAX: u64 = 16 << 20;

impl Client {
    /// Everything an operator asks first.
    ///
    /// # Errors
    /// When the service refuses, or something else answers, or nothing.
    pub fn status(&self) -> Result<StatusBody, ClientError> {
        self.document("/admin/v1/status")
    }

    /// Every release that the service knows, and where each stands.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub fn releases(&self) -> Result<ReleasesBody, ClientError> {
        self.document("/admin/v1/releases")
    }

    /// One release.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub fn release(&self, version: &Version) -> Result<EntryBody, ClientError> {
        self.document(&format!("/admin/v1/releases/{version}"))
    }

    /// How the release on trial fares against the one that serves; none while none is on.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub fn trial(&self) -> Result<Option<TrialFigures>, ClientError> {
        self.document("/admin/v1/trial")
    }

    /// Every metric, in the Prometheus text format.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub fn metrics(&self) -> Result<String, ClientError> {
        let call = self.get("/metrics");
        let text = call.body(self, call.open(self)?, TEXT_BYTES_MAX)?;
        String::from_utf8(text).map_err(|_| call.foreign(Code::Ok.http()))
    }

    /// The unseen log as one span, histories cut to their most recent `length_max` clusters, if given.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub fn unseen(&self, length_max: Option<usize>) -> Result<Span, ClientError> {
        let call = self.get("/admin/v1/unseen");
        let mut response = call.open(self)?;
        // Line by line: the whole log need not fit in memory, and its merged counts are bounded by the service's limits.
        let lines = BufReader::new(response.body_mut().with_config().limit(u64::MAX).reader());
        let mut merge = Merge::new(length_max);
        merge.add(lines).map_err(|error| match error {
            UnseenError::Io(error) => call.broken(self, Code::Ok.http(), error.into()),
            source => ClientError::Unseen { url: call.url, source },
        })?;
        Ok(merge.finish())
    }

    /// A question.
    pub(super) fn get(&self, path: &str) -> Call<'static> {
        Call { method: Method::GET, url: format!("{}{path}", self.base), content: Content::None }
    }

    fn document<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let call = self.get(path);
        let document = call.body(self, call.open(self)?, TEXT_BYTES_MAX)?;
        serde_json::from_slice(&document).map_err(|_| call.foreign(Code::Ok.http()))
    }
}
