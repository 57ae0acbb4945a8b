//! The arithmetic of a step: each operation of the network with its derivative, on plain slices.
//!
//! It knows no model file, no batch and no thread: what is computed here depends on its arguments alone. Everything but the matrix
//! products is compiled once for each width of vector that processors have, and the widest one there is runs.

pub mod vector;
pub mod linear;
pub mod norm;
pub mod rotary;
pub mod attention;
pub mod gate;
pub mod loss;
pub mod dropout;
