//! The `segue` program: parse, run one command, exit with a documented code; nothing else belongs here.

use std::process::ExitCode;

/// Returns freed memory to the system after a swap, where the C library's allocator keeps its arenas.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    segue::cli::run()
}
