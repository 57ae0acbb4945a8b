//! Failures as gRPC statuses, both ways; every code comes from the table in [`error`](crate::error).

use std::error::Error as _;
use std::sync::Arc;

use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code as Grpc, Status};

use crate::error::{Code, Error, RETRY_AFTER_S};

/// When a shed caller may come again; clients that retry by themselves obey it.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// The status of a failure. It carries the failure along, so that the guard counts what happened and not how it is
/// spelt.
pub(super) fn refuse(error: Error) -> Status {
    let mut status = Status::with_metadata(error.code().grpc(), error.to_string(), metadata(&error));
    status.set_source(Arc::new(error));
    status
}

/// The code of a status: that of our own failure, or our reading of what tonic refused.
pub(super) fn code_of(status: &Status) -> Code {
    let own = status.source().and_then(|source| source.downcast_ref::<Error>());
    own.map_or_else(|| foreign(status.code()), Error::code)
}

/// A status in our own spelling: what tonic refuses before any handler runs is respelt from the table, in its words.
pub(super) fn respell(status: Status) -> Status {
    let spelling = code_of(&status).grpc();
    if status.code() == spelling {
        return status;
    }
    Status::with_metadata(spelling, status.message(), status.metadata().clone())
}

/// What it means when tonic refuses a call by itself: the message, or its compression, cannot be read.
pub(super) fn foreign(code: Grpc) -> Code {
    match code {
        Grpc::OutOfRange => Code::TooLarge,
        Grpc::Unimplemented => Code::MethodNotAllowed,
        _ => Code::InvalidRequest,
    }
}

fn metadata(error: &Error) -> MetadataMap {
    let mut metadata = MetadataMap::new();
    if error.code() == Code::Overloaded {
        metadata.insert(PUSHBACK, MetadataValue::from(RETRY_AFTER_S * 1000));
    }
    metadata
}
