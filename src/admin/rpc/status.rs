//! A failure of the operator's call as a gRPC status, by the table that also gives its HTTP spelling.

use tonic::Status;
use tonic::metadata::{MetadataMap, MetadataValue};

use crate::admin::problem::AdminError;
use crate::error::RETRY_AFTER_S;

/// When the same call may fare better; clients that retry by themselves obey it.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

impl From<AdminError> for Status {
    fn from(error: AdminError) -> Self {
        error.log();
        let mut metadata = MetadataMap::new();
        if error.passes() {
            metadata.insert(PUSHBACK, MetadataValue::from(RETRY_AFTER_S * 1000));
        }
        Self::with_metadata(error.code().grpc(), error.to_string(), metadata)
    }
}
