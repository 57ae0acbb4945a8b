//! The configuration's promises: precedence, every problem at once with its place, and one table behind every form.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use clap::{Args, Command, FromArgMatches};
use segue::config::table::{SECTIONS, keys};
use segue::config::value::Raw;
use segue::config::{Config, ConfigArgs, Flavor, Rung, Settings, Sources, defaults, render};

/// Environment variables as a row of a table writes them.
type Variables<'a> = &'a [(&'a str, &'a str)];

/// What the three sources say in one row of a table.
#[derive(Default)]
struct Given<'a> {
    file: &'a str,
    variables: Variables<'a>,
    flags: &'a [&'a str],
}

fn settings(given: &Given<'_>) -> Settings {
    let variables = given.variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let sources = Sources::default().with_text(Path::new("segue.toml"), given.file);
    Settings::resolve(sources.with_variables(variables).with_flags(&args(given.flags)))
}

fn args(flags: &[&str]) -> ConfigArgs {
    let command = ConfigArgs::augment_args(Command::new("segue"));
    let words = std::iter::once("segue").chain(flags.iter().copied());
    let matches = command.try_get_matches_from(words).expect("the row's flags exist");
    ConfigArgs::from_arg_matches(&matches).expect("no flag is required")
}

fn problems(given: &Given<'_>) -> Vec<String> {
    settings(given).problems().iter().map(ToString::to_string).collect()
}

/// A file with the one key that must be set, so that rows name only what they are about.
fn file(rest: &str) -> String {
    format!("release.dir = \"d\"\n{rest}")
}

#[track_caller]
fn check(given: &Given<'_>, expected: &[&str]) {
    assert_eq!(problems(given), expected, "file:\n{}", given.file);
}

