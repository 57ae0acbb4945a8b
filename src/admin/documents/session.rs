//! The document of `GET /admin/v1/session`: what the door asks of a caller, and who it takes this one for.

use serde::{Deserialize, Serialize};

/// `GET /admin/v1/session`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionBody {
    /// Whether looking asks for a token or a certificate.
    pub reads_ask: bool,
    /// Whether changing something does.
    pub changes_ask: bool,
    /// The caller's name; none where nothing that it showed is known here.
    pub who: Option<String>,
    /// Its role, `reader` or `operator`.
    pub role: Option<String>,
}
