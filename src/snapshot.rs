//! A snapshot's life, from rows to the release that serves and back to the disk.
//!
//! `publish` writes a release with `write`, in the `format` that `table` reads through a `map`; `ingest` receives one
//! that is pushed; `store` points at one; `reload` opens, verifies, warms and checks it, takes its model from the
//! `shelf`, and swaps both as one into `live`, where every request reads them.

pub mod format;
pub mod write;
pub mod manifest;
pub mod lines;
pub mod catalogue;
pub mod golden;
pub mod signature;
pub mod failpoint;
pub mod publish;
pub mod parcel;
pub mod ingest;
pub mod lifecycle;
pub mod state;
pub mod store;
pub mod retention;
mod piece;
pub mod map;
pub mod table;
pub mod verify;
pub mod pair;
pub mod release;
pub mod gate;
pub mod shelf;
pub mod live;
pub mod reload;
