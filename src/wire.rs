//! What travels: our questions and answers as messages, and back.
//!
//! Only these modules know the shapes of the wire. They decide nothing and fail at nothing that the types allow.

pub mod proto;
