//! Every failure a caller can meet, and its one HTTP, gRPC and metric spelling.
//!
//! This is the only file that names a status code. It never logs: whoever handles a failure does that, once.

use http::StatusCode;

/// How a request ended; the label of `segue_requests_total{code}` and the key of the spelling table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Code {
    /// Answered.
    Ok,
    /// The caller's cached copy is still right (HTTP only).
    NotModified,
    /// The question itself is wrong; asking again unchanged cannot help.
    InvalidRequest,
    /// No bearer token, or not one that is known (admin only).
    Unauthorized,
    /// A known caller who may not do this (admin only).
    Forbidden,
    /// No such route, cluster or release.
    NotFound,
    /// The route exists, for another method.
    MethodNotAllowed,
    /// The state does not allow it now, for instance a version that exists already (admin only).
    Conflict,
    /// Well formed, but its content is refused, for instance a release that fails its checks (admin only).
    Refused,
    /// A body or message above its limit.
    TooLarge,
    /// A body that did not arrive in time: the caller's doing, which must not count against the service.
    TooSlow,
    /// A body that is not JSON.
    UnsupportedMedia,
    /// Shed at the door: more work in flight than the limit.
    Overloaded,
    /// The caller's deadline passed first.
    DeadlineExceeded,
    /// No release is loaded yet, or the service is draining.
    Unavailable,
    /// The disk has no room for what was sent (admin only).
    StorageFull,
    /// A fault of ours.
    Internal,
}

/// One row of the table that turns a [`Code`] into what each protocol says.
struct Spelling {
    label: &'static str,
    http: StatusCode,
    grpc: tonic::Code,
    title: &'static str,
}

impl Code {
    /// Every code, in the order of its discriminant.
    pub const ALL: [Self; 17] = [
        Self::Ok,
        Self::NotModified,
        Self::InvalidRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::Refused,
        Self::TooLarge,
        Self::TooSlow,
        Self::UnsupportedMedia,
        Self::Overloaded,
        Self::DeadlineExceeded,
        Self::Unavailable,
        Self::StorageFull,
        Self::Internal,
    ];

    /// The metric label, snake_case.
    pub const fn label(self) -> &'static str {
        self.spelling().label
    }

    /// The HTTP status.
    pub const fn http(self) -> StatusCode {
        self.spelling().http
    }

    /// The gRPC status code.
    pub const fn grpc(self) -> tonic::Code {
        self.spelling().grpc
    }

    /// The title of an RFC 9457 problem of this kind.
    pub const fn title(self) -> &'static str {
        self.spelling().title
    }

    const fn spelling(self) -> Spelling {
        use tonic::Code as Grpc;
        let (label, http, grpc, title) = match self {
            Self::Ok => ("ok", StatusCode::OK, Grpc::Ok, "OK"),
            Self::NotModified => ("not_modified", StatusCode::NOT_MODIFIED, Grpc::Ok, "Not modified"),
            Self::InvalidRequest => {
                ("invalid_request", StatusCode::BAD_REQUEST, Grpc::InvalidArgument, "Invalid request")
            }
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED, Grpc::Unauthenticated, "Token required"),
            Self::Forbidden => ("forbidden", StatusCode::FORBIDDEN, Grpc::PermissionDenied, "Not allowed"),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND, Grpc::NotFound, "Not found"),
            Self::MethodNotAllowed => {
                ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, Grpc::Unimplemented, "Method not allowed")
            }
            Self::Conflict => ("conflict", StatusCode::CONFLICT, Grpc::FailedPrecondition, "Conflict"),
            Self::Refused => ("refused", StatusCode::UNPROCESSABLE_ENTITY, Grpc::FailedPrecondition, "Refused"),
            Self::TooLarge => ("too_large", StatusCode::PAYLOAD_TOO_LARGE, Grpc::ResourceExhausted, "Too large"),
            Self::TooSlow => ("too_slow", StatusCode::REQUEST_TIMEOUT, Grpc::DeadlineExceeded, "Too slow"),
            Self::UnsupportedMedia => (
                "unsupported_media",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                Grpc::InvalidArgument,
                "Unsupported media type",
            ),
            Self::Overloaded => ("overloaded", StatusCode::TOO_MANY_REQUESTS, Grpc::ResourceExhausted, "Overloaded"),
            Self::DeadlineExceeded => {
                ("deadline_exceeded", StatusCode::GATEWAY_TIMEOUT, Grpc::DeadlineExceeded, "Deadline exceeded")
            }
            Self::Unavailable => ("unavailable", StatusCode::SERVICE_UNAVAILABLE, Grpc::Unavailable, "Unavailable"),
            Self::StorageFull => {
                ("storage_full", StatusCode::INSUFFICIENT_STORAGE, Grpc::ResourceExhausted, "No room on disk")
            }
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR, Grpc::Internal, "Internal error"),
        };
        Spelling { label, http, grpc, title }
    }
}

