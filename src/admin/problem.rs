//! Every failure of a call at the operator's door, and how it is told: problem+json, and a line in the log.

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use axum::response::IntoResponse;

use super::body::BodyError;
use crate::auth::AuthError;
use crate::error::{Code, RETRY_AFTER_S};
use crate::snapshot::gate::Refusal;
use crate::snapshot::ingest::IngestError;
use crate::snapshot::manifest::{Version, VersionError};
use crate::snapshot::release::ReleaseError;
use crate::snapshot::reload::Failure;
use crate::snapshot::signature::SignatureError;
use crate::snapshot::store::StoreError;
use crate::wire::json::ProblemBody;

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
const BEARER: HeaderValue = HeaderValue::from_static("Bearer");

/// Why a call at the operator's door failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum AdminError {
    /// The caller may not change anything.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// A web page could have sent this.
    #[error(
        "without a token, a call that changes something needs the header `content-type: application/json` (or \
         application/octet-stream for a file), which no web page can send unasked; got {got:?}"
    )]
    MediaType {
        /// The content type that came.
        got: String,
    },
    /// A web page whose name was made to point here could have sent this.
    #[error(
        "without a token, this door changes something only when called by an address or as localhost, not as {got:?}"
    )]
    Host {
        /// The `Host` header that came.
        got: String,
    },
    /// No route has this path.
    #[error("no such path; GET /admin/v1/status shows what serves")]
    RouteUnknown,
    /// The path exists, for another method.
    #[error("the method is not allowed here")]
    MethodUnknown,
    /// Not the name of a release.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// The body did not come.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The body is not what the call takes.
    #[error("the body cannot be read: {0}; expected {{\"version\":\"NAME\"}}")]
    Json(#[from] serde_json::Error),
    /// A push was refused.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// A release that could not serve was not activated.
    #[error("release {version} was not activated: {}", failure.text)]
    NotActivated {
        /// The release asked for.
        version: Version,
        /// What is wrong with it.
        failure: Failure,
    },
    /// The store could not be read or its pointer not moved.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the pointer names could not be loaded.
    #[error("what served before still serves: {}", .0.text)]
    Load(Failure),
    /// Too many asked for a reload at once, or the reloader has ended.
    #[error("the reloader takes no more requests now; GET /admin/v1/status shows what serves")]
    ReloaderBusy,
    /// The load takes long.
    #[error("the load goes on after {wait_s_max} s; GET /admin/v1/status shows how it ends")]
    LoadSlow {
        /// How long the call waited.
        wait_s_max: u64,
    },
    /// The unseen log cannot be read.
    #[error("the unseen log cannot be read: {0}")]
    Unseen(#[from] std::io::Error),
    /// A fault of ours.
    #[error("the service failed; its log says why")]
    Internal,
}

/// The reply to a path that does not exist.
pub(super) async fn no_such_path() -> AdminError {
    AdminError::RouteUnknown
}

/// The reply to a path that exists for another method.
pub(super) async fn no_such_method() -> AdminError {
    AdminError::MethodUnknown
}

impl AdminError {
    fn code(&self) -> Code {
        match self {
            Self::Auth(AuthError::Missing | AuthError::Unknown) => Code::Unauthorized,
            Self::Auth(AuthError::Unreadable(_)) | Self::ReloaderBusy => Code::Unavailable,
            Self::MediaType { .. } => Code::UnsupportedMedia,
            Self::Host { .. } => Code::Forbidden,
            Self::RouteUnknown => Code::NotFound,
            Self::MethodUnknown => Code::MethodNotAllowed,
            Self::Version(_) | Self::Json(_) => Code::InvalidRequest,
            Self::Body(error) => of_body(error),
            Self::Ingest(error) => of_ingest(error),
            Self::NotActivated { failure, .. } => of_failure(failure),
            Self::Store(StoreError::Release { source, .. }) => of_release(source),
            Self::Load(Failure { version: None, .. }) => Code::Conflict,
            Self::Load(_) => Code::Refused,
            Self::LoadSlow { .. } => Code::DeadlineExceeded,
            Self::Store(_) | Self::Unseen(_) | Self::Internal => Code::Internal,
        }
    }

    /// Whether the same call may succeed in a moment.
    fn passes(&self) -> bool {
        matches!(self, Self::ReloaderBusy | Self::Ingest(IngestError::Busy { .. } | IngestError::TooMany))
    }

    /// One line for each refused change; the reloader has logged a load that failed, and a stray path is no news.
    fn log(&self) {
        let cause = std::error::Error::source(self).map(ToString::to_string);
        match self {
            Self::RouteUnknown | Self::MethodUnknown | Self::Load(_) => {}
            Self::Store(_) | Self::Unseen(_) | Self::Internal => {
                tracing::error!(cause, "operator's call failed: {self}")
            }
            _ => tracing::warn!(cause, "operator's call refused: {self}"),
        }
    }
}

fn of_body(error: &BodyError) -> Code {
    match error {
        BodyError::TooLarge { .. } => Code::TooLarge,
        BodyError::Idle { .. } | BodyError::Slow => Code::DeadlineExceeded,
        BodyError::Broken => Code::InvalidRequest,
    }
}

fn of_ingest(error: &IngestError) -> Code {
    match error {
        IngestError::Manifest(_)
        | IngestError::ModelManifest(_)
        | IngestError::Version { .. }
        | IngestError::Size { .. }
        | IngestError::Short { .. }
        | IngestError::Digest { .. }
        | IngestError::Release { .. }
        | IngestError::Model { .. } => Code::Refused,
        IngestError::Name { .. } => Code::NotFound,
        IngestError::TooLarge { .. } => Code::TooLarge,
        IngestError::Gate(Refusal::Space { .. }) => Code::StorageFull,
        IngestError::Gate(_) => Code::Refused,
        IngestError::TooMany => Code::Overloaded,
        IngestError::Exists { .. }
        | IngestError::Busy { .. }
        | IngestError::NotOpen { .. }
        | IngestError::Barred(_)
        | IngestError::Offset { .. }
        | IngestError::Incomplete { .. }
        | IngestError::NeedsModel { .. } => Code::Conflict,
        IngestError::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => Code::StorageFull,
        IngestError::Signature(SignatureError::Length { .. }) => Code::InvalidRequest,
        IngestError::Io(_) | IngestError::Store(_) | IngestError::Signature(_) => Code::Internal,
    }
}

fn of_failure(failure: &Failure) -> Code {
    match failure.reason {
        "missing" => Code::NotFound,
        "io" => Code::Internal,
        _ => Code::Refused,
    }
}

fn of_release(error: &ReleaseError) -> Code {
    match error {
        ReleaseError::Missing { .. } => Code::NotFound,
        ReleaseError::Io { .. } => Code::Internal,
        _ => Code::Refused,
    }
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response<Body> {
        self.log();
        let code = self.code();
        let problem = ProblemBody::new(code, self.to_string());
        let mut response = (code.http(), problem.encode()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
        if code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, BEARER);
        }
        if self.passes() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
        }
        response
    }
}
