//! What goes over the wire, and how it becomes ours: JSON here, generated messages in `proto`.

pub mod json;
