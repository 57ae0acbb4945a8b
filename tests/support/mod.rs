//! What several test programs share; it must hold no test itself.

#![allow(dead_code, reason = "each test program uses its own part")]

pub(crate) mod table;
