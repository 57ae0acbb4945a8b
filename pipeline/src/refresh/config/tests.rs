//! Every problem is told at once, with its line; the example has every key, each with a comment, and can be read.

use std::path::Path;

use super::*;

const EXAMPLE: &str = include_str!("../../../../deploy/refresh.toml");
const LEAST: &str = "[refresh]\nstate = \"s\"\n[input]\ncatalogue = \"c.csv\"\n[publish]\nto = \"out\"\n";

fn read_text(text: &str) -> Result<RefreshSettings, Vec<String>> {
    parse(text, Path::new("/etc")).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// The example's keys as `section.key`, whether they are given or only shown, each with whether a comment stands before it.
fn shown() -> Vec<(String, bool)> {
    let (mut section, mut keys, mut before) = ("", Vec::new(), "");
    for line in EXAMPLE.lines() {
        let key = line.trim_start_matches("# ").split(" = ").next().unwrap_or("");
        let is_key = line.contains(" = ")
            && !key.is_empty()
            && key.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if is_key {
            keys.push((format!("{section}.{key}"), before.starts_with("# ") && before.contains(' ')));
        }
        before = line;
    }
    keys
}

#[test]
fn the_example_shows_every_key_with_a_comment() {
    let shown = shown();
    let mut names: Vec<String> = shown.iter().map(|(name, _)| name.clone()).collect();
    let mut known = keys();
    names.sort();
    known.sort();
    assert_eq!(names, known);
    let bare: Vec<_> = shown.iter().filter(|(_, commented)| !commented).collect();
    assert!(bare.is_empty(), "{bare:?}");
}

#[test]
fn the_example_is_right_as_it_is_and_with_all_that_it_only_shows() {
    let settings = read_text(EXAMPLE).unwrap();
    assert_eq!(settings.state, Path::new("/etc/state"));
    assert_eq!(settings.input.log.events, ["/etc/events/"]);
    assert_eq!(settings.weigh.half_life_days, Some(60.0));
    let all: String = EXAMPLE.lines().map(|line| uncommented(line) + "\n").collect();
    let settings = read_text(&all).unwrap();
    assert!(settings.privacy.noise.is_some() && settings.input.log.items.is_some() && settings.model.is_some());
}

fn uncommented(line: &str) -> String {
    let shown = line.strip_prefix("# ").filter(|rest| rest.split(" = ").count() == 2 && !rest.contains(". "));
    shown.filter(|rest| !rest.split(" = ").next().unwrap_or(" ").contains(' ')).unwrap_or(line).to_owned()
}

#[test]
fn the_defaults_are_those_of_the_example() {
    let (least, example) = (read_text(LEAST).unwrap(), read_text(EXAMPLE).unwrap());
    assert_eq!(least.count, example.count);
    assert_eq!(least.quality, example.quality);
    assert_eq!(least.privacy, example.privacy);
    assert_eq!(least.release.width, example.release.width);
    assert_eq!((least.weigh.half_life_days, least.weigh.window_days), (None, None));
    assert!(least.publish.activate && least.model.is_none());
    assert_eq!(format!("{:?}", least.input.log.columns), format!("{:?}", example.input.log.columns));
}

#[test]
fn each_wrong_key_is_told() {
    let cases = [
        ("count.depth = 2", "unknown count; deploy/refresh.toml"),
        ("[cout]\ndepth = 2", "unknown cout.depth; did you mean count.depth?"),
        ("[count]\ndepht = 2", "unknown count.depht; did you mean count.depth?"),
        ("[weigh]\ndepth = 2", "unknown weigh.depth; did you mean count.depth?"),
        ("[count]\ndepth = 4", "count.depth: expected a whole number, 1 to 3, got 4"),
        ("[count]\nmode = \"novel\"", "count.mode: expected one of distinct, changes, raw, got \"novel\""),
        ("[weigh]\nhalf_life_days = 0", "weigh.half_life_days: expected a number of days above 0, got 0"),
        (
            "[weigh]\nsmoothing = [50, -1]",
            "weigh.smoothing: expected a list of numbers of 0 or more, at least one, got [50, -1]",
        ),
        ("[privacy]\nepsilon = 1", "[privacy] epsilon, delta: expected both or neither"),
        ("[columns]\nitem = \"sku\"", "[columns] item, item_map: expected both or neither"),
        ("[model]\nweight = 1.5", "model.weight: expected a share from 0 to 1, got 1.5"),
        ("[gates]\nrecall = \"high\"", "gates.recall: expected a limit of 0 or more, or true or false, got \"high\""),
        ("[gates]\nrecall = 3", "gates.recall: the limit is 3, expected 0 to 1"),
        ("[release]\nversion = \"../x\"", "release.version: expected a name of letters"),
        ("[input", "expected TOML"),
    ];
    for (text, expected) in cases {
        let text = if text.starts_with("[input") { text.to_owned() } else { format!("{text}\n{LEAST}") };
        let text = if text.starts_with("count.") { text.replace("count.depth = 2", "count = 2") } else { text };
        let problems = read_text(&text).unwrap_err();
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{text}: {problems:?}");
    }
}

#[test]
fn all_problems_are_told_at_once_by_line() {
    let problems = read_text("[count]\ndepth = 9\n\n[wiegh]\nmin_count = 1\n[gates]\nrecall = -1\n").unwrap_err();
    let starts = [
        "refresh.state: not given",
        "input.catalogue: not given",
        "publish.to: not given",
        "line 2:",
        "line 4:",
        "line 5:",
        "line 7:",
    ];
    assert_eq!(problems.len(), starts.len(), "{problems:#?}");
    for (problem, start) in problems.iter().zip(starts) {
        assert!(problem.starts_with(start), "{problem}, not {start}");
    }
}

#[test]
fn a_gate_is_a_limit_or_a_switch() {
    let gates = read_text(&format!("{LEAST}[gates]\nrecall = 0.5\nshrink = false\nbytes = 1000\n")).unwrap().gates;
    assert_eq!((gates.recall.on, gates.recall.limit), (true, Some(0.5)));
    assert_eq!(
        (gates.shrink.on, gates.bytes.limit, gates.previous),
        (false, Some(1000.0), crate::gate::Gate::default())
    );
}
