//! Every failure of a call at the operator's door, and how it is told: problem+json, and a line in the log.

use std::io::ErrorKind;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderValue, Response, header};
use axum::response::IntoResponse;

use super::body::BodyError;
use super::change::{Change, REASON_BYTES_MAX};
use crate::audit::AuditError;
use crate::auth::AuthError;
use crate::error::{Code, Error, RETRY_AFTER_S};
use crate::snapshot::gate::Refusal;
use crate::snapshot::ingest::IngestError;
use crate::snapshot::live::ShareError;
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
    /// The change could not be recorded, and so was not made.
    #[error(transparent)]
    Audit(#[from] AuditError),
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
    #[error("the body cannot be read: {source}; expected {expected}")]
    Json {
        /// What the parser found.
        source: serde_json::Error,
        /// What the call takes.
        expected: &'static str,
    },
    /// A question that cannot be answered.
    #[error(transparent)]
    Question(#[from] Error),
    /// The query is not what the call takes.
    #[error("the query cannot be read: {0}; expected ?offset=BYTES")]
    Query(#[from] QueryRejection),
    /// A push was refused.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// A stream of a push does not come in its order.
    #[error("the message is out of order, expected {expected}")]
    PushOrder {
        /// What the stream should go on with.
        expected: &'static str,
    },
    /// Not a share.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// A quarantine without a reason that can be kept.
    #[error("the reason has {bytes} bytes, expected 1 to {REASON_BYTES_MAX} of text on one line")]
    Reason {
        /// What came.
        bytes: usize,
    },
    /// The service knows no such release.
    #[error("the service knows no release {version}; GET /admin/v1/releases lists them")]
    ReleaseUnknown {
        /// The one asked for.
        version: Version,
    },
    /// The store has no such release.
    #[error("{}: the store has no release of that name; push it first, or see `segue status` for those that it has", change.not_done())]
    NotStored {
        /// What was asked for.
        change: Change,
    },
    /// Another release serves than the rollback is meant for.
    #[error(
        "nothing was rolled back: {} serves by now, and not {expected}; look at what happened meanwhile",
        got.as_ref().map_or("none", Version::as_str)
    )]
    Superseded {
        /// The one to be left.
        expected: Version,
        /// The one that should serve.
        got: Option<Version>,
    },
    /// What was asked for was not done.
    #[error("{}: {}", change.not_done(), failure.text)]
    NotChanged {
        /// What was asked for.
        change: Change,
        /// Why not. Boxed, since every result of this door carries the room for it.
        failure: Box<Failure>,
    },
    /// The store could not be read or its pointer not moved.
    #[error(transparent)]
    Store(#[from] StoreError),
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
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Auth(AuthError::Missing { .. } | AuthError::Unknown) => Code::Unauthorized,
            Self::Auth(AuthError::Role { .. }) => Code::Forbidden,
            Self::Auth(AuthError::Unreadable(_)) | Self::ReloaderBusy => Code::Unavailable,
            Self::MediaType { .. } => Code::UnsupportedMedia,
            Self::Host { .. } => Code::Forbidden,
            Self::RouteUnknown => Code::NotFound,
            Self::MethodUnknown => Code::MethodNotAllowed,
            Self::Question(error) => error.code(),
            Self::PushOrder { .. } => Code::InvalidRequest,
            Self::Version(_) | Self::Query(_) | Self::Json { .. } | Self::Share(_) | Self::Reason { .. } => {
                Code::InvalidRequest
            }
            Self::Body(error) => of_body(error),
            Self::Ingest(error) => of_ingest(error),
            Self::ReleaseUnknown { .. } | Self::NotStored { .. } => Code::NotFound,
            Self::Superseded { .. } => Code::Conflict,
            Self::NotChanged { failure, .. } => of_failure(failure),
            Self::Store(StoreError::Release { source, .. }) => of_release(source),
            Self::LoadSlow { .. } => Code::DeadlineExceeded,
            Self::Audit(error) if error.source.kind() == ErrorKind::StorageFull => Code::StorageFull,
            Self::Store(_) | Self::Unseen(_) | Self::Audit(_) | Self::Internal => Code::Internal,
        }
    }

    /// Whether the same call may succeed in a moment.
    pub(super) fn passes(&self) -> bool {
        matches!(self, Self::ReloaderBusy | Self::Ingest(IngestError::Busy { .. } | IngestError::TooMany))
    }

    /// One line for each refused change; a question for what is not there is no news, and the guard has told whom it
    /// refused.
    pub(super) fn log(&self) {
        let cause = std::error::Error::source(self).map(ToString::to_string);
        match self {
            Self::RouteUnknown
            | Self::MethodUnknown
            | Self::ReleaseUnknown { .. }
            | Self::Question(_)
            | Self::Auth(_) => {}
            Self::Store(_) | Self::Unseen(_) | Self::Audit(_) | Self::Internal => {
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
        // The pointer names nothing.
        "missing" if failure.version.is_none() => Code::Conflict,
        "missing" => Code::NotFound,
        "io" => Code::Internal,
        "pinned" | "quarantined" | "no_previous" | "declined" | "not_current" | "not_staged" => Code::Conflict,
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
