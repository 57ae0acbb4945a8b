//! Every call of the operator's door, read from the source of its routes, so that one that is added is tested too; it
//! must hold no test.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The paths of every route, with `x` for each name in one; the push's are written out.
pub(crate) fn paths() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut texts = vec![fs::read_to_string(root.join("admin.rs")).expect("it is there")];
    let console = fs::read_to_string(root.join("console.rs"));
    texts.extend(console);
    for entry in fs::read_dir(root.join("admin")).expect("it is there").flatten().filter(|entry| entry.path().is_file())
    {
        texts.push(fs::read_to_string(entry.path()).expect("it is text"));
    }
    let routed = texts.iter().flat_map(|text| literals(text, ".route("));
    let paths = routed.filter(|path| !path.starts_with("/files") && path != "/commit").map(|path| named(&path));
    paths.chain(pushed()).collect()
}

/// Every call over gRPC, by its path.
pub(crate) fn calls() -> Vec<String> {
    let proto = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/segue/v1/snapshots.proto"));
    let proto = proto.expect("it is there");
    let names = proto.lines().filter_map(|line| line.trim().strip_prefix("rpc ")?.split('(').next());
    names.map(|name| format!("/segue.v1.SnapshotsService/{name}")).collect()
}

fn pushed() -> impl Iterator<Item = String> {
    let of =
        |kind| ["files/manifest.json", "files/table.segue", "commit"].map(|path| format!("/admin/v1/{kind}/x/{path}"));
    ["releases", "models"].into_iter().flat_map(of)
}

/// The text that stands first among the arguments of each call.
fn literals(text: &str, call: &str) -> Vec<String> {
    let argument = |rest: &str| Some(rest.trim_start().strip_prefix('"')?.split('"').next()?.to_owned());
    text.split(call).skip(1).filter_map(argument).collect()
}

fn named(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "x".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}
