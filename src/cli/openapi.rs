//! `segue openapi`: the HTTP door's own description, the same document that the service serves.

use super::output;
use crate::http::openapi;

pub(super) fn run() -> anyhow::Result<()> {
    output::write_line(openapi::json().trim_end())
}
