//! Evaluations of made-up logs, against what can be known at a time.
