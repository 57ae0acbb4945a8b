//! What every measuring program here shares: load, CPU readings, servers to start, releases to make, figures to print.
//!
//! Nothing here is part of the service, and nothing here decides a question: each program under `src/bin` asks one.

pub mod change;
pub mod contest;
pub mod cpu;
pub mod figures;
pub mod load;
pub mod nginx;
pub mod peak;
pub mod process;
pub mod release;
pub mod rows;
pub mod service;
pub mod structures;
pub mod witness;
pub mod workers;
