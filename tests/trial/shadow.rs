//! Questions that a shadow answers as well: what is compared, what is dropped, and that nobody sees any of it.

use std::sync::Arc;

use segue::model::Model;
use segue::model::rank::{Question, Ranked, Working};
use segue::model::worker::{Compute, EngineCompute};
use segue::snapshot::live::Trial;
use segue::trial::figures::ShadowFigures;

use crate::site::{Site, question, share};
use crate::support::service::until;

/// An arithmetic that always fails.
struct Failing;

impl Compute for Failing {
    fn answer(&self, _: &Model, _: &mut Working, _: &[Question<'_>]) -> Vec<Ranked> {
        panic!("told to")
    }
}

fn shadow(site: &Site) -> ShadowFigures {
    site.figures().shadow.expect("a shadow is on")
}

/// Waits until so many questions have been compared.
fn compared(site: &Site, count: u64) -> ShadowFigures {
    until("the shadow has answered", || shadow(site).compared == count);
    shadow(site)
}

#[test]
fn both_releases_answer_and_are_compared_and_callers_see_one() {
    let site = Site::new();
    site.try_out(0.0, 1.0);
    // [10] leads to 40 and 20, and to 40 and 30; nothing to 10 and 20, and to 60 and 20.
    for history in [&[10][..], &[10], &[10], &[]] {
        assert_eq!(site.ask(question(history, Some("someone"))), "one");
    }
    let shadow = compared(&site, 4);
    assert_eq!((shadow.sampled, shadow.dropped, shadow.share), (4, 0, share(1.0)));
    assert_eq!((shadow.overlap, shadow.top1_agreement), (Some(0.5), Some(0.75)));
    assert_eq!((shadow.current.answers, shadow.trial.answers), (4, 4));
    assert_eq!((shadow.trial.sources["table"], shadow.trial.sources["popular"]), (0.75, 0.25));
    assert!(shadow.trial.p99_s.is_some_and(|p99| p99 > 0.0));
    assert_eq!(site.figures().canary, None);
    let text = site.metrics.render();
    for line in [
        "segue_shadow_compared_total 4",
        "segue_shadow_overlap_ratio_bucket{le=\"0.4\"} 0",
        "segue_shadow_overlap_ratio_bucket{le=\"0.5\"} 4",
        "segue_shadow_overlap_ratio_sum 2",
        "segue_shadow_answers_total{arm=\"current\",source=\"table\"} 3",
        "segue_shadow_answer_duration_seconds_count{arm=\"trial\"} 4",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn the_questions_of_a_batch_are_sampled_each() {
    let site = Site::new();
    site.try_out(0.0, 1.0);
    let asks = (0..3).map(|_| Ok(site.room.check(question(&[10], None)).unwrap())).collect();
    let deadline = site.room.deadline(std::time::Instant::now(), None);
    let answering =
        site.room.answer_all(asks, deadline, |answerer| (0..3).for_each(|place| drop(answerer.answer(place))));
    site.wait(answering.unwrap().end());
    assert_eq!(compared(&site, 3).sampled, 3);
}

#[test]
fn a_share_is_sampled_and_none_is_none() {
    let site = Site::new();
    site.try_out(0.0, 0.25);
    (0..400).for_each(|_| drop(site.ask(question(&[10], None))));
    let sampled = shadow(&site).sampled;
    // Within six standard errors.
    assert!((48..=152).contains(&sampled), "{sampled}");
    site.try_out(0.0, 0.0);
    (0..50).for_each(|_| drop(site.ask(question(&[10], None))));
    assert_eq!(shadow(&site).sampled, sampled);
}

/// A shadow that falls behind costs its questions, and their callers nothing.
#[test]
fn what_finds_no_room_is_dropped_and_counted() {
    let site = Site::unwatched(Arc::new(EngineCompute), |config| config.shadow.queue_max = 2);
    site.try_out(0.0, 1.0);
    for _ in 0..5 {
        assert_eq!(site.ask(question(&[10], None)), "one");
    }
    let shadow = shadow(&site);
    assert_eq!((shadow.sampled, shadow.dropped, shadow.compared), (5, 3, 0));
}

#[test]
fn models_are_asked_where_the_service_would_ask_them() {
    for (models, source) in [(true, "model"), (false, "popular")] {
        let site = Site::computing(Arc::new(EngineCompute), |config| config.shadow.model = models);
        site.live.try_out(Some(Trial::new(site.shop.modelled("modelled", 1), share(0.0), share(1.0))));
        site.ask(question(&[60], None));
        let shadow = compared(&site, 1);
        assert_eq!((shadow.trial.sources[source], shadow.current.sources["popular"]), (1.0, 1.0), "{source}");
        assert_eq!(shadow.trial.degraded, 0.0);
    }
}

#[test]
fn a_model_that_fails_is_a_figure_and_not_the_end_of_the_shadow() {
    let site = Site::computing(Arc::new(Failing), |_| {});
    site.live.try_out(Some(Trial::new(site.shop.modelled("modelled", 1), share(0.0), share(1.0))));
    for count in 1..=2 {
        assert_eq!(site.ask(question(&[60], None)), "one");
        let shadow = compared(&site, count);
        assert_eq!((shadow.trial.degraded, shadow.current.degraded), (1.0, 0.0));
    }
}
