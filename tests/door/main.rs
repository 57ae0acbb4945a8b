//! The operator's door as one that is locked: who gets in, what is written down of it, and that there is no other way.

#[path = "../support/mod.rs"]
mod support;

// Its own type of site, without the public doors.
#[path = "../support/admin.rs"]
mod site;

mod exposed;
mod outside;
mod record;
mod roles;
mod routes;
