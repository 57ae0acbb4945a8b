//! nginx as a baseline: the fastest thing it can do, `return` of fixed bytes, with as many workers as the others.
//!
//! It must never touch the machine's own nginx: everything lives in a directory of its own.

use std::path::Path;

use anyhow::{Context, Result};

use crate::process::{Server, free_address, on_cores};

const TEMPLATE: &str = include_str!("../nginx.conf");
const PROGRAM: &str = "/usr/sbin/nginx";

/// Starts nginx on these cores; it returns `body` to every request.
pub fn start(dir: &Path, cores: &str, workers: usize, body: &str) -> Result<Server> {
    let address = free_address()?;
    std::fs::create_dir_all(dir)?;
    let quoted = body.replace('\\', "\\\\").replace('\'', "\\'").replace('$', "");
    let conf = TEMPLATE
        .replace("@workers@", &workers.to_string())
        .replace("@address@", &address.to_string())
        .replace("@dir@", &dir.display().to_string())
        .replace("@body@", &quoted);
    let path = dir.join("nginx.conf");
    std::fs::write(&path, conf)?;
    let mut command = on_cores(cores, Path::new(PROGRAM));
    command.arg("-c").arg(&path).arg("-p").arg(dir).args(["-e", "stderr"]);
    Server::start(&mut command, address).context("nginx is needed as a baseline: install nginx-light")
}
