//! A model that fails: the next rung answers, the threads live on, and the breaker spares both for a while.

use std::sync::Arc;
use std::time::Duration;

use segue::answer::Source;
use segue::wire::json::AnswerBody;

use crate::puppet::{Deed, Strings, puppet};
use crate::site::{Site, UNSEEN, check_degraded, question};
use crate::support::service::until;

/// Three failures open the breaker, for so long.
fn site(open: Duration) -> (Site, Strings) {
    let (puppet, strings) = puppet();
    let site = Site::computing(Arc::new(puppet), |config| {
        (config.model.breaker_failures, config.model.breaker_open) = (3, open);
    });
    (site, strings)
}

/// Asks, and ends the computation if one is meant to begin.
fn asked(site: &Site, strings: &Strings, deed: Option<Deed>) -> AnswerBody {
    deed.into_iter().for_each(|deed| strings.end(deed));
    let answer = site.running.http().post("/next-clusters", &question(UNSEEN, 1)).json(200);
    assert_eq!(strings.count(), usize::from(deed.is_some()), "{deed:?}");
    answer
}

#[test]
fn failures_are_told_counted_and_never_kept() {
    let (site, strings) = site(Duration::from_secs(3600));
    check_degraded(&asked(&site, &strings, Some(Deed::Panic)), "model_failed");
    check_degraded(&asked(&site, &strings, Some(Deed::Nonsense)), "model_failed");
    let answer = asked(&site, &strings, Some(Deed::Answer));
    assert_eq!((answer.source, answer.degraded), (Source::Model, None), "the same thread answers on");
    for failure in ["panicked", "not_finite"] {
        assert_eq!(site.running.counted(&format!("segue_model_failures_total{{failure=\"{failure}\"}}")), 1);
    }
    assert_eq!(site.running.counted("segue_model_refused_total{reason=\"model_failed\"}"), 2);
    assert_eq!(site.running.counted("segue_degraded_total{door=\"http\",reason=\"model_failed\"}"), 2);
}

#[test]
fn an_open_breaker_spares_the_model() {
    let (site, strings) = site(Duration::from_secs(3600));
    for _ in 0..3 {
        check_degraded(&asked(&site, &strings, Some(Deed::Panic)), "model_failed");
    }
    assert_eq!(site.running.counted("segue_model_breaker_state"), 2);
    check_degraded(&asked(&site, &strings, None), "model_unavailable");
    let table: AnswerBody = site.running.http().post("/next-clusters", &question(&[10, 20], 1)).json(200);
    assert_eq!((table.source, table.degraded), (Source::Table, None));
}

#[test]
fn the_breaker_tries_again_and_closes_with_the_first_answer() {
    let (site, strings) = site(Duration::from_millis(1));
    for _ in 0..3 {
        strings.end(Deed::Panic);
        site.running.http().post("/next-clusters", &question(UNSEEN, 1)).json::<AnswerBody>(200);
    }
    until("the time is up", || site.running.counted("segue_model_breaker_state") == 1);
    check_degraded(
        &{
            strings.end(Deed::Nonsense);
            site.running.http().post("/next-clusters", &question(UNSEEN, 1)).json::<AnswerBody>(200)
        },
        "model_failed",
    );
    until("the time is up again", || site.running.counted("segue_model_breaker_state") == 1);
    strings.count();
    assert_eq!(asked(&site, &strings, Some(Deed::Answer)).source, Source::Model);
    assert_eq!(site.running.counted("segue_model_breaker_state"), 0);
}

/// A model that does not end is a failure as well, where it had all the time that it is ever given.
#[test]
fn only_time_that_was_the_models_own_counts_against_it() {
    let (puppet, strings) = puppet();
    let site = Site::computing(Arc::new(puppet), |config| {
        config.model.timeout = Duration::from_millis(200);
        (config.model.breaker_failures, config.model.breaker_open) = (2, Duration::from_secs(3600));
    });
    let mut http = site.running.http();
    let mut short = question(UNSEEN, 1);
    short.timeout_ms = Some(20);
    for _ in 0..4 {
        // A busy machine may take all of so little time.
        until("there is time to reply", || {
            let reply = http.post("/next-clusters", &short);
            let in_time = reply.status != 504;
            in_time.then(|| check_degraded(&reply.json(200), "model_timeout"));
            in_time
        });
    }
    assert_eq!(site.running.counted("segue_model_breaker_state"), 0);
    for _ in 0..2 {
        check_degraded(&http.post("/next-clusters", &question(UNSEEN, 1)).json(200), "model_timeout");
    }
    assert_eq!(site.running.counted("segue_model_breaker_state"), 2);
    strings.end(Deed::Answer);
}
