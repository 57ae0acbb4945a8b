//! `segue push`: sends a release to a running service and has it serve there; what is damaged here is never sent.

use std::cell::RefCell;
use std::path::PathBuf;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde::Serialize;

use super::output::{self, OutputArgs, Report};
use super::place;
use crate::admin::client::{Client, Pushed};
use crate::auth::Token;
use crate::snapshot::manifest::{Manifest, Version};
use crate::snapshot::parcel::Address;
use crate::snapshot::release::Release;

/// How the progress is drawn, on a terminal.
const PROGRESS: &str = "{msg:16} {bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}";

/// Push a release to a running service.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The release: its directory, or a store for its current one
    release: PathBuf,
    /// The service's operator's door, such as http://127.0.0.1:9090
    #[arg(long, value_name = "URL")]
    to: String,
    /// File that holds the service's token; needed where the service has one
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Leave what serves as it is; `segue activate` on the service's store, or a later push, has the release serve
    #[arg(long)]
    no_activate: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Outcome {
    release: Version,
    bytes: u64,
    /// Whether the service had the release already, so that nothing was sent.
    present: bool,
    /// The release that serves there now; none with `--no-activate`, which does not ask.
    serving: Option<Version>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let token = args.token_file.as_deref().map(Token::read).transpose()?;
    let client = Client::new(&args.to, token)?;
    let release = Release::load(&place::find(&args.release)?)?;
    let manifest = release.manifest();
    let drawn = Drawn::new(manifest);
    let pushed = client
        .push(&Address::release(manifest.version.clone()), release.path(), &|name, bytes| drawn.draw(name, bytes))?;
    drawn.bar.finish_and_clear();
    let serving = if args.no_activate { None } else { Some(client.activate(&manifest.version)?.release) };
    let (version, bytes) = (manifest.version.clone(), manifest.bytes());
    output::print(args.output, &Outcome { release: version, bytes, present: pushed == Pushed::Present, serving })
}

/// The progress over all files, drawn on standard error where that is a terminal.
struct Drawn {
    bar: ProgressBar,
    /// The file on its way, and the bytes of those before it.
    file: RefCell<(String, u64)>,
}

impl Drawn {
    fn new(manifest: &Manifest) -> Self {
        let style = ProgressStyle::with_template(PROGRESS).expect("the template is a constant that a test parses");
        Self { bar: ProgressBar::new(manifest.bytes()).with_style(style), file: RefCell::default() }
    }

    fn draw(&self, name: &str, bytes: u64) {
        let (file, before) = &mut *self.file.borrow_mut();
        if file != name {
            (*file, *before) = (name.to_owned(), self.bar.position());
            self.bar.set_message(name.to_owned());
        }
        // A file that is sent again starts anew, and so does its part of the bar.
        self.bar.set_position(*before + bytes);
    }
}

impl Report for Outcome {
    fn human(&self) -> String {
        let Self { release, bytes, present, serving } = self;
        let sent = if *present { "was there already" } else { "sent, checked and published" };
        let served =
            serving.as_ref().map_or_else(|| "not activated".to_owned(), |serving| format!("{serving} serves now"));
        format!("{release} ({}) {sent}; {served}", HumanBytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::{PROGRESS, ProgressStyle};

    #[test]
    fn the_template_is_one() {
        assert!(ProgressStyle::with_template(PROGRESS).is_ok());
    }
}
