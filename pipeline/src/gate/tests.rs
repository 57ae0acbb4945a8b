//! Each gate trips on its own figure and no other's.

use super::*;
use crate::measure::{Figures, Interval, Mean};
use crate::quality::Made;

fn hit(hit_1: f64, hit_5: f64) -> Interval {
    let figures = Figures { hit_1, hit_5, ..Figures::default() };
    Interval { measured: figures, low: figures, high: figures }
}

/// A release that every gate lets pass, just.
fn sound() -> Quality {
    let mut quality = Quality { requests: 100, over_popularity: hit(0.0, 0.0), ..Quality::default() };
    quality.over_previous = Some(hit(0.0, 0.0));
    quality.release.figures = hit(0.015, 0.1);
    quality.release.coverage = Mean { measured: 0.9, ..Mean::default() };
    quality.made =
        Some(Made { match_rate: 0.9, histories: 50, previous_histories: Some(100), table_bytes: 8_000_000_000 });
    quality
}

fn changed(change: impl FnOnce(&mut Quality)) -> Quality {
    let mut quality = sound();
    change(&mut quality);
    quality
}

fn made(change: impl FnOnce(&mut Made)) -> Quality {
    changed(|quality| change(quality.made.as_mut().unwrap()))
}

fn of(verdicts: &[Verdict], ruling: Ruling) -> Vec<&str> {
    verdicts.iter().filter(|verdict| verdict.ruling == ruling).map(|verdict| verdict.gate.as_str()).collect()
}

#[test]
fn each_gate_refuses_its_own_fault() {
    let cases = [
        (made(|made| made.match_rate = 0.8999), "match_rate", "0.8999, expected at least 0.9000; is the model of this"),
        (changed(|quality| quality.requests = 99), "requests", "99, expected at least 100"),
        (changed(|quality| quality.release.figures = hit(0.0149, 0.9)), "recall", "0.0149, expected at least 0.0150"),
        (changed(|quality| quality.over_popularity = hit(0.0, -0.001)), "popularity", "-0.0010, expected at least 0;"),
        (changed(|quality| quality.over_previous = Some(hit(0.0, -0.02))), "previous", "-0.0200, expected at least 0;"),
        (changed(|quality| quality.release.coverage.measured = f64::NAN), "coverage", "NaN, expected at least 0.9000"),
        (made(|made| made.histories = 49), "shrink", "0.4900, expected at least 0.5000"),
        (made(|made| made.table_bytes += 1), "bytes", "8000000001, expected at most 8000000000"),
    ];
    assert!(of(&judge(&sound(), &Gates::default()), Ruling::Passed).len() == cases.len());
    for (quality, gate, reason) in cases {
        let verdicts = judge(&quality, &Gates::default());
        assert_eq!(of(&verdicts, Ruling::Refused), [gate]);
        let verdict = verdicts.iter().find(|verdict| verdict.refuses()).unwrap();
        assert!(verdict.reason.contains(reason), "{}", verdict.reason);
    }
}

#[test]
fn a_difference_is_refused_only_beyond_doubt() {
    let mut over = hit(0.0, -0.2);
    over.high.hit_5 = 0.01;
    assert!(
        of(&judge(&changed(|quality| quality.over_previous = Some(over)), &Gates::default()), Ruling::Refused)
            .is_empty()
    );
    over.high.hit_5 = -0.01;
    let worse = changed(|quality| quality.over_previous = Some(over));
    assert_eq!(of(&judge(&worse, &Gates::default()), Ruling::Refused), ["previous"]);
    let allowed: Gates = serde_json::from_str(r#"{"previous":{"limit":0.01}}"#).unwrap();
    assert!(of(&judge(&worse, &allowed), Ruling::Refused).is_empty());
}

#[test]
fn what_is_off_or_missing_refuses_nothing() {
    let verdicts = judge(&Quality::default(), &Gates::default());
    assert_eq!(of(&verdicts, Ruling::Refused), ["requests"], "that nothing was measured is the only fault");
    assert_eq!(of(&verdicts, Ruling::NotJudged).len(), 7);
    let verdicts = judge(&Quality { requests: 500, ..Quality::default() }, &Gates::default());
    assert_eq!(of(&verdicts, Ruling::NotJudged), ["match_rate", "previous", "shrink", "bytes"]);
    assert_eq!(of(&verdicts, Ruling::Refused), ["recall", "coverage"]);
    let gates: Gates =
        serde_json::from_str(r#"{"recall":{"on":false},"coverage":{"on":false},"requests":{"limit":501}}"#).unwrap();
    let verdicts = judge(&Quality { requests: 500, ..Quality::default() }, &gates);
    assert_eq!(
        (of(&verdicts, Ruling::Off), of(&verdicts, Ruling::Refused)),
        (vec!["recall", "coverage"], vec!["requests"])
    );
}

#[test]
fn the_section_refuses_what_it_does_not_know_and_limits_that_make_no_sense() {
    assert_eq!(serde_json::from_str::<Gates>("{}").unwrap(), Gates::default());
    for unknown in [r#"{"recal":{}}"#, r#"{"recall":{"min":0.1}}"#, r#"{"recall":0.1}"#] {
        assert!(serde_json::from_str::<Gates>(unknown).is_err(), "{unknown}");
    }
    let gates: Gates =
        serde_json::from_str(r#"{"recall":{"limit":1.5},"bytes":{"limit":-1},"shrink":{"limit":1}}"#).unwrap();
    assert_eq!(
        gates.problems(),
        ["recall: the limit is 1.5, expected 0 to 1", "bytes: the limit is -1, expected 0 to inf"]
    );
}

#[test]
fn the_rules_stand_in_the_order_of_the_section() {
    let names: Vec<String> = judge(&sound(), &Gates::default()).into_iter().map(|verdict| verdict.gate).collect();
    let section = serde_json::to_value(Gates::default()).unwrap();
    let mut fields: Vec<&String> = section.as_object().unwrap().keys().collect();
    let mut sorted: Vec<&String> = names.iter().collect();
    fields.sort();
    sorted.sort();
    assert_eq!(fields, sorted);
}
