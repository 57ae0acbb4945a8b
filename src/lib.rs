//! Segue serves precomputed next-interest candidates; this file is the map, in reading order.

pub mod cli;
pub mod config;
