//! The `segue` program: parse, run one command, exit with a documented code; nothing else belongs here.

use std::process::ExitCode;

fn main() -> ExitCode {
    segue::cli::run()
}
