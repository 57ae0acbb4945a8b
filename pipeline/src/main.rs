//! The `segue-pipeline` program: parse, run one command, exit; nothing else belongs here.

use std::process::ExitCode;

fn main() -> ExitCode {
    segue_pipeline::cli::run()
}
