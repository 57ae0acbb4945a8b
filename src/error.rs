//! Every failure and its one spelling for HTTP, gRPC and metrics; it must never hold what went wrong inside.

/// How a request ended, as metrics, logs and both doors name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// Answered.
    Ok,
    /// The caller's copy is still right.
    NotModified,
    /// The request breaks a rule it could have kept.
    InvalidRequest,
    /// No or wrong credentials.
    Unauthorized,
    /// Known caller, refused operation.
    Forbidden,
    /// No such thing.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The state does not allow it now.
    Conflict,
    /// A body or message over its limit.
    TooLarge,
    /// Not a content type that is read here.
    UnsupportedMedia,
    /// Shed at the door.
    Overloaded,
    /// The caller's time ran out.
    DeadlineExceeded,
    /// Nothing loaded, or draining.
    Unavailable,
    /// A defect of this program.
    Internal,
}

impl Code {
    /// Every code, in the order of declaration.
    pub const ALL: [Self; 14] = [
        Self::Ok,
        Self::NotModified,
        Self::InvalidRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::TooLarge,
        Self::UnsupportedMedia,
        Self::Overloaded,
        Self::DeadlineExceeded,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The value of the `code` label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotModified => "not_modified",
            Self::InvalidRequest => "invalid_request",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Conflict => "conflict",
            Self::TooLarge => "too_large",
            Self::UnsupportedMedia => "unsupported_media",
            Self::Overloaded => "overloaded",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}
