//! Reads a running service's changes as they come; it must never wait for longer than a service that lives is silent.

use std::io::{BufRead, BufReader};

use super::call::{Call, Content};
use super::{Client, ClientError};
use crate::admin::documents::releases::ReleasesBody;

/// Most bytes of one line: all releases as one document.
const LINE_BYTES_MAX: u64 = 16 << 20;
/// What stands before a document.
const DATA: &str = "data:";

/// The changes of a running service, as they come. It ends when the connection does; watch again to go on.
pub struct Watch {
    lines: Box<dyn BufRead>,
}

impl Client {
    /// Reads how all releases stand, now and after every change.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub fn watch(&self) -> Result<Watch, ClientError> {
        let call = Call { content: Content::Stream, ..self.get("/admin/v1/watch") };
        let response = call.open(self)?;
        let reader = response.into_body().into_with_config().limit(u64::MAX).reader();
        Ok(Watch { lines: Box::new(BufReader::new(reader)) })
    }
}

impl Iterator for Watch {
    type Item = ReleasesBody;

    fn next(&mut self) -> Option<ReleasesBody> {
        loop {
            let mut line = String::new();
            let read = std::io::Read::take(&mut self.lines, LINE_BYTES_MAX).read_line(&mut line);
            // A line that broke off has no document, and there is none after it.
            if read.is_err() || !line.ends_with('\n') {
                return None;
            }
            if let Some(document) = line.strip_prefix(DATA) {
                return serde_json::from_str(document).ok();
            }
        }
    }
}