#[test]
fn the_strongest_source_wins() {
    let text = file("http.body_bytes_max = 2000");
    let variable: Variables<'_> = &[("SEGUE_HTTP_BODY_BYTES_MAX", "3000")];
    let flag: &[&str] = &["--http-body-bytes-max", "4000"];
    let rows: &[(&str, Variables<'_>, &[&str], usize, &str)] = &[
        ("release.dir = 'd'", &[], &[], 1024 * 1024, "default"),
        (&text, &[], &[], 2000, "segue.toml:2"),
        (&text, variable, &[], 3000, "variable SEGUE_HTTP_BODY_BYTES_MAX"),
        (&text, variable, flag, 4000, "flag --http-body-bytes-max"),
        (&text, &[], flag, 4000, "flag --http-body-bytes-max"),
    ];
    let key = keys().find(|key| key.name == "http.body_bytes_max").unwrap();
    for &(file, variables, flags, expected, origin) in rows {
        let settings = settings(&Given { file, variables, flags });
        assert_eq!(settings.setting(key).origin.to_string(), origin);
        assert_eq!(settings.into_config().unwrap().http.body_bytes_max, expected, "{origin}");
    }
}

#[test]
fn every_key_is_read_from_every_source() {
    for key in keys() {
        let (word, flag, variable) = (key.word, format!("--{}", key.flag()), key.variable());
        let value = key.kind.example().map_or_else(|| key.kind.stand_in().to_string(), str::to_owned);
        let plain = value.trim_matches(['[', ']']).replace(['"', ' '], "");
        let in_file = format!("[{}]\n{word} = {value}", key.section);
        let rows: [Given<'_>; 3] = [
            Given { file: &in_file, ..Given::default() },
            Given { variables: &[(&variable, &plain)], ..Given::default() },
            Given { flags: &[&flag, &plain], ..Given::default() },
        ];
        for (row, origin) in
            rows.iter().zip(["segue.toml:2".into(), format!("variable {variable}"), format!("flag {flag}")])
        {
            let settings = settings(row);
            assert_eq!(settings.setting(key).origin.to_string(), origin);
            assert!(!settings.setting(key).at_fault, "{}: {plain}", key.name);
        }
    }
}

#[test]
fn one_wrong_value_is_named_with_its_place() {
    let address = "expected an IP address and port such as \"127.0.0.1:8080\"";
    let rows: &[(&str, String)] = &[
        ("[http]\nlisten = 8080", format!("segue.toml:3: http.listen: {address}, got 8080")),
        ("[http]\nlisten = \"localhost\"", format!("segue.toml:3: http.listen: {address}, got \"localhost\"")),
        (
            "[runtime]\nworkers = -1",
            "segue.toml:3: runtime.workers: expected a whole number from 0 to 1024, got -1".into(),
        ),
        (
            "[runtime]\nworkers = 2.5",
            "segue.toml:3: runtime.workers: expected a whole number from 0 to 1024, got 2.5".into(),
        ),
        (
            "[runtime]\nworkers = \"2\"",
            "segue.toml:3: runtime.workers: expected a whole number from 0 to 1024, got \"2\"".into(),
        ),
        (
            "[runtime]\nflavor = \"fast\"",
            "segue.toml:3: runtime.flavor: expected one of per_core, shared, got \"fast\"".into(),
        ),
        (
            "[answer]\nrungs = []",
            "segue.toml:3: answer.rungs: expected a list of different words out of table, model, suffix, popular, got []"
                .into(),
        ),
        (
            "[answer]\nrungs = [\"table\", \"table\"]",
            "segue.toml:3: answer.rungs: expected a list of different words out of table, model, suffix, popular, \
             got [\"table\", \"table\"]"
                .into(),
        ),
        ("release.golden_required = 1", "segue.toml:2: release.golden_required: expected true or false, got 1".into()),
        ("[admin]\ntoken_file = \"\"", "segue.toml:3: admin.token_file: expected the path of a file, got \"\"".into()),
        (
            "[request]\nlimit_max = 99999999999999999999",
            "segue.toml:3: request.limit_max: expected a whole number from 1 to 1000, got 99999999999999999999".into(),
        ),
        ("[unseen]\nsample = 0", "segue.toml:3: unseen.sample: expected a share above 0, at most 1, got 0".into()),
        ("[unseen]\nsample = 1.5", "segue.toml:3: unseen.sample: expected a share above 0, at most 1, got 1.5".into()),
        (
            "[gates]\nsignature_keys = [\"a\", \"a\"]",
            "segue.toml:3: gates.signature_keys: expected a list of different paths of files, got [\"a\", \"a\"]".into(),
        ),
        (
            "[gates]\nquality_floors = [\"hit_5\"]",
            "segue.toml:3: gates.quality_floors: expected a list of floors such as \"hit_5=0.25\", each of another figure, \
             got [\"hit_5\"]"
                .into(),
        ),
        (
            "[gates]\nquality_floors = [\"a=1\", \"a=2\"]",
            "segue.toml:3: gates.quality_floors: expected a list of floors such as \"hit_5=0.25\", each of another figure, \
             got [\"a=1\", \"a=2\"]"
                .into(),
        ),
        ("http = 3", "segue.toml:2: http: expected a section: [http] on a line of its own, got 3".into()),
    ];
    for (text, expected) in rows {
        check(&Given { file: &file(text), ..Given::default() }, &[expected]);
    }
}

#[test]
fn bounds_are_part_of_the_range() {
    for (value, refused) in [("0", true), ("1", false), ("1000", false), ("1001", true)] {
        let flags = ["--release-dir", "d", "--request-limit-max", value, "--request-limit-default", "1"];
        assert_eq!(!problems(&Given { flags: &flags, ..Given::default() }).is_empty(), refused, "{value}");
    }
}

#[test]
fn unknown_names_are_refused_with_the_nearest_known_one() {
    let rows: &[(&str, Variables<'_>, &str)] = &[
        ("[htttp]", &[], "segue.toml:2: unknown section [htttp]; did you mean http?"),
        ("[cache]", &[], "segue.toml:2: unknown section [cache]; `segue config reference` lists every key"),
        ("[http]\nlissten = 1", &[], "segue.toml:3: unknown key http.lissten; did you mean http.listen?"),
        ("[http]\npoll_ms = 1", &[], "segue.toml:3: unknown key http.poll_ms; did you mean release.poll_ms?"),
        ("poll_ms = 1", &[], "segue.toml:2: unknown key poll_ms; did you mean release.poll_ms?"),
        ("[http]\ncolour = 1", &[], "segue.toml:3: unknown key http.colour; `segue config reference` lists every key"),
        (
            "",
            &[("SEGUE_HTTP_LISTN", "")],
            "variable SEGUE_HTTP_LISTN: no key has this variable; did you mean SEGUE_HTTP_LISTEN?",
        ),
        (
            "",
            &[("SEGUE_HTTP_PORT", "8080")],
            "variable SEGUE_HTTP_PORT: no key has this variable; `segue config reference` lists every key",
        ),
        (
            "",
            &[("SEGUE_COLOUR", "")],
            "variable SEGUE_COLOUR: no key has this variable; `segue config reference` lists every key",
        ),
    ];
    for (text, variables, expected) in rows {
        check(&Given { file: &file(text), variables, flags: &[] }, &[expected]);
    }
}

#[test]
fn variables_that_the_platform_sets_are_not_ours() {
    let names = [
        "SEGUE_SERVICE_HOST",
        "SEGUE_SERVICE_PORT",
        "SEGUE_SERVICE_PORT_HTTP",
        "SEGUE_PORT",
        "SEGUE_PORT_8080_TCP",
        "SEGUE_PORT_8080_TCP_ADDR",
        "SEGUE_HTTP_SERVICE_HOST",
        "SEGUE_HTTP_PORT",
        "SEGUE_CONFIG",
        "PATH",
    ];
    for name in names {
        check(&Given { file: &file(""), variables: &[(name, "tcp://10.0.0.1:8080")], flags: &[] }, &[]);
    }
}

#[test]
fn values_that_do_not_go_together_are_refused() {
    let rows: &[(&str, &str)] = &[
        (
            "grpc.listen = \"127.0.0.1:8080\"",
            "http.listen (default) and grpc.listen (segue.toml:2): expected different addresses, \
             got 0.0.0.0:8080 and 127.0.0.1:8080",
        ),
        (
            "http.listen = \"127.0.0.1:9090\"",
            "http.listen (segue.toml:2) and admin.listen (default): expected different addresses, \
             got 127.0.0.1:9090 and 127.0.0.1:9090",
        ),
        (
            "admin.listen = \"[::1]:50051\"",
            "grpc.listen (default) and admin.listen (segue.toml:2): expected different addresses, \
             got 0.0.0.0:50051 and [::1]:50051",
        ),
        (
            "admin.listen = \"0.0.0.0:9090\"",
            "admin.listen (segue.toml:2) and admin.token_file (default): expected a token file, or \
             admin.tls_client_ca_file, when the operator's door listens beyond loopback, got 0.0.0.0:9090 and no token file",
        ),
        (
            "admin.reads = \"token\"",
            "admin.reads (segue.toml:2) and admin.token_file (default): expected a token file, or admin.tls_client_ca_file, \
             where reads need a role, got token and no token file",
        ),
        (
            "gates.signature = \"required\"",
            "gates.signature (segue.toml:2) and gates.signature_keys (default): expected at least one key where signatures \
             are required, got \"required\" and no key",
        ),
        (
            "request.limit_max = 5",
            "request.limit_default (default) and request.limit_max (segue.toml:2): expected the first to be at most the \
             second, got 10 and 5",
        ),
        (
            "request.deadline_max_ms = 99",
            "request.deadline_default_ms (default) and request.deadline_max_ms (segue.toml:2): expected the first to be \
             at most the second, got 100 and 99",
        ),
        (
            "canary.window_ms = 499",
            "canary.check_ms (default) and canary.window_ms (segue.toml:2): expected the first to be at most the second, got \
             500 and 499",
        ),
        (
            "request.in_flight_max = 255",
            "request.batch_max (default) and request.in_flight_max (segue.toml:2): expected the first to be at most the \
             second, got 256 and 255",
        ),
    ];
    for (text, expected) in rows {
        check(&Given { file: &file(text), ..Given::default() }, &[expected]);
    }
}

#[test]
fn certificates_that_do_not_go_together_name_both_keys() {
    let rows = [
        (
            "http.tls_cert_file = \"c\"",
            "http.tls_cert_file (segue.toml:2) and http.tls_key_file (default): expected both or neither, got c and no file",
        ),
        (
            "grpc.tls_key_file = \"k\"",
            "grpc.tls_cert_file (default) and grpc.tls_key_file (segue.toml:2): expected both or neither, got no file and k",
        ),
        (
            "admin.tls_client_ca_file = \"a\"",
            "admin.tls_client_ca_file (segue.toml:2) and admin.tls_cert_file (default): expected the door's own certificate \
             where clients are asked for theirs, got a and no file",
        ),
        (
            "http.tls_client_crl_file = \"r\"",
            "http.tls_client_crl_file (segue.toml:2) and http.tls_client_ca_file (default): expected the authorities of \
             clients' certificates where some of those are revoked, got r and no file",
        ),
    ];
    for (text, expected) in rows {
        check(&Given { file: &file(text), ..Given::default() }, &[expected]);
    }
}

#[test]
fn values_that_go_together_are_accepted() {
    let rows = [
        "http.listen = \"127.0.0.1:0\"\ngrpc.listen = \"127.0.0.1:0\"\nadmin.listen = \"127.0.0.1:0\"",
        "http.listen = \"127.0.0.1:9000\"\ngrpc.listen = \"127.0.0.2:9000\"",
        "admin.listen = \"0.0.0.0:9090\"\nadmin.token_file = \"/run/secrets/token\"",
        "request.limit_default = 100",
        "admin.listen = \"0.0.0.0:9090\"\nadmin.tls_cert_file = \"c\"\nadmin.tls_key_file = \"k\"\nadmin.tls_client_ca_file = \"a\"",
        "admin.reads = \"token\"\nadmin.token_file = \"/run/secrets/token\"",
        "gates.signature = \"required\"\ngates.signature_keys = [\"/etc/segue/release.pub\"]",
    ];
    for text in rows {
        check(&Given { file: &file(text), ..Given::default() }, &[]);
    }
}

#[test]
fn all_problems_are_reported_together() {
    let given = Given {
        file: "[http]\nlisten = 1\nbogus = 2\n[request]\nlimit_max = 5\n[nope]\n",
        variables: &[("SEGUE_DRAIN_GRACE_MS", "soon"), ("SEGUE_NOPE_NOPE", "1")],
        flags: &["--log-level", "loud"],
    };
    let expected = [
        "segue.toml:3: unknown key http.bogus; `segue config reference` lists every key",
        "segue.toml:6: unknown section [nope]; `segue config reference` lists every key",
        "variable SEGUE_NOPE_NOPE: no key has this variable; `segue config reference` lists every key",
        "segue.toml:2: http.listen: expected an IP address and port such as \"127.0.0.1:8080\", got 1",
        "release.dir: not set; expected the path of a directory: set it in the file, with --release-dir or with \
         SEGUE_RELEASE_DIR",
        "variable SEGUE_DRAIN_GRACE_MS: drain.grace_ms: expected a whole number from 0 to 3600000, got \"soon\"",
        "flag --log-level: log.level: expected one of error, warn, info, debug, trace, got \"loud\"",
        "request.limit_default (default) and request.limit_max (segue.toml:5): expected the first to be at most the \
         second, got 10 and 5",
    ];
    check(&given, &expected);
    let error = settings(&given).into_config().unwrap_err().to_string();
    assert!(error.starts_with("the configuration has 8 problems:\n  segue.toml:3: unknown key"), "{error}");
}

#[test]
fn a_value_at_fault_is_not_judged_twice() {
    let text = file("admin.listen = \"0.0.0.0:9090\"\nadmin.token_file = 7");
    check(
        &Given { file: &text, ..Given::default() },
        &["segue.toml:3: admin.token_file: expected the path of a file, got 7"],
    );
}

#[test]
fn a_file_that_is_not_toml_or_not_there_is_one_problem_among_others() {
    let broken = problems(&Given { file: "[http]\nlisten = = 1", ..Given::default() });
    assert!(broken[0].starts_with("segue.toml:2: expected TOML: "), "{broken:?}");
    assert_eq!(broken.len(), 1, "what an unread file would have set is not called missing: {broken:?}");
    let sources = Sources::default().with_file(Path::new("/nonexistent/segue.toml"));
    let missing = Settings::resolve(sources.with_flags(&args(&["--drain-grace-ms", "soon"])));
    let messages: Vec<_> = missing.problems().iter().map(ToString::to_string).collect();
    assert!(messages[0].starts_with("/nonexistent/segue.toml: cannot be read: "), "{messages:?}");
    assert!(messages[1].starts_with("flag --drain-grace-ms: "), "{messages:?}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_unicode_is_refused() {
    use std::os::unix::ffi::OsStringExt;
    let variable = (OsString::from("SEGUE_LOG_LEVEL"), OsString::from_vec(vec![0xff]));
    let settings =
        Settings::resolve(Sources::default().with_text(Path::new("f"), &file("")).with_variables([variable]));
    let messages: Vec<_> = settings.problems().iter().map(ToString::to_string).collect();
    let expected = "variable SEGUE_LOG_LEVEL: expected Unicode text, got bytes that are not; set it again or unset it";
    assert_eq!(messages, [expected]);
}

#[test]
fn defaults_are_within_their_own_bounds_and_typed() {
    for key in keys() {
        let Some(value) = key.kind.default().filter(|value| !value.to_string().is_empty()) else { continue };
        let parsed: toml::Table = format!("v = {value}").parse().unwrap();
        let raw = Raw::Toml { value: parsed["v"].clone(), written: value.to_string() };
        assert_eq!(raw.check(&key.kind), Some(value), "{}", key.name);
    }
    let config = Config::defaults(Path::new("store"));
    assert_eq!(config.http.listen.port(), 8080);
    let timeout = Duration::from_millis(defaults::HTTP_HEADER_READ_TIMEOUT_MS);
    assert_eq!(config.http.header_read_timeout, timeout, "milliseconds, not seconds");
    assert_eq!(config.runtime.flavor, Flavor::PerCore);
    assert_eq!(config.answer.rungs, [Rung::Table, Rung::Model, Rung::Suffix, Rung::Popular]);
    assert_eq!(config.admin.token_file, None);
    assert_eq!(config.release.dir, Path::new("store"));
}

#[test]
fn the_reference_is_a_valid_file_with_every_key_at_its_default() {
    let text = render::reference();
    let settings = settings(&Given { file: &text, ..Given::default() });
    assert_eq!(settings.problems().len(), 0, "{:?}", settings.problems());
    let config = settings.into_config().unwrap();
    assert_eq!(config, Config::defaults(Path::new("/var/lib/segue")));
    keys().for_each(|key| assert!(text.contains(&format!("{} = ", key.word)), "{}", key.name));
}

#[test]
fn the_committed_reference_is_the_one_the_table_gives() {
    let (committed, rendered) = (include_str!("../deploy/config/segue.toml"), render::reference());
    let rewrite = "run: cargo run -- config reference > deploy/config/segue.toml";
    committed
        .lines()
        .zip(rendered.lines())
        .for_each(|(committed, rendered)| assert_eq!(committed, rendered, "{rewrite}"));
    assert_eq!(committed.len(), rendered.len(), "{rewrite}");
}

#[test]
fn what_is_shown_can_be_read_back_and_names_origins() {
    let text = file("[answer]\nrungs = [\"popular\"]");
    let given = Given { file: &text, variables: &[("SEGUE_ADMIN_TOKEN_FILE", "/t")], flags: &["--log-format", "json"] };
    let shown = render::show_toml(&settings(&given));
    let reread = settings(&Given { file: &shown, ..Given::default() }).into_config().unwrap();
    assert_eq!(reread, settings(&given).into_config().unwrap());
    for (line, origin) in [
        ("rungs = [\"popular\"]", "# segue.toml:3"),
        ("token_file = \"/t\"", "# variable SEGUE_ADMIN_TOKEN_FILE; contents hidden"),
        ("format = \"json\"", "# flag --log-format"),
        ("level = \"info\"", "# default"),
    ] {
        assert!(shown.lines().any(|shown| shown.starts_with(line) && shown.ends_with(origin)), "{line}\n{shown}");
    }
    let json = render::show_json(&settings(&given));
    assert_eq!(json["log.format"], serde_json::json!({ "value": "json", "origin": "flag --log-format" }));
}

#[test]
fn names_are_unique_in_every_form_and_every_key_has_help() {
    let mut forms: Vec<_> = keys().flat_map(|key| [key.flag(), key.variable()]).collect();
    let count = forms.len();
    forms.sort();
    forms.dedup();
    assert_eq!(forms.len(), count);
    assert!(SECTIONS.iter().all(|section| !section.help.is_empty()));
    assert!(
        keys().all(|key| key.help.iter().all(|line| line.starts_with(' ') && line.len() > 3)),
        "help is a sentence"
    );
}
