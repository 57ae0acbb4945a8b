//! What goes over the wire, and how it becomes ours: JSON, and the messages generated from the contract.

pub mod json;
pub mod proto;