/// Why a request could not be answered. The text is public: it says what was expected, what came, what to do.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The body or query is not the JSON (or query string) that the call takes.
    #[error("the request could not be read: {reason}; see /openapi.json for its shape")]
    Malformed {
        /// The parser's own words, with line and column where it has them.
        reason: String,
    },
    /// A list in the question is longer than configured.
    #[error("`{field}` holds {got} entries, at most {max} are accepted; send the most recent ones")]
    ListTooLong {
        /// The field's name.
        field: &'static str,
        /// Its configured limit.
        max: usize,
        /// How many came.
        got: usize,
    },
    /// `limit` is zero or above what is configured.
    #[error("`limit` is {got}, expected 1 to {max}")]
    LimitOutOfRange {
        /// The configured maximum.
        max: usize,
        /// What came.
        got: u64,
    },
    /// `unit` is longer than configured.
    #[error("`unit` has {got} bytes, at most {max} are accepted; send an id, or a hash of one")]
    UnitTooLong {
        /// The configured maximum.
        max: usize,
        /// How many came.
        got: usize,
    },
    /// `min_score` is not a probability.
    #[error("`min_score` is {got}, expected a number from 0 to 1")]
    MinScoreOutOfRange {
        /// What came.
        got: f32,
    },
    /// The deadline asked for cannot be used.
    #[error("the request timeout is `{got}`, expected seconds above 0, such as 0.050")]
    TimeoutInvalid {
        /// What came.
        got: String,
    },
    /// The `grpc-timeout` of a call is not one.
    #[error("grpc-timeout is `{got}`, expected up to 8 digits and a unit, one of HMSmun, such as 50m")]
    GrpcTimeoutInvalid {
        /// What came.
        got: String,
    },
    /// The body or message is above its limit.
    #[error("the body is larger than {max_bytes} bytes; send fewer questions at once")]
    BodyTooLarge {
        /// The configured limit.
        max_bytes: usize,
    },
    /// The body did not arrive whole in time.
    #[error("the body did not arrive within {wait_ms_max} ms")]
    BodyTooSlow {
        /// The configured wait.
        wait_ms_max: u64,
    },
    /// The connection broke while the body was read.
    #[error("the body broke off before its end; send it again")]
    BodyBroken,
    /// The body's `Content-Type` is not JSON.
    #[error("the body's content type is `{got}`, expected application/json")]
    MediaUnsupported {
        /// What came.
        got: String,
    },
    /// No route has this path.
    #[error("no such path; /openapi.json lists the calls")]
    RouteUnknown,
    /// The path exists, for another method.
    #[error("the method is not allowed here; /openapi.json lists the calls")]
    MethodUnknown,
    /// The catalogue has no such cluster.
    #[error("the catalogue has no cluster {id}; GET /clusters lists them")]
    ClusterUnknown {
        /// The cluster asked for.
        id: u32,
    },
    /// The health of a service that is not here was asked for.
    #[error("no such service; reflection lists the services")]
    ServiceUnknown,
    /// More work in flight than the limit: shed before any work was done.
    #[error("{limit} requests are in flight, the limit; try again in {RETRY_AFTER_S} s")]
    Overloaded {
        /// The configured limit.
        limit: usize,
    },
    /// The deadline passed before the answer was ready.
    #[error("the deadline of {after_ms} ms passed before the answer was ready")]
    DeadlineExceeded {
        /// The deadline that the request ran under.
        after_ms: u64,
    },
    /// Nothing to answer from yet.
    #[error("no release is loaded yet; ask again shortly, or see /readyz on the admin port")]
    NotReady,
    /// The catalogue changed while it was listed.
    #[error("another catalogue serves since this listing began; list it again")]
    CatalogueChanged,
    /// The service stops, and ends its open streams.
    #[error("the service is stopping; open the stream again, on another replica")]
    Stopping,
    /// A fault of ours; the detail is in the log.
    #[error("the service failed to answer; its log says why")]
    Internal,
}

/// Seconds a shed caller is asked to stay away: the queue behind the limit empties in far less.
pub const RETRY_AFTER_S: u64 = 1;

impl Error {
    /// The row of the spelling table.
    pub const fn code(&self) -> Code {
        match self {
            Self::Malformed { .. }
            | Self::ListTooLong { .. }
            | Self::LimitOutOfRange { .. }
            | Self::MinScoreOutOfRange { .. }
            | Self::UnitTooLong { .. }
            | Self::TimeoutInvalid { .. }
            | Self::GrpcTimeoutInvalid { .. }
            | Self::BodyBroken => Code::InvalidRequest,
            Self::BodyTooLarge { .. } => Code::TooLarge,
            Self::MediaUnsupported { .. } => Code::UnsupportedMedia,
            Self::RouteUnknown | Self::ClusterUnknown { .. } | Self::ServiceUnknown => Code::NotFound,
            Self::MethodUnknown => Code::MethodNotAllowed,
            Self::Overloaded { .. } => Code::Overloaded,
            Self::BodyTooSlow { .. } => Code::TooSlow,
            Self::DeadlineExceeded { .. } => Code::DeadlineExceeded,
            Self::NotReady | Self::CatalogueChanged | Self::Stopping => Code::Unavailable,
            Self::Internal => Code::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn all_is_in_discriminant_order_and_labels_are_distinct() {
        for (position, code) in Code::ALL.into_iter().enumerate() {
            assert_eq!(code as usize, position);
            assert_eq!(Code::ALL.iter().filter(|other| other.label() == code.label()).count(), 1);
        }
    }
}
