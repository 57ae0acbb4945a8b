//! What an operator asks of a running service and changes nothing by: its state, its counters, its unseen log.

use std::io::BufReader;

use http::Response;
use http::header::AUTHORIZATION;
use ureq::Body;

use super::call::unreachable;
use super::{Client, ClientError};
use crate::admin::documents::StatusBody;
use crate::unseen::file::Span;
use crate::unseen::merge::Merge;

/// Longest state or exposition that is read; none comes near it.
const TEXT_BYTES_MAX: u64 = 16 << 20;

impl Client {
    /// Everything an operator asks first.
    ///
    /// # Errors
    /// When something else than a service answers, or nothing.
    pub fn status(&self) -> Result<StatusBody, ClientError> {
        let path = "/admin/v1/status";
        serde_json::from_str(&self.text(path)?).map_err(|_| self.foreign(path, 200))
    }

    /// Every metric, in the Prometheus text format.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub fn metrics(&self) -> Result<String, ClientError> {
        self.text("/metrics")
    }

    /// The unseen log as one span, histories cut to their most recent `length_max` clusters, if given.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub fn unseen(&self, length_max: Option<usize>) -> Result<Span, ClientError> {
        let path = "/admin/v1/unseen";
        let mut response = self.get(path)?;
        // Line by line: the whole log need not fit in memory, and its merged counts are bounded by the service's limits.
        let lines = BufReader::new(response.body_mut().with_config().limit(u64::MAX).reader());
        let mut merge = Merge::new(length_max);
        merge.add(lines).map_err(|_| self.foreign(path, 200))?;
        Ok(merge.finish())
    }

    fn text(&self, path: &str) -> Result<String, ClientError> {
        let mut response = self.get(path)?;
        let read = response.body_mut().with_config().limit(TEXT_BYTES_MAX).read_to_string();
        read.map_err(|_| self.foreign(path, response.status().as_u16()))
    }

    fn get(&self, path: &str) -> Result<Response<Body>, ClientError> {
        let url = format!("{}{path}", self.base);
        let request = self
            .token
            .iter()
            .fold(self.agent.get(&url), |request, token| request.header(AUTHORIZATION, token.header()));
        let response = request.call().map_err(|source| unreachable(&url, 1, source))?;
        let status = response.status();
        if status.is_success() { Ok(response) } else { Err(self.foreign(path, status.as_u16())) }
    }

    fn foreign(&self, path: &str, status: u16) -> ClientError {
        ClientError::Foreign { url: format!("{}{path}", self.base), status }
    }
}
