//! Commands and calls: whatever a text tells an operator to run or to ask for is there, with those flags.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};

use crate::files::{list, said, segue, texts};
use crate::kubernetes::container;
use crate::site::Site;

/// Commands that have commands of their own.
const NESTED: [&str; 2] = ["config", "unseen"];

/// A line that runs the program.
#[derive(Debug, PartialEq)]
struct Line {
    command: Vec<String>,
    flags: BTreeSet<String>,
}

#[test]
fn every_command_that_a_text_names_is_one() {
    let mut helps = BTreeMap::new();
    let mut named = 0;
    for (path, text) in texts() {
        for line in lines(&text) {
            let help = helps.entry(line.command.clone()).or_insert_with(|| help(&line.command));
            let help = help.as_ref().unwrap_or_else(|| panic!("{path}: there is no command {:?}", line.command));
            for flag in &line.flags {
                let known = help.split_whitespace().any(|word| word.trim_end_matches(',') == flag);
                assert!(known, "{path}: {:?} has no flag {flag}", line.command);
            }
            named += 1;
        }
    }
    assert!(named > 20, "only {named} commands were found");
}

#[test]
fn every_call_that_a_text_names_is_answered() {
    let site = Site::serving(|_| {});
    let mut paths = BTreeSet::from(["/metrics".to_owned()]);
    for (_, text) in texts() {
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && !"/_".contains(letter));
        let called = words
            .filter(|word| ["/admin/v1/", "/livez", "/readyz", "/healthz"].iter().any(|begin| word.starts_with(begin)));
        paths.extend(called.map(|word| word.trim_end_matches('/').to_owned()));
    }
    assert!(paths.len() > 3, "only {paths:?} were found");
    for path in paths {
        // A call that changes something is not made by this method: it is there, and says so.
        assert!(status(&site, &path) != 404, "no call {path}");
    }
}

/// The checks above can fail.
#[test]
fn lines_are_read_as_a_shell_would() {
    let read = |text: &str| lines(text).map(|line| (line.command.join(" "), line.flags.len())).collect::<Vec<_>>();
    assert_eq!(
        read("run `segue push DIR --to URL` and `segue config check --config FILE`"),
        [("push".to_owned(), 1), ("config check".to_owned(), 1)]
    );
    assert_eq!(read("    $ segue rollback --to=URL | jq .\nsegue serves\n"), [("rollback".to_owned(), 1)]);
    assert_eq!(help(&["no-such-command".to_owned()]), None);
    assert!(list(&container()["args"])[0] == "serve" && help(&["serve".to_owned()]).is_some());
}

/// The status of a reply of which no more is read: some never end.
fn status(site: &Site, path: &str) -> u16 {
    let mut line = String::new();
    BufReader::new(site.begin(("GET", path), &[], 0)).read_line(&mut line).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// What runs the program: code in backticks, and lines of code blocks, comments and units.
fn lines(text: &str) -> impl Iterator<Item = Line> {
    let spans = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let blocks = text.lines().filter_map(|line| {
        let indented = line.trim_start_matches(['#', ' ', '$']);
        let (_, after) = indented.split_once('=').filter(|(key, _)| key.starts_with("Exec")).unwrap_or(("", indented));
        (line.len() - indented.len() >= 4 || line.starts_with(['$', 'E', 's'])).then_some(after)
    });
    spans.chain(blocks).filter_map(line)
}

fn line(text: &str) -> Option<Line> {
    let run = text.split(['|', ';', '>']).next()?.trim();
    let run = run.strip_prefix("segue ").or_else(|| run.strip_prefix("/usr/local/bin/segue "))?;
    let words: Vec<&str> = run.split_whitespace().collect();
    let depth = if NESTED.contains(words.first()?) { 2 } else { 1 };
    let command: Vec<String> = words.iter().take(depth).map(|word| (*word).to_owned()).collect();
    let is_word = |word: &String| word.bytes().all(|letter| letter.is_ascii_lowercase() || letter == b'-');
    let flags = words.iter().filter(|word| word.starts_with("--") && word.len() > 2);
    let flags = flags.map(|flag| flag.split('=').next().unwrap().to_owned()).collect();
    // A sentence that begins with our name runs nothing.
    let prose = run.ends_with(['.', ',']) || command.iter().any(|word| word.ends_with(','));
    (command.iter().all(is_word) && !prose && command[0] != "serves").then_some(Line { command, flags })
}

/// The help of a command; none where there is no such command.
fn help(command: &[String]) -> Option<String> {
    let args: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
    let output = segue(&args);
    output.status.success().then(|| said(&output))
}
